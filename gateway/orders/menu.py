"""What an ordered code means on one device: the device's own codes for its tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from gateway.profiles import AnalyzerProfile

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Menu:
    """``codes`` are the site's additions, device code to LOINC; ``panels`` the site's panels.
    ``names`` says how orders to the device call a test, where that is not its code in results.

    Where a device has several codes for one LOINC (models and languages spell them differently),
    an order names one: the one that ``names`` has, else the site's, else the profile's first.
    """

    profile: AnalyzerProfile
    codes: Mapping[str, str]
    panels: Mapping[str, frozenset[str]]
    names: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def tests(self, ordered: str) -> tuple[str, ...]:
        """The device codes for an ordered test or panel, none when it is not done here."""
        wanted = {ordered, *self.panels.get(ordered, ())}
        found = {self._by_name[one] for one in wanted if one in self._by_name}
        return tuple(sorted(found, key=self._order.__getitem__))

    def spellings(self, ordered: str) -> tuple[str, ...]:
        """Every device code that may bring a result of an ordered test or panel."""
        wanted = {ordered, *self.panels.get(ordered, ())}
        return tuple(c for c, loinc in self._known.items() if c in wanted or loinc in wanted)

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
    def _by_name(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for code in sorted(self._known, key=self._rank):
            loinc = self._known[code]
            if loinc is not None:
                found.setdefault(loinc, code)
        return found | {code: code for code in self._known}

    def _rank(self, code: str) -> tuple[bool, bool, int]:
        return code not in self.names, code not in self.codes, self._order[code]
