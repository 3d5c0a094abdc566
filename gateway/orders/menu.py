"""What an ordered code means on one device: the device's own codes for its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from gateway.profiles import AnalyzerProfile

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Menu:
    """``codes`` are the site's additions, device code to LOINC; ``panels`` the site's panels.
    ``names`` says how orders to the device call a test, where that is not its code in results."""

    profile: AnalyzerProfile
    codes: Mapping[str, str]
    panels: Mapping[str, frozenset[str]]
    names: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def tests(self, ordered: str) -> tuple[str, ...]:
        """The device codes for an ordered test or panel, none when it is not done here."""
        wanted = {ordered, *self.panels.get(ordered, ())}
        found = {code for one in wanted for code in self._by_name.get(one, ())}
        return tuple(sorted(found, key=self._order.__getitem__))

    def written(self, code: str) -> str:
        """The test as an order to the device names it."""
        return self.names.get(code, code)

    @cached_property
    def _known(self) -> Mapping[str, str | None]:
        known = {code: one.loinc for code, one in self.profile.analytes.items()}
        return {**known, **self.codes}

    @cached_property
    def _order(self) -> Mapping[str, int]:
        return {code: place for place, code in enumerate(self._known)}

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for code, loinc in self._known.items():
            for name in _names(code, loinc):
                found.setdefault(name, []).append(code)
        return {name: tuple(codes) for name, codes in found.items()}


def _names(code: str, loinc: str | None) -> Iterator[str]:
    yield code
    if loinc is not None and loinc != code:
        yield loinc
