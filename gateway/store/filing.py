"""Closing a transmission: its row, its reports, holds and messages in one transaction.

The same content from the same device is recorded as a duplicate of the first and files nothing;
so does a report whose id and revision are stored already.  A report with a problem that holds is
kept back and may not bring messages.  Receipts count what came in, for the books.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import apsw

from gateway.errors import GatewayError, StoreError
from gateway.report import Problem, ProblemCode
from gateway.store import lanes, messages, transmissions
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.journal import OpenTransmission
from gateway.store.messages import OutboxEntry, OutboxMessage, ReportKey
from gateway.store.moments import to_micros
from gateway.store.superseding import count_receipt, supersede
from gateway.store.transmissions import Outcome, StoredTransmission


class OutOfDate(GatewayError):
    """What a filing was decided on is not so any more; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class FiledReport:
    """``body`` is the report's canonical JSON; ``kind`` its ``report.Kind``.  A correction has the
    id of what it corrects and a higher revision.  Any problem with ``hold`` holds it.  ``order``
    and ``patient`` are what it was found to belong to, ``observations`` how many it has.
    ``supersedes``: held revisions before it need nobody's decision any more."""

    id: str
    device: str
    kind: str
    received_at: datetime
    body: str
    specimen: str | None = None
    revision: int = 1
    problems: tuple[Problem, ...] = ()
    messages: tuple[OutboxMessage, ...] = ()
    order: int | None = None
    patient: int | None = None
    observations: int = 0
    supersedes: bool = False

    def __post_init__(self) -> None:
        if self.held and self.messages:
            raise ValueError("a held report may not bring messages")

    @property
    def held(self) -> bool:
        return any(problem.hold for problem in self.problems)

    @property
    def whole(self) -> bool:
        """It leaves, and nothing of what was ordered is missing."""
        partial = any(problem.code is ProblemCode.PARTIAL_PANEL for problem in self.problems)
        return not self.held and not partial


