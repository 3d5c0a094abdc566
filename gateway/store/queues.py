"""How much waits where, and since when: one look at the outbox's index, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

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
    counts: dict[str, dict[str, int]] = {}
    oldest: dict[str, int] = {}
    rows = connection.execute(
        "SELECT destination, state, COUNT(*), MIN(position) FROM outbox "
        "WHERE state IN ('queued', 'postponed', 'accepted', 'parked') "
        "GROUP BY destination, state"
    )
    for destination, state, count, first in rows:
        counts.setdefault(destination, {})[state] = count
        oldest[destination] = min(first, oldest.get(destination, first))
    return [
        _queue(connection, destination, counts[destination], oldest[destination])
        for destination in sorted(counts)
    ]


def _queue(
    connection: apsw.Connection, destination: str, states: dict[str, int], first: int
) -> QueueState:
    created = connection.execute(
        "SELECT MIN(created_at) FROM outbox WHERE destination = ? AND position = ? "
        "AND state IN ('queued', 'postponed', 'accepted', 'parked')",
        (destination, first),
    ).get
    return QueueState(
        destination,
        states.get("queued", 0) + states.get("postponed", 0),
        states.get("accepted", 0),
        states.get("parked", 0),
        from_micros(created) if isinstance(created, int) else None,
    )
