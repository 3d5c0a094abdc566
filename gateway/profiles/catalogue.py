"""Every profile there is: the modules of ``gateway.profiles.analyzers`` and installed plug-ins.

A plug-in is an entry point of the group ``gateway.profiles`` that gives an ``AnalyzerProfile`` or a
module with one as ``PROFILE``.  One that cannot be used is listed with the reason and harms no
other; a built-in name cannot be taken over.

A gateway needs a few profiles of many: asked for by name, a built-in one alone is loaded, from the
module of that name.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.profiles import analyzers
from gateway.profiles.checks import mistakes
from gateway.profiles.schema import AnalyzerProfile

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "gateway.profiles"
_NAME: Final = re.compile("[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Unusable:
    """A plug-in that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    profiles: Mapping[str, AnalyzerProfile]
    unusable: tuple[Unusable, ...] = ()


class _Installed(Mapping[str, AnalyzerProfile]):
    """All of them, each loaded when it is asked for."""

    def __getitem__(self, name: str) -> AnalyzerProfile:
        own = _built_in(name)
        return installed().profiles[name] if own is None else own

    def __iter__(self) -> Iterator[str]:
        return iter(installed().profiles)

    def __len__(self) -> int:
        return len(installed().profiles)


def catalogue() -> Mapping[str, AnalyzerProfile]:
    """Profiles by name, in alphabetical order."""
    return _CATALOGUE


@cache
def installed() -> Catalogue:
    """The catalogue of this installation, with the plug-ins that could not be used."""
    from importlib.metadata import entry_points  # large, and needed here only

    return assemble(built_in(), entry_points(group=GROUP))


def built_in() -> Iterator[AnalyzerProfile]:
    """The profiles that ship with the gateway."""
    for module in pkgutil.iter_modules(analyzers.__path__):
        yield _profile(f"{analyzers.__name__}.{module.name}")


@cache
def _built_in(name: str) -> AnalyzerProfile | None:
    """None when none that ships with the gateway is called so."""
    module = f"{analyzers.__name__}.{name.replace('-', '_')}"
    if not _NAME.fullmatch(name) or find_spec(module) is None:
        return None
    return _profile(module)


def _profile(module: str) -> AnalyzerProfile:
    profile = import_module(module).PROFILE
    if not isinstance(profile, AnalyzerProfile):
        raise TypeError(f"{module}.PROFILE is no AnalyzerProfile")
    if profile.name != module.rpartition(".")[2].replace("_", "-"):
        raise ValueError(f"{module}: the profile must be called as its module is")
    return profile


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


_CATALOGUE: Final = _Installed()
