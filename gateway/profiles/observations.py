"""One result line to observations, with everything about it that must be looked at.

A line gives one observation; two where it holds a call and a number; none where the profile says
it is a remark or a picture.  A code nobody mapped, an unknown or unexpected unit, a value, time,
status or flag that cannot be read each hold the report, at their position; so does a unit of
another property than the LOINC code, unless every code is the site's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from gateway.profiles.circumstances import UNSETTLED, Circumstances, Surroundings
from gateway.profiles.codes import UNMAPPED, Test, read_test
from gateway.profiles.context import Context
from gateway.profiles.loinc import display_of
from gateway.profiles.measure import Measure, Measured
from gateway.profiles.properties import contradict
from gateway.profiles.reading import Line, Place
from gateway.profiles.schema import Analyte, AnalyzerProfile, AsideRole, Quirk
from gateway.report import Absent, Code, Observation, Problem, ProblemCode, Status


class LineReading(NamedTuple):
    """What one line gave.  ``remark`` is what it says where it is no measurement; ``details``
    are what it adds to the result above."""

    observations: tuple[Observation, ...] = ()
    problems: tuple[Problem, ...] = ()
    remark: str | None = None
    details: tuple[str, ...] = ()


class LineReader:
    """Reads the result lines of one transmission.  Never drops a line: what it cannot read it
    reports."""

    def __init__(self, profile: AnalyzerProfile, context: Context) -> None:
        self._profile = profile
        self._context = context
        self._surroundings = Surroundings(profile, context)

    def read(self, line: Line) -> LineReading:
        profile = self._profile
        test = read_test(line.place, profile, self._context)
        if test.aside is not None:
            return _aside(test.aside.role, test.code, line, profile)
        if test.analyte is None and _is_message(line.place, profile):
            return _aside(AsideRole.REMARK, test.code, line, profile)
        return self._measured(test, line)

    def _measured(self, test: Test, line: Line) -> LineReading:
        place, profile, analyte = line.place, self._profile, test.analyte or UNMAPPED
        found = Measure(place, profile, self._context, test.code, analyte).read()
        absent = all(isinstance(one.value, Absent) for one in found)
        around = self._surroundings.read(line, absent=absent)
        observations = tuple([_observation(test.code, analyte, one, around) for one in found])
        problems: list[Problem] = []
        if test.analyte is None:
            problems.append(Problem(ProblemCode.UNKNOWN_TEST, place.locate(test.path)))
        for one in found:
            problems += one.problems
        for observation, one in zip(observations, found, strict=True):
            loinc = observation.code.loinc
            if loinc and one.ucum and contradict(loinc, one.ucum):
                problems.append(_mismatch(place, profile))
        return LineReading(observations, (*problems, *around.problems))


def _is_message(place: Place, profile: AnalyzerProfile) -> bool:
    return (
        Quirk.MESSAGE_WITHOUT_VALUE in profile.quirks
        and place.at(profile.where.value) is None
        and any(place.every(path) for path in profile.where.flags)
    )


def _aside(role: AsideRole, code: str, line: Line, profile: AnalyzerProfile) -> LineReading:
    match role:
        case AsideRole.DETAIL:
            cells = line.place.cells(profile.where.value)
            names = (text for path in profile.where.detail for text in line.place.every(path))
            parts = (*code.split("^"), *names, *(part for cell in cells for part in cell))
            text = " ".join(part.strip() for part in parts if part.strip())
            return LineReading(details=(text, *line.remarks))
        case AsideRole.REMARK:
            cells = line.place.cells(profile.where.value)
            value = " ".join(part.strip() for cell in cells for part in cell)
            flags = [flag for path in profile.where.flags for flag in line.place.every(path)]
            words = (code, value, *flags, *line.remarks)
            return LineReading(remark=" ".join(word for word in words if word))
        case AsideRole.IMAGE:
            return LineReading(remark=f"{code}: picture on the analyzer")
        case AsideRole.IGNORED:
            return LineReading()


def _mismatch(place: Place, profile: AnalyzerProfile) -> Problem:
    """Whoever goes by the code would take the number for one in another unit.

    Where every code is the site's, the site has the last word: it is told, and the result leaves.
    """
    where = profile.where.unit or profile.where.value
    return Problem(ProblemCode.UNIT_MISMATCH, place.locate(where), hold=not profile.generic)


def _observation(code: str, analyte: Analyte, one: Measured, around: Circumstances) -> Observation:
    status = around.status
    if isinstance(one.value, Absent) and status not in UNSETTLED:
        status = Status.NO_RESULT
    return Observation(
        code=_named(code, analyte, one),
        value=one.value,
        raw=one.raw,
        flags=tuple(dict.fromkeys((*around.flags, *one.flags))) if one.flags else around.flags,
        range=around.range,
        status=status,
        observed_at=around.observed_at,
        operator=around.operator,
        notes=(*around.notes, *one.notes) if one.notes else around.notes,
    )


def _named(code: str, analyte: Analyte, one: Measured) -> Code:
    loinc = analyte.by_unit.get(one.ucum or "", analyte.loinc)
    if one.beside_call and analyte.number:
        loinc = analyte.number
    return _coded(code, loinc, analyte.display) if loinc else Code(code, None, analyte.display)


@lru_cache(maxsize=8192)
def _coded(code: str, loinc: str, display: str | None) -> Code:
    """Of a code that is in the profile or the site's map."""
    return Code(code, loinc, display_of(loinc) or display)
