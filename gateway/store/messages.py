"""Rows of the outbox: what is to be sent where, as values and as SQL.

Destination, lane, control id, meta and body never change and are covered by the row's hash, which
is checked on every read; only the state moves.  ``position`` is the place in the queue: the id,
except that a message sent as new instead of a parked one takes that one's place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import apsw

from gateway.errors import StoreCorrupt
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.moments import from_micros, optional_from_micros, to_micros


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
    None keeps no order beyond the queue's.  ``meta`` is for the destination (a topic, a name)."""

    destination: str
    lane: str | None
    control_id: str
    content_type: str
    body: bytes
    meta: Mapping[str, str] = field(default_factory=dict)


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
    "SELECT o.id, o.position, o.destination, o.lane, o.report, o.control_id, o.content_type, "
    "o.meta, o.body, o.created_at, o.resend_of, o.sha256, o.state, o.attempts, o.next_at, "
    "o.first_try, o.last_try, o.finished_at, o.answer, r.id, r.revision, r.device "
    "FROM outbox o LEFT JOIN reports r ON r.seq = o.report"
)
HASHED_COLUMNS = 11


def insert(
    engine: Engine,
    connection: apsw.Connection,
    message: OutboxMessage,
    report: int | None,
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
        report,
        message.control_id,
        message.content_type,
        json.dumps(dict(message.meta), ensure_ascii=False) if message.meta else "{}",
        message.body,
        to_micros(engine.clock()),
        resend_of,
    )
    connection.execute(
        "INSERT INTO outbox (id, position, destination, lane, report, control_id, content_type, "
        "meta, body, created_at, resend_of, sha256, state) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued')",
        (*fields, digest(*fields)),
    )
    return number


def find(connection: apsw.Connection, number: int) -> OutboxEntry | None:
    """``StoreCorrupt`` when the row is not what was written."""
    row = connection.execute(f"{_SELECT} WHERE o.id = ?", (number,)).fetchone()
    return None if row is None else _from_row(row)


def select(
    connection: apsw.Connection, where: str, bindings: tuple[str | int | None, ...]
) -> Iterable[OutboxEntry]:
    """Entries by a condition on ``o`` (the outbox) and ``r`` (its report)."""
    for row in connection.execute(f"{_SELECT} {where}", bindings):
        yield _from_row(row)


def verified(row: tuple[Any, ...]) -> bool:
    """Whether the hashed columns at the row's start fit the hash that follows them."""
    return digest(*row[:HASHED_COLUMNS]) == bytes(row[HASHED_COLUMNS])


def _from_row(row: tuple[Any, ...]) -> OutboxEntry:
    if not verified(row):
        raise StoreCorrupt(f"message {row[0]} of the outbox is not what was stored")
    number, position, destination, lane, _, control_id, content_type, meta, body = row[:9]
    created_at, resend_of, _, state, attempts, next_at, first_try, last_try = row[9:17]
    finished_at, answer, report, revision, device = row[17:]
    return OutboxEntry(
        id=number,
        position=position,
        destination=destination,
        lane=lane,
        report=report,
        revision=revision,
        device=device,
        control_id=control_id,
        content_type=content_type,
        meta=json.loads(meta),
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
