"""Any order of preliminary, final, unreadable, flagged, corrected and repeated results of one
specimen, under no patient, one or another, with a person who discards or releases in between.

Judged by what the device said alone: nothing unfit leaves, nothing leaves that was corrected since,
nothing twice, nothing under another patient; and what is said whole and fit at the end has left.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.intake import EhrRoute, Router, Sender
from gateway.intake.planning import Planner
from gateway.matching.look import Before, Finding
from gateway.messages import DESTINATION_PROFILES, report_from_json
from gateway.report import (
    Absent,
    AbsentReason,
    Code,
    Device,
    Kind,
    Observation,
    Patient,
    PatientId,
    Problem,
    ProblemCode,
    Quantity,
    Report,
    Source,
    Specimen,
    Status,
    Unit,
)
from gateway.store import FiledReport, ReportState, StoredReport

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
UNIT = Unit("mmol/L", "mmol/L")
CODES = {"GLU": "15074-8", "K": "2823-3", "NA": "2951-2"}
ALARM = ProblemCode.INSTRUMENT_ALARM
FAULTS = {
    "P": ProblemCode.STATUS_NOT_FINAL,
    "U": ProblemCode.UNREADABLE_VALUE,
    "F": ProblemCode.UNKNOWN_FLAG,
    "A": ALARM,
}
FRESH = (ReportState.QUEUED, ReportState.HELD)


@dataclass(frozen=True)
class Said:
    """One result as the device states it; ``fault`` is what is wrong with it."""

    test: str
    minute: int | None
    number: str
    fault: str = ""

    @property
    def place(self) -> tuple[str, int | None]:
        return self.test, self.minute

    def observation(self) -> Observation:
        at = None if self.minute is None else NOW + timedelta(minutes=self.minute)
        code = Code(self.test, CODES[self.test])
        one = Observation(code, Quantity(self.number, None, UNIT), self.number, observed_at=at)
        match self.fault:
            case "P":
                return replace(one, status=Status.PRELIMINARY)
            case "U":
                value = Absent(AbsentReason.UNREADABLE)
                return replace(one, value=value, raw=f"{self.number}?", status=Status.NO_RESULT)
            case "F":
                return replace(one, flags=("?!",))
            case "A":
                return replace(one, notes=("alarm",))
        return one

    @classmethod
    def of(cls, one: Observation) -> Said:
        minute = None
        if one.observed_at is not None:
            minute = round((one.observed_at - NOW).total_seconds() / 60)
        fault = "P" if one.status is Status.PRELIMINARY else "F" if one.flags else ""
        fault = "U" if isinstance(one.value, Absent) else "A" if one.notes else fault
        return cls(one.code.device, minute, one.raw.rstrip("?"), fault)


@dataclass(frozen=True)
class Transmission:
    patient: str | None
    results: tuple[Said, ...]

    def report(self, number: int) -> Report:
        ids = (PatientId(self.patient, "P.3"),) if self.patient else ()
        problems = tuple(Problem(FAULTS[one.fault], "R") for one in self.results if one.fault)
        return Report(
            f"{number:032x}",
            Device("bench", "generic-astm"),
            Kind.PATIENT,
            Specimen("L1"),
            Patient(ids),
            NOW + timedelta(minutes=number),
            tuple(one.observation() for one in self.results),
            problems,
            Source(str(number), "astm"),
        )


@dataclass(frozen=True)
class Person:
    """Decides on one of the waiting reports."""

    which: int
    releases: bool


@dataclass
class Row:
    filed: FiledReport
    state: ReportState
    results: tuple[Said, ...]
    patient: str | None
    sent: bool = False


@dataclass
class Clinic:
    """The planner over a store of plain rows."""

    rows: list[Row] = field(default_factory=list)
    released: set[Said] = field(default_factory=set)

    def __post_init__(self) -> None:
        route = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"], hold_without_patient=False)
        router = Router([route], Sender("GATEWAY", "a"), b"k" * 32, lambda: NOW)
        self.planner = Planner(router, lambda: NOW)

    def take(self, one: Transmission, number: int) -> list[Row]:
        report = one.report(number)
        before = [self._stored(place, row) for place, row in enumerate(self.rows)]
        finding = Finding(before=tuple(Before(s, None, None) for s in reversed(before)))
        new = []
        for filed in self.planner._reports(report, finding, str(number)):
            body = report_from_json(json.loads(filed.body))
            results = tuple(map(Said.of, body.observations))
            patient = body.patient.ids[0].value if body.patient.ids else None
            if filed.supersedes:
                self._replace(filed)
            state = ReportState.HELD if filed.held else ReportState.QUEUED
            new.append(Row(filed, state, results, patient, sent=not filed.held))
        self.rows += new
        return new

    def decide(self, person: Person) -> None:
        """Only the latest revision of a report is released."""
        waiting = [row for row in self.rows if row.state is ReportState.HELD]
        if not waiting:
            return
        row = waiting[person.which % len(waiting)]
        chain = [one for one in self.rows if one.filed.id == row.filed.id]
        if not person.releases:
            row.state = ReportState.DISCARDED
        elif row is chain[-1]:
            self._replace(row.filed)
            row.state, row.sent = ReportState.QUEUED, True
            self.released |= set(row.results)

    def _replace(self, filed: FiledReport) -> None:
        for row in self.rows:
            if row.filed.id == filed.id and row.state is ReportState.HELD:
                row.state = ReportState.REPLACED

    def _stored(self, number: int, row: Row) -> StoredReport:
        one = row.filed
        return StoredReport(
            number + 1,
            one.id,
            one.revision,
            number + 1,
            one.device,
            one.kind,
            one.specimen,
            one.received_at,
            row.state,
            one.body,
        )


RESULT = st.builds(
    Said,
    st.sampled_from(sorted(CODES)),
    st.sampled_from((0, 0, 0, 30, None)),
    st.sampled_from(("5.0", "5.1")),
    st.sampled_from(("", "", "", *FAULTS)),
)
RESULTS = st.lists(RESULT, min_size=1, max_size=4, unique_by=lambda one: one.place)
SENT = st.builds(Transmission, st.sampled_from(("M1", "M1", "M1", None, "M2")), RESULTS.map(tuple))
PEOPLE = st.builds(Person, st.integers(0, 3), st.booleans())
PLAY = st.lists(SENT | SENT | SENT | PEOPLE, min_size=1, max_size=9)


def played(play: Sequence[Transmission | Person]) -> Iterator[tuple[Clinic, Row, Transmission]]:
    """Every report that left by itself, with the transmission that let it go."""
    clinic = Clinic()
    for number, step in enumerate(play, start=1):
        if isinstance(step, Person):
            clinic.decide(step)
            continue
        for row in clinic.take(step, number):
            if row.sent:
                yield clinic, row, step


@settings(max_examples=250)
@given(PLAY)
def test_nothing_unfit_leaves_by_itself(play: list[Transmission | Person]) -> None:
    for clinic, row, _ in played(play):
        assert all(not one.fault or one in clinic.released for one in row.results)


@settings(max_examples=250)
@given(PLAY)
def test_what_leaves_was_said_by_the_device_and_not_discarded(
    play: list[Transmission | Person],
) -> None:
    for clinic, row, step in played(play):
        chain = [one for one in clinic.rows if one.filed.id == row.filed.id and one is not row]
        kept = [one for one in chain if one.state is not ReportState.DISCARDED]
        assert row.patient in {None, step.patient, *(one.patient for one in kept)}
        standing = {
            x for one in chain if one.state is not ReportState.DISCARDED for x in one.results
        }
        assert set(row.results) <= standing | set(step.results)


@settings(max_examples=250)
@given(PLAY)
def test_what_was_corrected_since_does_not_leave(play: list[Transmission | Person]) -> None:
    """The older of two contents said again alone is a repeat, and brings nothing back."""
    said: dict[tuple[str, int | None], list[Said]] = defaultdict(list)
    one_patient = [replace(s, patient="M1") if isinstance(s, Transmission) else s for s in play]
    for clinic, row, step in played(one_patient):
        seen = one_patient[: next(n for n, s in enumerate(one_patient) if s is step) + 1]
        unwanted = {x for r in clinic.rows if r.state is ReportState.DISCARDED for x in r.results}
        said.clear()
        for each in seen:
            for one in each.results if isinstance(each, Transmission) else ():
                if one not in said[one.place] and (one not in unwanted or one in row.results):
                    said[one.place].append(one)
        assert all(one.minute is None or said[one.place][-1] == one for one in row.results)


@settings(max_examples=250)
@given(PLAY)
def test_an_alarm_waits_for_a_person(play: list[Transmission | Person]) -> None:
    """Whatever the device says of that report later."""
    for clinic, row, _ in played(play):
        chain = [one for one in clinic.rows if one.filed.id == row.filed.id and one is not row]
        for one in chain:
            alarmed = any(problem.code is ALARM for problem in one.filed.problems)
            waited = one.state in (ReportState.HELD, ReportState.REPLACED)
            assert not (alarmed and waited) or _decided(chain, one)


def _decided(rows: list[Row], about: Row) -> bool:
    """Whether a person let a revision of this report go."""
    return any(one.sent and one.filed.held and one.filed.id == about.filed.id for one in rows)


@settings(max_examples=250)
@given(PLAY)
def test_nothing_leaves_under_a_patient_that_others_contradict(
    play: list[Transmission | Person],
) -> None:
    for clinic, row, _ in played(play):
        if _decided(clinic.rows, row):
            continue
        places = {one.place for one in row.results}
        for other in clinic.rows:
            if other.state in FRESH and places & {one.place for one in other.results}:
                assert row.patient in (None, other.patient) or other.patient is None


@settings(max_examples=250)
@given(PLAY)
def test_nothing_leaves_twice(play: list[Transmission | Person]) -> None:
    said: dict[str, tuple[frozenset[Said], str | None]] = {}
    homes: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for _, row, _ in played(play):
        now = frozenset(row.results), row.patient
        assert said.get(row.filed.id) != now
        said[row.filed.id] = now
        for one in row.results:
            if one.minute is not None:
                homes[(one.place, row.patient)].add(row.filed.id)
    assert all(len(ids) == 1 for ids in homes.values())


@settings(max_examples=250)
@given(st.lists(SENT, min_size=1, max_size=6))
def test_what_is_said_whole_and_fit_and_new_at_the_end_has_left(play: list[Transmission]) -> None:
    """Of one patient, with times, without alarms: then nobody has to decide anything."""
    clinic, places = Clinic(), set()
    for number, one in enumerate(play, start=1):
        timed = [r for r in one.results if r.minute is not None]
        mild = [replace(r, fault="" if r.fault == "A" else r.fault) for r in timed]
        if mild:
            clinic.take(Transmission("M1", tuple(mild)), number)
        places |= {one.place for one in mild}
    if any(
        p.code is ProblemCode.CONFLICTING_RESULTS for r in clinic.rows for p in r.filed.problems
    ):
        return
    if not places:
        return
    whole = tuple(Said(test, minute, "7.0") for test, minute in sorted(places, key=str))
    clinic.take(Transmission("M1", whole), 20)
    last = {row.filed.id: row for row in clinic.rows}
    assert all(row.sent for row in last.values())
    assert {one for row in last.values() for one in row.results} == set(whole)


@settings(max_examples=250)
@given(
    st.permutations(sorted(CODES)), st.lists(st.sampled_from(("P", "U")), min_size=3, max_size=3)
)
def test_results_made_final_one_by_one_leave_with_the_last(
    order: list[str], faults: list[str]
) -> None:
    clinic = Clinic()
    first = tuple(Said(*pair) for pair in zip(order, (0,) * 3, "555", faults, strict=True))
    clinic.take(Transmission("M1", first), 1)
    for number, test in enumerate(order, start=2):
        assert not any(row.sent for row in clinic.rows)
        clinic.take(Transmission("M1", (Said(test, 0, "6"),)), number)
    (row,) = [row for row in clinic.rows if row.sent]
    assert set(row.results) == {Said(test, 0, "6") for test in order}
    clinic.take(Transmission("M1", row.results), 9)
    assert sum(row.sent for row in clinic.rows) == 1
