"""What a transmission means, and what is therefore to be filed: reports, holds, messages.

A report is completed with what matching found: the patient as the EHR knows them, the order it
answers, and its place among earlier reports of the specimen.  Results for several orders become a
report for each.  One that anything is wrong with brings no messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import apsw

from gateway.intake.attribution import Known
from gateway.intake.division import divided, earlier, named, read_back
from gateway.intake.parties import known_person, message_order
from gateway.intake.routes import Revision, Router, obstacle
from gateway.matching import Earlier, Finding, Match, Piece, Rules, pieces, quality
from gateway.matching.completeness import Course
from gateway.matching.identity import CLOSED, PATIENT
from gateway.matching.lifecycle import WINDOW, derived
from gateway.matching.quality import Material
from gateway.matching.strangers import another, somebody_else
from gateway.messages import IdentifierDomain, NotEncodable, canonical_text
from gateway.orders import book
from gateway.orders.book import KnownOrder
from gateway.report import Kind, Patient, Problem, ProblemCode, Report
from gateway.store import FiledReport, Filing, OutboxMessage

Check = Callable[[apsw.Connection], bool]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a transmission means today; ``content_key`` is None when it holds no results.

    ``ahead``: how far the device's clock was ahead of ours when it sent this just now."""

    known: Known
    content_key: bytes | None
    reports: tuple[Report, ...] = ()
    problems: tuple[Problem, ...] = ()
    messages: tuple[OutboxMessage, ...] = ()
    ahead: timedelta | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Nothing is known but the transmission itself."""
        return (Finding(),) * len(self.reports)

    @property
    def window(self) -> timedelta | None:
        """How long the same content counts as a repeat: for ever where it says when it was."""
        times = [one.observed_at for report in self.reports for one in report.observations]
        return WINDOW if times and not any(times) else None


class Planner:
    """Pure but for the router's clock."""

    def __init__(
        self,
        router: Router,
        clock: Callable[[], datetime],
        materials: Mapping[str, Material] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self._rules = rules
        self._router = router
        self._clock = clock
        self._materials = dict(materials or {})

    def filing(
        self, meaning: Meaning, findings: Sequence[Finding], transmission: int, check: Check | None
    ) -> Filing:
        """Everything one transaction has to write."""
        filed = tuple(
            each
            for report, finding in zip(meaning.reports, findings, strict=True)
            for each in self._reports(report, finding, str(transmission))
        )
        events = [message for report in filed for message in self._held(report)]
        answered = tuple(r.order for r in filed if r.order is not None and r.whole)
        controls = tuple(report for report in meaning.reports if report.kind is Kind.QC)
        now, materials = self._clock(), self._materials

        def also(connection: apsw.Connection) -> None:
            for order in answered:
                book.done(connection, order, now)
            for control in controls:
                quality.record(connection, control, materials, now)

        return Filing(
            meaning.content_key,
            filed,
            meaning.problems,
            (*meaning.messages, *events),
            window=meaning.window,
            check=check,
            also=also if answered or controls else None,
        )

    def _reports(
        self, report: Report, finding: Finding, transmission: str
    ) -> Iterator[FiledReport]:
        match = finding.match
        report = report.doubted(*_failed(report, finding), *_adrift(finding))
        if report.kind is not Kind.PATIENT or (match is None and not finding.before):
            yield self.filed(report, Revision(), 1)
            return
        before = tuple(earlier(one) for one in finding.before)
        orders = {one.order.id: one.order for one in finding.before if one.order is not None}
        owner = match.patient.id if match and match.patient else None
        doubted = not finding.adrift and somebody_else(report, before, owner)
        if not finding.adrift:
            before = tuple(one for one in before if not another(report, one, owner))
        course = Course(self._rules, () if finding.adrift else before)
        if doubted:
            doubtful = _doubted(report, finding, transmission)
            yield from self._fresh(Piece(doubtful), doubtful, match or Match(), course)
            return
        for piece in pieces(report, before, transmission):
            if piece.revises and finding.adrift:
                yield self._set_aside(piece, finding, before)
                continue
            if piece.revises:
                order = orders.get(piece.order or 0)
                revised = self._revised(piece, match or Match(), order, course)
                course = course.after(read_back(revised))
                yield revised
                continue
            yield from self._fresh(piece, report, match or Match(), course)

    def _revised(
        self, piece: Piece, match: Match, order: KnownOrder | None, course: Course
    ) -> FiledReport:
        """Goes where its original went, whatever became of the order since, or is held; the held
        revisions before one that leaves are done with."""
        order = order or next(iter(match.orders), None)
        owner, whose = course.owner(piece.report.id), match.patient
        if owner is not None and whose is not None and whose.id != owner:
            conflict = Problem(ProblemCode.IDENTITY_CONFLICT, PATIENT)
            match = replace(match, problems=(*match.problems, conflict))
        elif piece.previous is not None and whose is not None and match.problems == (CLOSED,):
            match = replace(match, problems=())
        filed = self._with(piece, piece.report, match, order, course)
        return replace(filed, supersedes=not filed.held)

    def _fresh(
        self, piece: Piece, report: Report, match: Match, course: Course
    ) -> Iterator[FiledReport]:
        for number, (order, part) in enumerate(divided(piece.report, report, match)):
            completing, rest = course.completed(part, order)
            if completing is not None:
                yield self._revised(completing, match, order, course)
            if rest.observations:
                yield self._with(piece, named(rest, number, order), match, order, course)

    def _set_aside(self, piece: Piece, finding: Finding, before: Sequence[Earlier]) -> FiledReport:
        """A correction of what a person moved: held, under the patient it was moved to."""
        identity, patient = piece.report.id, Patient()
        for one in before:
            if one.report.id == identity and any(m.target == identity for m in finding.moved):
                patient = one.report.patient
        owner = next((m.patient for m in finding.moved if m.target == identity), None)
        report = replace(piece.report, patient=patient)
        revision = Revision(piece.revision - 1, piece.previous)
        return replace(
            self.filed(report, revision, piece.revision), order=piece.order, patient=owner
        )

    def again(
        self, report: Report, match: Match, revision: int, previous: Report | None
    ) -> tuple[FiledReport, ...]:
        """A stored report whose orders are known only now, for each of them one."""
        filed, course = [], Course(self._rules)
        for number, (order, part) in enumerate(divided(report, report, match)):
            piece = Piece(part, 1) if number else Piece(part, revision, previous)
            filed.append(self._with(piece, named(part, number, order), match, order, course))
        return tuple(filed)

    def _with(
        self,
        piece: Piece,
        report: Report,
        match: Match,
        order: KnownOrder | None,
        course: Course,
    ) -> FiledReport:
        domains: tuple[IdentifierDomain, ...] = ()
        report = course.judged(report, order)
        problems = tuple(dict.fromkeys((*report.problems, *match.problems)))
        if match.patient is not None:
            person, domains = known_person(match.patient)
            report = replace(report, patient=person)
        revision = Revision(
            piece.revision - 1,
            piece.previous,
            order=message_order(order) if order else None,
            corrects=piece.previous is not None,
            domains=domains,
        )
        filed = self.filed(replace(report, problems=problems), revision, piece.revision)
        return replace(
            filed,
            order=order.id if order else None,
            patient=match.patient.id if match.patient else None,
        )

    def filed(self, report: Report, revision: Revision, number: int) -> FiledReport:
        """A report as it is stored, with its messages when nothing holds it."""
        report = report.doubted(*self._router.obstacles(report))
        messages: tuple[OutboxMessage, ...] = ()
        if not report.held:
            try:
                messages = self._router.messages(report, revision)
            except NotEncodable as error:
                report = report.doubted(obstacle(error))
        return FiledReport(
            id=report.id,
            device=report.device.id,
            kind=report.kind.value,
            received_at=report.received_at,
            body=canonical_text(report),
            specimen=report.specimen.id,
            revision=number,
            problems=report.problems,
            messages=messages,
            observations=len(report.observations),
        )

    def _held(self, report: FiledReport) -> list[OutboxMessage]:
        """Told of a report that waits, or waits at some of its destinations."""
        waiting = [message.destination for message in report.messages if message.waits]
        if report.held:
            detail: dict[str, object] = {"report": report.id, "reasons": reasons(report)}
            return self._router.event(report.device, "held", detail)
        if not waiting:
            return []
        reason = ProblemCode.NO_PATIENT.value
        detail = {"report": report.id, "reasons": [reason], "destinations": waiting}
        return self._router.event(report.device, "held", detail)


def _doubted(report: Report, finding: Finding, transmission: str) -> Report:
    """A report of its own that waits: it says that an earlier one is somebody else's."""
    taken = any(one.stored.id == report.id for one in finding.before)
    identity = derived(report.id, transmission) if taken else report.id
    problem = Problem(ProblemCode.IDENTITY_CONFLICT, "patient")
    return replace(report, id=identity, problems=(*report.problems, problem))


def _failed(report: Report, finding: Finding) -> Iterator[Problem]:
    """Results of tests whose last control failed wait until somebody released it."""
    for number, one in enumerate(report.observations, start=1):
        if one.code.device in finding.failing:
            yield Problem(ProblemCode.QC_FAILED, f"R[{number}]")


def _adrift(finding: Finding) -> Iterator[Problem]:
    if finding.adrift:
        yield Problem(ProblemCode.IDENTITY_CONFLICT, "moved")


def reasons(report: FiledReport) -> list[str]:
    return sorted({problem.code.value for problem in report.problems if problem.hold})
