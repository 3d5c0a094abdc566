"""Rows of the outbox: what is to be sent where, as values and as SQL.

Destination, lane, control id, meta and body never change and are covered by the row's hash, which
is checked on every read; only the state moves.  ``position`` is the place in the queue: the id,
except that a message sent as new instead of a parked one takes that one's place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import apsw

from gateway.errors import StoreCorrupt
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.moments import from_micros, optional_from_micros, to_micros
from gateway.store.rows import DAMAGE, Binding, Row, read_row, read_rows


class MessageState(StrEnum):
    """``ACCEPTED``: received, the application's answer is outstanding.  ``PARKED``: a person must
    look.  ``POSTPONED``: queued, not before a certain time."""

    QUEUED = "queued"
    POSTPONED = "postponed"
    ACCEPTED = "accepted"
    PARKED = "parked"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


UNDELIVERED = (
    MessageState.QUEUED,
    MessageState.POSTPONED,
    MessageState.ACCEPTED,
    MessageState.PARKED,
)


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """Something to deliver.  ``lane`` is the key whose order must be kept (specimen or patient);
    None keeps no order beyond the queue's.  ``meta`` is for the destination (a topic, a name).
    ``waits`` says why it may not be sent until a person decides: it begins as parked."""

    destination: str
    lane: str | None
    control_id: str
    content_type: str
    body: bytes
    meta: Mapping[str, str] = field(default_factory=dict)
    waits: str = ""


@dataclass(frozen=True, slots=True)
class ReportKey:
    """The report a message was made of; ``seq`` is its row."""

    seq: int
    id: str
    revision: int
    device: str


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A message in the outbox and how its delivery went so far."""

    id: int
    position: int
    destination: str
    lane: str | None
    report: str | None
    revision: int | None
    device: str | None
    control_id: str
    content_type: str
    meta: Mapping[str, str]
    body: bytes
    created_at: datetime
    resend_of: int | None
    state: MessageState
    attempts: int
    next_at: datetime | None
    first_try: datetime | None
    last_try: datetime | None
    finished_at: datetime | None
    answer: str | None


_SELECT = (
    "SELECT o.id, o.position, o.destination, o.lane, o.report, o.report_id, o.revision, o.device, "
    "o.control_id, o.content_type, o.meta, o.body, o.created_at, o.resend_of, o.sha256, o.state, "
    "o.attempts, o.next_at, o.first_try, o.last_try, o.finished_at, o.answer FROM outbox o"
)
_SELECT_THESE = _SELECT.replace(
    "FROM outbox o", "FROM json_each(?) wanted CROSS JOIN outbox o ON o.id = wanted.value"
)
_SELECT_IDS = "SELECT o.id FROM outbox o"
HASHED_COLUMNS = 14


def insert(
    engine: Engine,
    connection: apsw.Connection,
    message: OutboxMessage,
    report: ReportKey | None,
    *,
    resend_of: int | None = None,
    position: int | None = None,
) -> int:
    """Queues a message; returns its id.  Only inside ``engine.write``."""
    number = engine.next_number(connection, "outbox")
    fields = (
        number,
        number if position is None else position,
        message.destination,
        message.lane,
        report.seq if report else None,
        report.id if report else None,
        report.revision if report else None,
        report.device if report else None,
        message.control_id,
        message.content_type,
        json.dumps(dict(message.meta), ensure_ascii=False) if message.meta else "{}",
        message.body,
        to_micros(engine.clock()),
        resend_of,
    )
    connection.execute(
        "INSERT INTO outbox (id, position, destination, lane, report, report_id, revision, device, "
        "control_id, content_type, meta, body, created_at, resend_of, sha256, state, answer) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*fields, digest(*fields), "parked" if message.waits else "queued", message.waits or None),
    )
    return number


