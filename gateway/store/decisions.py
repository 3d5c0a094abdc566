"""What a person decides about a message: cancelled, taken back, freed, sent again or as new.

All functions work inside a transaction of the caller.
"""

from __future__ import annotations

import apsw

from gateway.errors import StoreError
from gateway.store import audit, messages
from gateway.store.engine import Engine
from gateway.store.messages import UNDELIVERED, MessageState, OutboxEntry, OutboxMessage
from gateway.store.moments import to_micros


def cancel(
    engine: Engine, connection: apsw.Connection, found: OutboxEntry, actor: str, reason: str
) -> None:
    """It is not to be sent; its lane goes on."""
    if found.state not in UNDELIVERED:
        raise StoreError(f"message {found.id} is {found.state.value}")
    _finish(engine, connection, found.id, reason)
    audit.add(engine, connection, actor, "cancel", f"message {found.id}", reason)


def take_back(
    engine: Engine, connection: apsw.Connection, report: str, answer: str
) -> tuple[int, ...]:
    """Cancels every message of a report that has not been sent yet; their ids."""
    query = (
        "SELECT id FROM outbox WHERE report_id = ? "
        "AND state IN ('queued', 'postponed', 'parked') ORDER BY id"
    )
    numbers: list[int] = [number for (number,) in connection.execute(query, (report,))]
    for number in numbers:
        _finish(engine, connection, number, answer)
    return tuple(numbers)


def resend(
    engine: Engine,
    connection: apsw.Connection,
    found: OutboxEntry,
    as_new: OutboxMessage | None,
    actor: str,
) -> int:
    """Queues it once more, or ``as_new`` in its place; the id of the row that is sent."""
    if as_new is None and found.state in UNDELIVERED:
        number = _freed(connection, found)
    else:
        number = _queued_again(engine, connection, found, as_new)
    kind = "resend" if as_new is None else "resend as new"
    audit.add(engine, connection, actor, kind, f"message {found.id}", f"as {number}")
    return number


def _freed(connection: apsw.Connection, found: OutboxEntry) -> int:
    connection.execute(
        "UPDATE outbox SET state = 'queued', next_at = NULL WHERE id = ?", (found.id,)
    )
    return found.id


def _queued_again(
    engine: Engine,
    connection: apsw.Connection,
    found: OutboxEntry,
    as_new: OutboxMessage | None,
) -> int:
    place = (found.destination, found.lane)
    if as_new is not None and (as_new.destination, as_new.lane) != place:
        raise StoreError("a message sent as new keeps its destination and lane")
    again = as_new or OutboxMessage(
        *place, found.control_id, found.content_type, found.body, found.meta
    )
    waiting = found.state in UNDELIVERED
    number = messages.insert(
        engine,
        connection,
        again,
        messages.made_of(connection, found.id),
        resend_of=found.id,
        position=found.position if waiting else None,
    )
    if waiting:
        _finish(engine, connection, found.id, f"replaced by message {number}")
    return number


def _finish(engine: Engine, connection: apsw.Connection, number: int, answer: str) -> None:
    connection.execute(
        "UPDATE outbox SET state = ?, answer = ?, finished_at = ?, next_at = NULL WHERE id = ?",
        (MessageState.CANCELLED.value, answer, to_micros(engine.clock()), number),
    )
