"""What an ordered code means on one device: the device's own codes for its tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.profiles import AnalyzerProfile


@dataclass(frozen=True, slots=True)
class Menu:
    """``codes`` are the site's additions, device code to LOINC; ``panels`` the site's panels."""

    profile: AnalyzerProfile
    codes: Mapping[str, str]
    panels: Mapping[str, frozenset[str]]

    def tests(self, ordered: str) -> tuple[str, ...]:
        """The device codes for an ordered test or panel, none when it is not done here."""
        wanted = {ordered, *self.panels.get(ordered, ())}
        return tuple(dict.fromkeys(self._named(wanted)))

    def _named(self, wanted: set[str]) -> Iterator[str]:
        known = {code: one.loinc for code, one in self.profile.analytes.items()}
        known |= self.codes
        for code, loinc in known.items():
            if code in wanted or (loinc is not None and loinc in wanted):
                yield code
