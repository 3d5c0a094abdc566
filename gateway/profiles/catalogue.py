"""Every profile there is: the modules of ``gateway.profiles.analyzers`` and installed plug-ins.

A plug-in is an entry point of the group ``gateway.profiles`` that gives an ``AnalyzerProfile`` or a
module with one as ``PROFILE``.  One that cannot be used is listed with the reason and harms no
other; a built-in name cannot be taken over.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Final

from gateway.profiles import analyzers
from gateway.profiles.checks import mistakes
from gateway.profiles.schema import AnalyzerProfile

GROUP: Final = "gateway.profiles"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A plug-in that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    profiles: Mapping[str, AnalyzerProfile]
    unusable: tuple[Unusable, ...] = ()


def catalogue() -> Mapping[str, AnalyzerProfile]:
    """Profiles by name, in alphabetical order."""
    return installed().profiles


@cache
def installed() -> Catalogue:
    """The catalogue of this installation, with the plug-ins that could not be used."""
    return assemble(built_in(), entry_points(group=GROUP))


def built_in() -> Iterator[AnalyzerProfile]:
    """The profiles that ship with the gateway."""
    for module in pkgutil.iter_modules(analyzers.__path__):
        profile = import_module(f"{analyzers.__name__}.{module.name}").PROFILE
        if not isinstance(profile, AnalyzerProfile):
            raise TypeError(f"{module.name}.PROFILE is no AnalyzerProfile")
        yield profile


def assemble(own: Iterable[AnalyzerProfile], plug_ins: Iterable[EntryPoint]) -> Catalogue:
    """Built-in profiles must be sound; plug-ins are checked one by one."""
    profiles = {profile.name: profile for profile in own}
    unusable: list[Unusable] = []
    for entry in plug_ins:
        found = _load(entry)
        if isinstance(found, Unusable):
            unusable.append(found)
        elif found.name in profiles:
            unusable.append(Unusable(entry.name, f"the name '{found.name}' is taken"))
        else:
            profiles[found.name] = found
    return Catalogue(MappingProxyType(dict(sorted(profiles.items()))), tuple(unusable))


def _load(entry: EntryPoint) -> AnalyzerProfile | Unusable:
    try:
        found = entry.load()
    except Exception as error:  # noqa: BLE001  # foreign code: whatever it raises is its own
        return Unusable(entry.name, f"cannot be loaded: {type(error).__name__}")
    profile = getattr(found, "PROFILE", found)
    if not isinstance(profile, AnalyzerProfile):
        return Unusable(entry.name, "gives no AnalyzerProfile")
    wrong = mistakes(profile)
    return Unusable(entry.name, "; ".join(wrong)) if wrong else profile
