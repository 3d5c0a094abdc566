"""What a destination may be sent next: the queue in order, its lanes apart from each other.

Order is the queue's position.  A message that is parked or postponed fences the later ones of its
lane, so a correction never overtakes its original; the other lanes flow.  All functions read inside
a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from gateway.errors import StoreCorrupt
from gateway.store import messages
from gateway.store.messages import OutboxEntry, OutboxMessage

BATCH_BYTES = 8 * 1024 * 1024

_UNFENCED = """NOT EXISTS (
    SELECT 1 FROM outbox b WHERE b.destination = o.destination AND b.lane = o.lane
    AND b.lane IS NOT NULL AND b.state IN ('postponed', 'parked') AND b.position < o.position)"""
_QUEUED = f"""SELECT o.position, o.id FROM outbox o
    WHERE o.destination = ? AND o.state = 'queued' AND {_UNFENCED}
    ORDER BY o.position LIMIT ?"""  # noqa: S608 - our own names
# A try that lies in the future means that the clock was put back: such a wait is over.
_RIPE = f"""SELECT o.position, o.id FROM outbox o
    WHERE o.destination = ? AND o.state = 'postponed' AND (o.next_at <= ? OR o.last_try > ?)
    AND {_UNFENCED} ORDER BY o.position LIMIT ?"""  # noqa: S608 - our own names


def due(
    connection: apsw.Connection, destination: str, limit: int, now: int
) -> tuple[Sequence[OutboxEntry], int | None]:
    """At most ``limit`` and ``BATCH_BYTES`` of bodies that may be sent at ``now`` (microseconds
    UTC), and the damaged row that ended them."""
    queued = connection.execute(_QUEUED, (destination, limit))
    ripe = connection.execute(_RIPE, (destination, now, now, limit))
    places: list[tuple[int, int]] = [*queued, *ripe]
    numbers = [number for _, number in sorted(places)[:limit]]
    entries: list[OutboxEntry] = []
    room = BATCH_BYTES
    for found in messages.sound(connection, numbers):
        room -= len(found.body)
        if room < 0 and entries:
            return entries, None
        entries.append(found)
    for number in numbers[len(entries) :]:
        try:
            entry = messages.find(connection, number)
        except StoreCorrupt:
            return entries, number
        if entry is None:
            raise StoreCorrupt(f"the outbox's index names message {number}, which is missing")
        entries.append(entry)
    return entries, None


def in_hand(connection: apsw.Connection, number: int, message: OutboxMessage) -> bool:
    """Whether a message that was just queued may be sent as it is: nothing fences its lane."""
    if message.waits:
        return False
    fence = (
        "SELECT 1 FROM outbox WHERE destination = ? AND lane = ? AND lane IS NOT NULL "
        "AND state IN ('postponed', 'parked') AND position < ? LIMIT 1"
    )
    where = (message.destination, message.lane, number)
    return connection.execute(fence, where).fetchone() is None
