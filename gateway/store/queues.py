"""How much waits where, and since when: from the index, however much was delivered before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.store.messages import UNDELIVERED, MessageState
from gateway.store.moments import from_micros


@dataclass(frozen=True, slots=True)
class QueueState:
    """``queued`` counts everything undelivered that will be tried by itself."""

    destination: str
    queued: int
    accepted: int
    parked: int
    oldest: datetime | None


def compute(connection: apsw.Connection) -> Sequence[QueueState]:
    """Every destination that has something undelivered."""
    found = (_queue(connection, destination) for destination in _destinations(connection))
    return [queue for queue in found if queue.queued or queue.accepted or queue.parked]


def _destinations(connection: apsw.Connection) -> Iterator[str]:
    """One step in the index for each, however many messages it has."""
    query = "SELECT MIN(destination) FROM outbox WHERE destination > ?"
    name = ""
    while isinstance(found := connection.execute(query, (name,)).get, str):
        yield (name := found)


def _queue(connection: apsw.Connection, destination: str) -> QueueState:
    counts: dict[MessageState, int] = {}
    oldest: list[int] = []
    for state in UNDELIVERED:
        rows = connection.execute(
            "SELECT COUNT(*), MIN(position) FROM outbox WHERE destination = ? AND state = ?",
            (destination, state),
        )
        for count, first in rows:
            counts[state] = count
            if count:
                oldest.append(_since(connection, destination, state, first))
    return QueueState(
        destination,
        counts[MessageState.QUEUED] + counts[MessageState.POSTPONED],
        counts[MessageState.ACCEPTED],
        counts[MessageState.PARKED],
        from_micros(min(oldest)) if oldest else None,
    )


def _since(
    connection: apsw.Connection, destination: str, state: MessageState, position: int
) -> int:
    created = connection.execute(
        "SELECT MIN(created_at) FROM outbox WHERE destination = ? AND state = ? AND position = ?",
        (destination, state, position),
    ).get
    return int(created or 0)