@dataclass(frozen=True, slots=True)
class Filing:
    """What a whole transmission means.  ``content_key`` is the SHA-256 of device and canonical
    records; ``window`` limits how long a repeat counts as one (None: as long as it is kept).
    ``problems`` hold the transmission itself when no report could be made of it.  ``messages``
    belong to no report (events).  ``check`` is asked in the transaction, before anything but the
    transmission is written, whether this is still right (else ``OutOfDate``); ``also`` writes what
    belongs to the same act."""

    content_key: bytes | None
    reports: tuple[FiledReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    messages: tuple[OutboxMessage, ...] = ()
    window: timedelta | None = None
    check: Callable[[apsw.Connection], bool] | None = None
    also: Callable[[apsw.Connection], None] | None = None


@dataclass(frozen=True, slots=True)
class Filed:
    """What the store did: ``duplicate_of`` the first with this content, ``possible_duplicate_of``
    one outside the window; ids of new and of already stored reports; holds; messages queued, and
    ``ready``: those of them that may be sent as they are."""

    transmission: int
    duplicate_of: int | None = None
    possible_duplicate_of: int | None = None
    reports: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    holds: tuple[int, ...] = ()
    queued: tuple[int, ...] = ()
    destinations: frozenset[str] = field(default=frozenset())
    ready: tuple[OutboxEntry, ...] = field(default=(), repr=False, compare=False)


NOTHING = Filing(None)


@dataclass(frozen=True, slots=True)
class Closing:
    """A conversation that has ended, before it is known whether it is a duplicate."""

    ended: OpenTransmission
    device: str
    profile: str
    outcome: Outcome
    reason: str
    closed_at: datetime

    def stored(self, content_key: bytes | None, duplicate_of: int | None) -> StoredTransmission:
        return StoredTransmission(
            self.ended.id,
            self.device,
            self.ended.protocol,
            self.profile,
            self.ended.peer,
            self.ended.opened_at,
            self.closed_at,
            self.outcome,
            self.reason,
            content_key,
            duplicate_of,
            self.ended.entries,
            self.ended.evidence,
        )


def file(
    engine: Engine,
    connection: apsw.Connection,
    closing: Closing,
    filing: Filing,
    started_at: datetime,
) -> Filed:
    """Writes the transmission's row and everything ``filing`` brings."""
    key = None if closing.outcome is Outcome.INCOMPLETE else filing.content_key
    earlier = None if key is None else transmissions.first_with(connection, closing.device, key)
    number = earlier[0] if earlier else None
    if earlier and _counts(closing.closed_at, earlier[1], filing, started_at):
        transmissions.insert(connection, closing.stored(key, number))
        return Filed(closing.ended.id, duplicate_of=number)
    if filing.check is not None and not filing.check(connection):
        raise OutOfDate("decided on what is not so any more")
    closed = closing.stored(key, None)
    transmissions.insert(connection, closed)
    filed = file_reports(engine, connection, closed, filing.reports, closed.opened_at)
    if filing.also is not None:
        filing.also(connection)
    holds = _hold_whole(engine, connection, closed, filing)
    queued = [messages.insert(engine, connection, m, None) for m in filing.messages]
    items = len(filed.reports) + len(holds)
    count_receipt(engine, connection, closed, closed.opened_at, items)
    others = {m.destination for m in filing.messages}
    return replace(
        filed,
        possible_duplicate_of=number,
        holds=(*filed.holds, *holds),
        queued=(*filed.queued, *queued),
        destinations=filed.destinations | others,
        ready=tuple(entry for entry in filed.ready if entry.destination not in others),
    )


def _counts(now: datetime, first: datetime, filing: Filing, started_at: datetime) -> bool:
    """Within the window, or sent again because we restarted in between."""
    if filing.window is None:
        return True
    return now - first <= filing.window or first < started_at <= now <= started_at + filing.window


def file_reports(
    engine: Engine,
    connection: apsw.Connection,
    transmission: StoredTransmission,
    reports: Sequence[FiledReport],
    booked_at: datetime,
) -> Filed:
    """Inserts the reports that are new with their holds and messages."""
    new: list[str] = []
    repeated: list[str] = []
    holds: list[int] = []
    queued: list[int] = []
    ready: list[OutboxEntry] = []
    freed: set[str] = set()
    destinations: set[str] = set()
    for report in reports:
        seq = _insert_report(engine, connection, transmission.id, report, booked_at)
        if seq is None:
            repeated.append(report.id)
            continue
        new.append(report.id)
        key = ReportKey(seq, report.id, report.revision, report.device)
        if report.supersedes:
            supersede(engine, connection, report.id, report.revision)
        if report.held:
            problems = report.problems
            holds.append(_hold(engine, connection, transmission, key, problems, booked_at))
        for message in report.messages:
            if messages.replace_waiting(engine, connection, key, message.destination):
                freed.add(message.destination)
        for message in report.messages:
            number = messages.insert(engine, connection, message, key)
            queued.append(number)
            if lanes.in_hand(connection, number, message):
                ready.append(messages.entry_of(engine, number, message, key))
        destinations.update(message.destination for message in report.messages)
    return Filed(
        transmission.id,
        reports=tuple(new),
        repeated=tuple(repeated),
        holds=tuple(holds),
        queued=tuple(queued),
        destinations=frozenset(destinations),
        ready=tuple(entry for entry in ready if entry.destination not in freed),
    )


def _insert_report(
    engine: Engine,
    connection: apsw.Connection,
    transmission: int,
    report: FiledReport,
    booked_at: datetime,
) -> int | None:
    """Its number; None when this id and revision are stored already."""
    fields = (
        engine.next_number(connection, "reports", "seq"),
        report.id,
        report.revision,
        transmission,
        report.device,
        report.kind,
        report.specimen,
        to_micros(report.received_at),
        to_micros(booked_at),
        report.body,
    )
    connection.execute(
        "INSERT INTO reports (seq, id, revision, transmission, device, kind, specimen, "
        "received_at, booked_at, body, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id, revision) DO NOTHING",
        (*fields, digest(*fields)),
    )
    if not connection.changes():
        return None
    if report.order is not None or report.patient is not None:
        assign(connection, fields[0], report.order, report.patient)
    return fields[0]


def assign(connection: apsw.Connection, seq: int, order: int | None, patient: int | None) -> None:
    """Which order and patient a stored report belongs to."""
    connection.execute(
        "INSERT OR REPLACE INTO report_orders (report, order_id, patient) VALUES (?, ?, ?)",
        (seq, order, patient),
    )


def _hold_whole(
    engine: Engine, connection: apsw.Connection, closed: StoredTransmission, filing: Filing
) -> Sequence[int]:
    if not any(problem.hold for problem in filing.problems):
        return ()
    if filing.reports:
        raise StoreError("problems of a transmission with reports belong to the reports")
    return (_hold(engine, connection, closed, None, filing.problems, closed.opened_at),)


def _hold(
    engine: Engine,
    connection: apsw.Connection,
    transmission: StoredTransmission,
    report: ReportKey | None,
    problems: Iterable[Problem],
    booked_at: datetime,
) -> int:
    listed = [{"code": p.code.value, "at": p.at, "hold": p.hold} for p in problems]
    fields = (
        engine.next_number(connection, "holds"),
        transmission.id,
        report.seq if report else None,
        report.id if report else None,
        report.revision if report else None,
        transmission.device,
        to_micros(booked_at),
        to_micros(engine.clock()),
        json.dumps(listed, ensure_ascii=False),
    )
    connection.execute(
        "INSERT INTO holds (id, transmission, report, report_id, revision, device, booked_at, "
        "opened_at, problems, sha256, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        (*fields, digest(*fields)),
    )
    return fields[0]
