"""The books: received = delivered + queued + held + discarded, per device, computed from the store.

Received comes from the receipts written when things came in; the other side from what the reports,
holds and messages say now.  An item is a report, or a held transmission without one.  Days are the
caller's: any two moments, by when the transmission was opened.  A report that nobody was to
receive is kept, and counts as delivered: to the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.store.engine import Engine
from gateway.store.moments import to_micros


@dataclass(frozen=True, slots=True)
class DeviceBooks:
    """``kept`` is part of ``delivered``.  Duplicates and incomplete transmissions are apart."""

    device: str
    received: int = 0
    delivered: int = 0
    queued: int = 0
    held: int = 0
    discarded: int = 0
    kept: int = 0
    duplicates: int = 0
    incomplete: int = 0

    @property
    def balanced(self) -> bool:
        return self.received == self.delivered + self.queued + self.held + self.discarded


Counts = dict[str, dict[str, int]]

_RECEIVED = """SELECT device, 'received', SUM(items) FROM receipts
    WHERE booked_at >= ? AND booked_at < ? GROUP BY device"""
_REPORTS = """SELECT device, state, COUNT(*) FROM report_states
    WHERE booked_at >= ? AND booked_at < ? GROUP BY device, state"""
_WHOLE = """SELECT device, CASE state WHEN 'open' THEN 'held' ELSE state END, COUNT(*) FROM holds
    WHERE booked_at >= ? AND booked_at < ? AND report IS NULL AND replaced = 0
    GROUP BY device, state"""
_DUPLICATES = """SELECT device, 'duplicates', COUNT(*) FROM transmissions
    WHERE opened_at >= ? AND opened_at < ? AND duplicate_of IS NOT NULL GROUP BY device"""
_INCOMPLETE = """SELECT device, 'incomplete', COUNT(*) FROM transmissions
    WHERE opened_at >= ? AND opened_at < ? AND outcome = 'incomplete' GROUP BY device"""


def compute(connection: apsw.Connection, start: datetime, end: datetime) -> Sequence[DeviceBooks]:
    counts: Counts = {}
    bounds = (to_micros(start), to_micros(end))
    for query in (_RECEIVED, _REPORTS, _WHOLE, _DUPLICATES, _INCOMPLETE):
        _add(counts, connection.execute(query, bounds))
    return [_books(device, counts[device]) for device in sorted(counts)]


def _add(counts: Counts, rows: Iterable[tuple[str, str, int]]) -> None:
    for device, column, count in rows:
        columns = counts.setdefault(device, {})
        columns[column] = columns.get(column, 0) + count


def _books(device: str, counts: dict[str, int]) -> DeviceBooks:
    names = ("received", "queued", "held", "discarded", "kept", "duplicates", "incomplete")
    delivered = counts.get("delivered", 0) + counts.get("kept", 0)
    return DeviceBooks(device, delivered=delivered, **{n: counts.get(n, 0) for n in names})


class Books:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def between(self, start: datetime, end: datetime) -> Sequence[DeviceBooks]:
        """From ``start`` up to, not including, ``end``; one entry per device with any traffic."""
        return await self._engine.browse(lambda connection: compute(connection, start, end))