def entry_of(
    engine: Engine, number: int, message: OutboxMessage, report: ReportKey | None
) -> OutboxEntry:
    """What ``find`` would read of a message that ``insert`` has queued in its place."""
    return OutboxEntry(
        id=number,
        position=number,
        destination=message.destination,
        lane=message.lane,
        report=report.id if report else None,
        revision=report.revision if report else None,
        device=report.device if report else None,
        control_id=message.control_id,
        content_type=message.content_type,
        meta=dict(message.meta),
        body=message.body,
        created_at=from_micros(to_micros(engine.clock())),
        resend_of=None,
        state=MessageState.QUEUED,
        attempts=0,
        next_at=None,
        first_try=None,
        last_try=None,
        finished_at=None,
        answer=None,
    )


def replace_waiting(
    engine: Engine, connection: apsw.Connection, report: ReportKey, destination: str
) -> bool:
    """A revision takes the place of older ones that waited for a person and were never tried;
    whether there were any.  The first revision is 1."""
    if report.revision <= 1:
        return False
    connection.execute(
        "UPDATE outbox SET state = 'cancelled', finished_at = ?, answer = ? "
        "WHERE report_id = ? AND destination = ? AND revision < ? "
        "AND state = 'parked' AND attempts = 0",
        (
            to_micros(engine.clock()),
            f"replaced by revision {report.revision}",
            report.id,
            destination,
            report.revision,
        ),
    )
    return connection.changes() > 0


def find(connection: apsw.Connection, number: int) -> OutboxEntry | None:
    """``StoreCorrupt`` when the row is not what was written."""
    return read_row(connection, f"{_SELECT} WHERE o.id = ?", (number,), _from_row)


def sound(connection: apsw.Connection, numbers: Sequence[int]) -> Iterator[OutboxEntry]:
    """These entries in this order, up to the first that is missing or not what was written."""
    rows = connection.execute(_SELECT_THESE, (json.dumps(numbers),))
    try:
        for number, row in zip(numbers, rows, strict=False):
            if row[0] != number:
                return
            yield _from_row(row)
    except (StoreCorrupt, *DAMAGE):
        return


def select(
    connection: apsw.Connection, where: str, bindings: Sequence[Binding]
) -> Sequence[OutboxEntry]:
    """Entries by a condition on ``o``, without the damaged ones."""
    return read_rows(connection, f"{_SELECT_IDS} {where}", bindings, find)


def made_of(connection: apsw.Connection, number: int) -> ReportKey | None:
    """The report an entry was made of."""
    row = connection.execute(
        "SELECT report, report_id, revision, device FROM outbox WHERE id = ?", (number,)
    ).fetchone()
    return None if row is None or row[0] is None else ReportKey(*row)


def check(connection: apsw.Connection, where: str, bindings: Sequence[Binding]) -> None:
    """``StoreCorrupt`` unless every entry that ``where`` means is what was written."""
    numbers: list[int] = [n for (n,) in connection.execute(f"{_SELECT_IDS} {where}", bindings)]
    for number in numbers:
        find(connection, number)


def _from_row(row: Row) -> OutboxEntry:
    if digest(*row[:HASHED_COLUMNS]) != row[HASHED_COLUMNS]:
        raise StoreCorrupt(f"message {row[0]} of the outbox is not what was stored")
    number, position, destination, lane, _, report_id, revision, device = row[:8]
    control_id, content_type, meta, body, created_at, resend_of = row[8:14]
    state, attempts, next_at, first_try, last_try, finished_at, answer = row[15:]
    return OutboxEntry(
        id=number,
        position=position,
        destination=destination,
        lane=lane,
        report=report_id,
        revision=revision,
        device=device,
        control_id=control_id,
        content_type=content_type,
        meta=json.loads(meta) if meta != "{}" else {},
        body=body,
        created_at=from_micros(created_at),
        resend_of=resend_of,
        state=MessageState(state),
        attempts=attempts,
        next_at=optional_from_micros(next_at),
        first_try=optional_from_micros(first_try),
        last_try=optional_from_micros(last_try),
        finished_at=optional_from_micros(finished_at),
        answer=answer,
    )
