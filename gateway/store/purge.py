"""Forgetting what is old and done with.  Never what is undelivered, held, unreadable or newest.

A transmission goes as a whole, with its reports, holds, receipts and messages, and only when all
of that verifies.  With it goes the memory of its content: a repeat after that is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import apsw

from gateway.errors import StoreCorrupt
from gateway.store import audit, messages, reports, transmissions
from gateway.store.engine import Engine, highest_number
from gateway.store.moments import to_micros

CHUNK = 20

_CANDIDATES = """SELECT t.id FROM transmissions t
    WHERE t.id > ? AND t.closed_at < ? AND t.id < (SELECT MAX(id) FROM transmissions)
    AND NOT EXISTS (SELECT 1 FROM report_states s WHERE s.transmission = t.id
                    AND s.state NOT IN ('delivered', 'discarded', 'kept', 'replaced'))
    AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.transmission = t.id AND h.state = 'open')
    ORDER BY t.id LIMIT ?"""
_DELETIONS = (
    "DELETE FROM outbox WHERE report IN (SELECT seq FROM reports WHERE transmission = ?)",
    "DELETE FROM holds WHERE transmission = ?",
    "DELETE FROM receipts WHERE transmission = ?",
    "DELETE FROM reports WHERE transmission = ?",
    "DELETE FROM transmissions WHERE id = ?",
)
_MESSAGES = "WHERE o.report IN (SELECT seq FROM reports WHERE transmission = ?)"
_EVENTS = """DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE report IS NULL AND state IN ('delivered', 'cancelled')
    AND finished_at < ? ORDER BY id LIMIT ?)"""
_NUMBERED = (
    ("outbox", "id"),
    ("holds", "id"),
    ("receipts", "id"),
    ("reports", "seq"),
    ("transmissions", "id"),
)


async def purge(engine: Engine, before: datetime, actor: str) -> int:
    """Forgets what was closed before then; returns how many transmissions went."""
    gone, last = 0, 0
    while result := await engine.write(partial(_chunk, after=last, before=before)):
        gone += len([number for number, sound in result if sound])
        if result[-1][0] <= last:
            raise StoreCorrupt("the transmissions are not in order")
        last = result[-1][0]
    detail = f"{gone} transmissions closed before {before.isoformat()}"
    await engine.write(lambda connection: _finish(engine, connection, before, actor, detail))
    return gone


def _chunk(connection: apsw.Connection, after: int, before: datetime) -> Sequence[tuple[int, bool]]:
    _remember_numbers(connection)
    connection.execute("INSERT INTO meta (key, value) VALUES ('purging', x'01')")
    bindings = (after, to_micros(before), CHUNK)
    numbers: list[int] = [number for (number,) in connection.execute(_CANDIDATES, bindings)]
    result = [(number, _forget(connection, number)) for number in numbers]
    connection.execute("DELETE FROM meta WHERE key = 'purging'")
    return result


def _forget(connection: apsw.Connection, number: int) -> bool:
    try:
        transmissions.find(connection, number)
        reports.check_all_of(connection, number)
        messages.check(connection, _MESSAGES, (number,))
    except StoreCorrupt:
        return False
    for deletion in _DELETIONS:
        connection.execute(deletion, (number,))
    return True


def _remember_numbers(connection: apsw.Connection) -> None:
    """So that no number is ever given to something else."""
    for table, column in _NUMBERED:
        connection.execute(
            "INSERT INTO sequences (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (table, highest_number(connection, table, column)),
        )


def _finish(
    engine: Engine, connection: apsw.Connection, before: datetime, actor: str, detail: str
) -> None:
    _remember_numbers(connection)
    connection.execute("INSERT INTO meta (key, value) VALUES ('purging', x'01')")
    connection.execute(_EVENTS, (to_micros(before), 100_000))
    connection.execute("DELETE FROM meta WHERE key = 'purging'")
    audit.add(engine, connection, actor, "purge", "store", detail)
