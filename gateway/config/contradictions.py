"""Codes and units of a site that cannot go together: every such result is marked, or held.

A LOINC code may stand for mass in a volume while the unit says moles.  The file is sound all the
same and the gateway runs with it: these are notes, not mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.profiles import catalogue
from gateway.profiles.properties import contradict, explained
from gateway.profiles.schema import Analyte

Codes = Mapping[str, str]


def contradictions(configuration: Configuration) -> Iterator[Mistake]:
    """Only what is certain: a unit named for the test, or every unit its profile allows."""
    for name, device in configuration.analyzers.items():
        analytes = catalogue()[device.profile].analytes
        where = ("devices", name)
        yield from _by_site(where, device.codes, device.units, analytes)
        yield from _by_profile(where, device.codes, device.units, analytes)
    for name, lab in configuration.send_outs.items():
        yield from _by_site(("orders", "send_out", name), lab.codes, lab.units, {})


def _by_site(
    where: tuple[str, ...], codes: Codes, units: Codes, analytes: Mapping[str, Analyte]
) -> Iterator[Mistake]:
    for key, ucum in units.items():
        code, colon, _ = key.partition(":")
        analyte = analytes.get(code)
        usual = analyte.by_unit.get(ucum, analyte.loinc) if analyte is not None else None
        loinc = codes.get(code, usual)
        if colon and loinc and contradict(loinc, ucum):
            yield Mistake((*where, "units", key), _text(code, loinc, ucum))


def _by_profile(
    where: tuple[str, ...], codes: Codes, units: Codes, analytes: Mapping[str, Analyte]
) -> Iterator[Mistake]:
    for code, loinc in codes.items():
        allowed = analytes[code].units if code in analytes else ()
        named = any(key.startswith(f"{code}:") for key in units)
        if allowed and not named and all(contradict(loinc, ucum) for ucum in allowed):
            yield Mistake((*where, "codes", code), _text(code, loinc, allowed[0]))


def _text(code: str, loinc: str, ucum: str) -> str:
    return f"results in {ucum} would be a unit-mismatch: {explained(code, loinc, ucum)}"
