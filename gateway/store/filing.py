"""Filing reports: each with its hold, or with its messages, in a transaction of the caller.

A report whose id and revision are stored already files nothing.  A report with a problem that holds
is kept back and may not bring messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import apsw

from gateway.report import Problem, ProblemCode
from gateway.store import hold_rows, lanes, messages
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.messages import OutboxEntry, OutboxMessage, ReportKey
from gateway.store.moments import to_micros
from gateway.store.superseding import supersede
from gateway.store.transmissions import StoredTransmission


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
            holds.append(
                hold_rows.insert(engine, connection, transmission, key, problems, booked_at)
            )
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
