"""The value cell of a result line to values with their units.

A cell may hold a call and a number (two values), or a value and its unit.  More than the profile
says it holds, or several repeats, is a fault: the first component alone may not be the answer.
Units are looked up, never converted; a missing or unexpected one is a problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from gateway.profiles.context import Context
from gateway.profiles.loinc import terms
from gateway.profiles.reading import Place, whole
from gateway.profiles.schema import Analyte, AnalyzerProfile, Part, Quirk, Scale
from gateway.profiles.units import to_ucum
from gateway.profiles.values import UNREADABLE, Writing, read_value
from gateway.report import Problem, ProblemCode, Quantity, Range, Unit, Value

_UNITLESS: Final = frozenset(("", "[pH]", "{INR}", "{ratio}", "{index}"))


@dataclass(frozen=True, slots=True)
class Measured:
    """One value.  ``beside_call``: it is the number that came with a call."""

    value: Value
    raw: str
    flags: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    beside_call: bool = False

    @property
    def ucum(self) -> str | None:
        match self.value:
            case Quantity(unit=Unit(ucum=ucum)) | Range(unit=Unit(ucum=ucum)):
                return ucum
        return None


@dataclass(frozen=True, slots=True)
class Measure:
    """Reads the values of one test."""

    profile: AnalyzerProfile
    context: Context
    code: str
    analyte: Analyte
    _writing: Writing = field(init=False)

    def __post_init__(self) -> None:
        flagged = Quirk.TRAILING_FLAG in self.profile.quirks
        writing = Writing(
            self.profile.decimal,
            self.profile.voids,
            lambda unit: self._ucum(unit) is not None,
            frozenset(self.profile.flags) if flagged else frozenset(),
        )
        object.__setattr__(self, "_writing", writing)

    def read(self, place: Place) -> tuple[Measured, ...]:
        """One value, or two; an empty cell is one absent value."""
        path = self.profile.where.value
        parts = place.parts(path)
        roles = self.profile.where.parts
        repeats = place.every(path)
        beyond = any(part.strip() for part in parts[len(roles) :])
        elsewhere = bool(repeats) and not any(part.strip() for part in parts)
        if len(repeats) > 1 or beyond or elsewhere:
            at = place.locate(path)
            raw = place.at(path) or ""
            return (Measured(UNREADABLE.value, raw, problems=(_unreadable(at),)),)
        found = {role: text for role, text in zip(roles, parts, strict=False) if text.strip()}
        call, number = found.get(Part.VALUE), found.get(Part.NUMBER)
        unit = found.get(Part.UNIT)
        if call is None or number is None:
            text = call or number or (parts[0] if parts else "")
            return (self._one(place, text, self.analyte.scale, unit),)
        beside = self._one(place, number, Scale.NUMBER, unit)
        return (
            self._one(place, call, Scale.ANSWER, unit),
            replace(beside, beside_call=True),
        )

    def _one(self, place: Place, text: str, scale: Scale, unit: str | None) -> Measured:
        read = read_value(text, self._writing, scale, self.analyte.answers)
        flags = tuple(word for flag in read.flags if (word := self.profile.flags[flag]))
        if read.faulty:
            at = place.locate(self.profile.where.value)
            return Measured(read.value, text, flags, (_unreadable(at),))
        if not isinstance(read.value, Quantity | Range):
            return Measured(read.value, text, flags)
        found, problems = self._unit(place, [u for u in (unit, read.unit) if u])
        return Measured(replace(read.value, unit=found), text, flags, problems)

    def _unit(self, place: Place, glued: Sequence[str]) -> tuple[Unit | None, tuple[Problem, ...]]:
        """The unit at its address, in the cell or glued to the value: all must agree."""
        path = self.profile.where.unit
        stated = (whole(place, path) or "") if path else ""
        where = place.locate(path or self.profile.where.value)
        texts = [text.strip() for text in (stated, *glued) if text.strip()]
        if not texts:
            return self._unsent(where)
        ucums = {self._ucum(text) for text in texts}
        unit = Unit(texts[0], ucums.pop() if len(ucums) == 1 else None)
        if unit.ucum is None or not self._expected(texts[0], unit.ucum):
            return unit, (Problem(ProblemCode.UNKNOWN_UNIT, where),)
        return unit, ()

    def _unsent(self, where: str) -> tuple[Unit | None, tuple[Problem, ...]]:
        ucum = self._ucum("") or self.analyte.unsent
        if ucum is not None:
            return Unit("", ucum), ()
        if self._without_unit():
            return None, ()
        return None, (Problem(ProblemCode.UNIT_MISSING, where),)

    def _without_unit(self) -> bool:
        """Whether the test has no unit: its profile says so, or the LOINC list does."""
        if self.analyte.scale is not Scale.ANY:
            return not self.analyte.units
        term = terms().get(self.analyte.loinc or "")
        return term is not None and (term.unit or "") in _UNITLESS

    def _ucum(self, unit: str) -> str | None:
        return to_ucum(unit, self.code, self.context.units, self.profile.units)

    def _expected(self, unit: str, ucum: str) -> bool:
        """A unit the site allowed for this very test is expected."""
        allowed = self.analyte.units
        return not allowed or ucum in allowed or f"{self.code}:{unit}" in self.context.units


def _unreadable(where: str) -> Problem:
    return Problem(ProblemCode.UNREADABLE_VALUE, where)
