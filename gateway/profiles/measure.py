"""The value cell of a result line to values with their units.

A cell may hold a call and a number (two values), or a value and its unit.  More than the profile
says it holds, or several repeats, is a fault: the first component alone may not be the answer.
Units are looked up, never converted; a missing or unexpected one is a problem.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from gateway.profiles.context import Context
from gateway.profiles.loinc import terms
from gateway.profiles.patterns import compiled
from gateway.profiles.reading import Place
from gateway.profiles.schema import Analyte, AnalyzerProfile, Part, Quirk, Scale
from gateway.profiles.units import to_ucum
from gateway.profiles.values import UNREADABLE, Writing, is_plain_number, read_value
from gateway.report import Absent, Problem, ProblemCode, Quantity, Range, Unit, Value

_UNITLESS: Final = frozenset(("", "[pH]", "{INR}", "{ratio}", "{index}"))


class Measured(NamedTuple):
    """One value.  ``beside_call``: it is the number that came with a call."""

    value: Value
    raw: str
    ucum: str | None = None
    flags: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    beside_call: bool = False
    notes: tuple[str, ...] = ()


def answer_instead(place: Place, profile: AnalyzerProfile) -> str | None:
    """The answer of a line without a value, where it stands and is no flag."""
    text = place.whole(profile.where.instead) if profile.where.instead else None
    return None if text in profile.flags else text


@lru_cache(maxsize=256)
def _writing(profile: AnalyzerProfile) -> Writing:
    trailing = frozenset(profile.flags) if Quirk.TRAILING_FLAG in profile.quirks else frozenset()
    return Writing(profile.decimal, profile.voids, trailing)


@lru_cache(maxsize=1024)
def _unit(sent: str, ucum: str) -> Unit:
    """Known ones are few and come with every value."""
    return Unit(sent, ucum)


class Measure:
    """Reads the values of one test in one place."""

    __slots__ = ("_analyte", "_code", "_context", "_place", "_profile")

    def __init__(
        self, place: Place, profile: AnalyzerProfile, context: Context, code: str, analyte: Analyte
    ) -> None:
        self._place = place
        self._profile = profile
        self._context = context
        self._code = code
        self._analyte = analyte

    def read(self) -> tuple[Measured, ...]:
        """One value, or two; an empty cell is one absent value."""
        where = self._profile.where
        cells = self._place.cells(where.value)
        empty = where.instead and not any(part.strip() for cell in cells for part in cell)
        if empty and (answer := answer_instead(self._place, self._profile)):
            return (self._one(answer, Scale.ANSWER),)
        if len(cells) == 1 and len(cells[0]) == 1:
            return (self._one(cells[0][0], self._analyte.scale),)
        filled = [cell for cell in cells if any(part.strip() for part in cell)]
        first = cells[0] if cells else ()
        beyond = any(part.strip() for part in first[len(where.parts) :])
        if beyond or (filled and filled != [first]):
            return (self._faulty(self._place.at(where.value) or ""),)
        return self._parts(first)

    def _parts(self, cell: tuple[str, ...]) -> tuple[Measured, ...]:
        roles = self._profile.where.parts
        found = {role: text for role, text in zip(roles, cell, strict=False) if text.strip()}
        call, number = found.get(Part.VALUE), found.get(Part.NUMBER)
        unit = found.get(Part.UNIT)
        if call is None or number is None:
            text = call or number or (cell[0] if cell else "")
            return (self._one(text, self._analyte.scale, unit),)
        return (
            self._one(call, Scale.ANSWER, unit),
            self._one(number, Scale.NUMBER, unit, beside_call=True),
        )

    def _one(
        self, text: str, scale: Scale, unit: str | None = None, *, beside_call: bool = False
    ) -> Measured:
        for void in self._analyte.voids:
            if compiled(void.pattern).fullmatch(text.strip()):
                return Measured(Absent(void.reason), text)
        writing, answers = _writing(self._profile), self._analyte.answers
        if not answers and is_plain_number(text, writing):
            return self._number(text, unit, beside_call=beside_call)
        stated = self._stated(unit) if scale is Scale.ANY else ""
        measured = scale is Scale.ANY and (bool(stated) or self._numeric())
        read = read_value(text, writing, scale, answers, self._knows_unit, measured=measured)
        if read.faulty:
            return self._faulty(text)
        known = self._profile.flags
        flags = tuple(filter(None, map(known.__getitem__, read.flags))) if read.flags else ()
        match read.value:
            case Quantity(number, comparator):
                found, problems = self._unit(unit, read.unit)
                value: Value = Quantity(number, comparator, found)
            case Range(low, high):
                found, problems = self._unit(unit, read.unit)
                value = Range(low, high, found)
            case other:
                words = stated and not isinstance(other, Absent)
                notes = (f"unit sent beside this answer: {stated}",) if words else ()
                return Measured(other, text, None, flags, notes=notes)
        ucum = found.ucum if found else None
        return Measured(value, text, ucum, flags, problems, beside_call)

    def _number(self, text: str, beside: str | None, *, beside_call: bool) -> Measured:
        unit, problems = self._unit(beside, None)
        ucum = unit.ucum if unit else None
        return Measured(Quantity(text, None, unit), text, ucum, (), problems, beside_call)

    def _stated(self, beside: str | None) -> str:
        """The unit sent with the value."""
        path = self._profile.where.unit
        return ((self._place.whole(path) if path else None) or beside or "").strip()

    def _numeric(self) -> bool:
        """Whether the message declares the value a number, or the site names the unit of it."""
        path, site = self._profile.where.value_type, self._context.units.get(f"{self._code}:")
        declared = path is not None and self._place.whole(path) in ("NM", "SN")
        return declared or (site is not None and not site.startswith("{"))

    def _faulty(self, text: str) -> Measured:
        where = self._place.locate(self._profile.where.value)
        problem = Problem(ProblemCode.UNREADABLE_VALUE, where)
        return Measured(UNREADABLE.value, text, problems=(problem,))

    def _unit(
        self, beside: str | None, glued: str | None
    ) -> tuple[Unit | None, tuple[Problem, ...]]:
        """The unit at its address, in the cell or glued to the value: all must agree."""
        path = self._profile.where.unit
        stated = self._place.whole(path) if path else None
        first = stated or beside or glued
        if first is None:
            return self._unsent()
        text = first.strip()
        if Quirk.NUMBERED_UNITS in self._profile.quirks and text.isdecimal():
            return self._numbered(text)
        ucum = self._ucum(text)
        others = [other for other in (beside, glued) if other]
        if others and any(self._ucum(other) != ucum for other in others):
            ucum = None
        unit = _unit(text, ucum) if ucum else Unit(text)
        if ucum is None or not self._expected(text, ucum):
            return unit, (self._unit_problem(ProblemCode.UNKNOWN_UNIT),)
        return unit, ()

    def _numbered(self, text: str) -> tuple[Unit | None, tuple[Problem, ...]]:
        """A number of a set of units is no unit; what it means the site says, or the test does."""
        ucum = self._ucum(text)
        return (Unit("", ucum), ()) if ucum else self._unsent()

    def _unsent(self) -> tuple[Unit | None, tuple[Problem, ...]]:
        ucum = self._ucum("") or self._analyte.unsent
        if ucum is not None:
            return Unit("", ucum), ()
        if self._without_unit():
            return None, ()
        return None, (self._unit_problem(ProblemCode.UNIT_MISSING),)

    def _without_unit(self) -> bool:
        """Whether the test has no unit: its profile says so, or the LOINC list does."""
        if self._analyte.scale is not Scale.ANY:
            return self._analyte.bare or not self._analyte.units
        term = terms().get(self._analyte.loinc or "")
        return term is not None and (term.unit or "") in _UNITLESS

    def _unit_problem(self, code: ProblemCode) -> Problem:
        where = self._profile.where
        return Problem(code, self._place.locate(where.unit or where.value))

    def _knows_unit(self, unit: str) -> bool:
        return self._ucum(unit) is not None

    def _ucum(self, unit: str) -> str | None:
        return to_ucum(unit, self._code, self._context.units, self._profile.units)

    def _expected(self, unit: str, ucum: str) -> bool:
        """A unit the site allowed for this very test is expected; where the site names units of a
        test of its own, only those are.  A test of the profile without a unit takes none."""
        allowed, site = self._analyte.units, self._context.units
        if ucum in allowed or f"{self._code}:{unit}" in site:
            return True
        if self._analyte.scale is Scale.ANY:
            named = f"{self._code}:"
            return not allowed and not any(entry.startswith(named) for entry in site)
        return not allowed and (ucum in _UNITLESS or self._analyte.scale is not Scale.NUMBER)
