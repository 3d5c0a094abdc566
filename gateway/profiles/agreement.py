"""What the reports of one transmission say about each other: one specimen, one patient, one value.

A specimen under two patients, and a patient's number under two persons, hold every report
concerned: one of them has the wrong name on it.  So does one test of a specimen with two values
that neither the device's ways, a replicate's number nor the time of measuring explains.  The same
value again, a value after none, and a call beside a number are no contradiction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Final, NamedTuple

from gateway.names import name_parts
from gateway.profiles.link import Protocol
from gateway.profiles.reading import Place
from gateway.profiles.schema import AnalyzerProfile
from gateway.report import (
    Absent,
    Coded,
    Kind,
    Observation,
    Patient,
    Problem,
    ProblemCode,
    Quantity,
    Report,
    Text,
    Value,
)

VERSIONS: Final = 8
"""Of one patient in a transmission; more are not compared with each other."""

_SEXES: Final = frozenset("MF")


class Given(NamedTuple):
    """One observation, its line, and the number the device gave the replicate."""

    observation: Observation
    line: Place
    replicate: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A report as it was read; ``whom`` is where its patient stands."""

    report: Report
    given: tuple[Given, ...]
    whom: str


def agreed(drawn: Sequence[Drawn], profile: AnalyzerProfile) -> tuple[Report, ...]:
    """The reports, with a problem on each that contradicts itself or another."""
    found: list[list[Problem]] = [[] for _ in drawn]
    for numbers in _together(drawn):
        if _mixed_up([drawn[number].report for number in numbers]):
            for number in numbers:
                problem = Problem(ProblemCode.IDENTITY_CONFLICT, drawn[number].whom)
                found[number].append(problem)
    for specimen in _specimens(drawn):
        for number, at in _contradictions(drawn, specimen, profile):
            found[number].append(Problem(ProblemCode.CONFLICTING_RESULTS, at))
    return tuple(_with(one.report, problems) for one, problems in zip(drawn, found, strict=True))


def _with(report: Report, problems: Iterable[Problem]) -> Report:
    new = tuple(dict.fromkeys(one for one in problems if one not in report.problems))
    return replace(report, problems=(*report.problems, *new)) if new else report


def _together(drawn: Sequence[Drawn]) -> Iterator[list[int]]:
    """Reports that name the same specimen, or the same patient's number in the same place."""
    found: dict[object, list[int]] = {}
    for number, one in enumerate(drawn):
        if one.report.specimen.id is not None:
            found.setdefault(one.report.specimen.id, []).append(number)
        for identifier in dict.fromkeys(one.report.patient.ids):
            found.setdefault(identifier, []).append(number)
    yield from (numbers for numbers in found.values() if len(numbers) > 1)


def _mixed_up(reports: Sequence[Report]) -> bool:
    """Whether they cannot all be of one patient.  Too many versions of one are no one's."""
    persons = tuple({report.patient: None for report in reports})
    if len(persons) > VERSIONS:
        return True
    specimen = len({report.specimen.id for report in reports} - {None}) == 1
    return any(
        (specimen and different_ids(one, other)) or different_persons(one, other)
        for one, other in combinations(persons, 2)
    )


def different_ids(one: Patient, other: Patient) -> bool:
    """Numbers from the same place must agree; from different places, one of them."""
    first, second = ({i.source: i.value for i in person.ids} for person in (one, other))
    shared = first.keys() & second.keys()
    if shared:
        return any(first[place] != second[place] for place in shared)
    return bool(first and second) and not set(first.values()) & set(second.values())


def different_persons(one: Patient, other: Patient) -> bool:
    """Whether birth date, sex or name contradict each other.  Every word of the shorter name must
    be in the other."""
    if one.birth_date and other.birth_date and one.birth_date != other.birth_date:
        return True
    sexes = {one.sex, other.sex}
    if len(sexes) == 2 and sexes <= _SEXES:
        return True
    fewer, more = sorted((_words(person.name or "") for person in (one, other)), key=len)
    return not all(any(_alike(word, other) for other in more) for word in fewer)


def _alike(word: str, other: str) -> bool:
    """A single letter stands for a name that begins so."""
    return word == other or (1 in (len(word), len(other)) and word[0] == other[0])


def _words(name: str) -> frozenset[str]:
    spelled = " ".join(name_parts(name)).casefold()
    return frozenset("".join(c if c.isalnum() else " " for c in spelled).split())


def _specimens(drawn: Sequence[Drawn]) -> Iterator[tuple[int, ...]]:
    """The reports of each specimen and material (a label may stand on serum and urine); one that
    names none stands alone.  Controls are repeated."""
    found: dict[object, list[int]] = {}
    for number, one in enumerate(drawn):
        if one.report.kind in (Kind.PATIENT, Kind.UNKNOWN):
            specimen = one.report.specimen
            key = number if specimen.id is None else (specimen.id, specimen.type)
            found.setdefault(key, []).append(number)
    yield from (tuple(numbers) for numbers in found.values())


def _contradictions(
    drawn: Sequence[Drawn], numbers: Iterable[int], profile: AnalyzerProfile
) -> Iterator[tuple[int, str]]:
    tests: dict[tuple[str, str | None], list[tuple[int, Given]]] = {}
    for number in numbers:
        for given in drawn[number].given:
            code = given.observation.code
            tests.setdefault((code.device, code.loinc), []).append((number, given))
    for found in tests.values():
        if len(found) > 1 and not _explained([given for _, given in found], profile):
            for words in (False, True):
                for number, given in _conflicting([f for f in found if _is_words(f[1]) is words]):
                    yield number, given.line.locate(profile.where.value)


def _conflicting(found: Sequence[tuple[int, Given]]) -> Iterator[tuple[int, Given]]:
    """Different values of one moment; a value without a time may be of any."""
    said: dict[datetime | None, set[object]] = {}
    for _, given in found:
        value = given.observation.value
        if not isinstance(value, Absent):
            said.setdefault(given.observation.observed_at, set()).add(_meaning(value))
    anytime = None in said and len(set().union(*said.values())) > 1
    for number, given in found:
        if anytime or len(said.get(given.observation.observed_at, ())) > 1:
            yield number, given


def _is_words(given: Given) -> bool:
    return isinstance(given.observation.value, Text | Coded)


def _meaning(value: Value) -> object:
    """Equal for the same number however it is written."""
    if not isinstance(value, Quantity):
        return value
    unit = value.unit and (value.unit.ucum or value.unit.device)
    return (value.comparator, value.decimal, unit)


def _explained(found: Sequence[Given], profile: AnalyzerProfile) -> bool:
    """The device repeats tests, or gives every replicate a mark of its own (OBX-4), which in
    other languages must be seen to count: a dilution may stand there too."""
    if profile.replicates:
        return True
    marks = {one.replicate for one in found if one.replicate}
    if len(marks) < len(found):
        return False
    counted = {str(number) for number in range(1, len(found) + 1)}
    return profile.link.protocol is Protocol.HL7 or marks == counted
