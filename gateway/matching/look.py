"""Everything the store knows that has a say in a report, read at one moment.

The same look is taken again inside the transaction that files the report: when anything is
different by then (a merge, a cancel, another report of the specimen), the decision is made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.matching.identity import Match, decide
from gateway.matching.moves import Move, touching
from gateway.matching.quality import failing
from gateway.matching.rules import Rules
from gateway.orders import book
from gateway.orders.book import KnownOrder
from gateway.report import Kind, Report
from gateway.store import StoredReport
from gateway.store.reports import find

MOST = 60
"""Earlier revisions looked at; older ones of the same specimen are history."""


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier report of the specimen and what it was filed under."""

    stored: StoredReport
    order: KnownOrder | None
    patient: int | None


@dataclass(frozen=True, slots=True)
class Finding:
    """``match`` is None where nobody sends orders; ``failing`` are tests whose control failed,
    ``moved`` what a person did to earlier reports."""

    match: Match | None = None
    before: tuple[Before, ...] = ()
    failing: frozenset[str] = frozenset()
    moved: tuple[Move, ...] = ()

    @property
    def adrift(self) -> bool:
        """Whether a person moved an earlier report of this specimen, and the orders do not say
        the same by now."""
        owner = self.match.patient if self.match else None
        return any(owner is None or move.patient != owner.id for move in self.moved)


def look(
    connection: apsw.Connection,
    reports: Sequence[Report],
    rules: Rules | None,
    now: datetime,
    until: int | None = None,
) -> tuple[Finding, ...]:
    """``until`` leaves out what that transmission and later ones brought."""
    return tuple(_look(connection, report, rules, now, until) for report in reports)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report is known by."""

    kind: str
    id: str
    specimen: str | None
    device: str

    @classmethod
    def of(cls, report: Report) -> Subject:
        return cls(report.kind.value, report.id, report.specimen.id, report.device.id)


def nothing_before(connection: apsw.Connection, subjects: Sequence[Subject]) -> bool:
    """Whether a look would find no earlier report: the usual case, in one step a report."""
    return not any(_numbers(connection, subject, 1, None) for subject in subjects)


def _look(
    connection: apsw.Connection,
    report: Report,
    rules: Rules | None,
    now: datetime,
    until: int | None,
) -> Finding:
    if report.kind is not Kind.PATIENT:
        return Finding()
    match, broken = None, frozenset[str]()
    if rules is not None and rules.matches:
        match = decide(connection, report, rules, now)
    if rules is not None and rules.hold_failed:
        broken = failing(connection, report.device.id)
    numbers = _numbers(connection, Subject.of(report), MOST, until)
    before = tuple(_before(connection, seq) for seq in numbers)
    moved = touching(connection, (one.stored.id for one in before))
    return Finding(match, before, broken, moved)


def _numbers(
    connection: apsw.Connection, subject: Subject, limit: int, until: int | None
) -> list[int]:
    """The latest reports of this specimen from this device; without one, of the same content."""
    if subject.kind != Kind.PATIENT.value:
        return []
    query, texts = "id = ?", [subject.id]
    if subject.specimen is not None:
        query, texts = "specimen = ? AND +device = ?", [subject.specimen, subject.device]
    rows = connection.execute(
        f"SELECT seq FROM reports WHERE {query} AND kind = 'patient' "  # noqa: S608 - our words
        "AND (? IS NULL OR transmission < ?) ORDER BY seq DESC LIMIT ?",
        (*texts, until, until, limit),
    )
    return [seq for (seq,) in rows]


def _before(connection: apsw.Connection, seq: int) -> Before:
    stored = find(connection, seq)
    if stored is None:
        raise LookupError(f"report {seq} went away within a transaction")
    row = connection.execute(
        "SELECT order_id, patient FROM report_orders WHERE report = ?", (seq,)
    ).fetchone()
    order = book.find(connection, row[0]) if row and row[0] is not None else None
    return Before(stored, order, row[1] if row else None)
