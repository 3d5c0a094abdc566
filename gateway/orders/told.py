"""What each device was told of which order, so that nothing is pushed twice or left standing."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import apsw

from gateway.orders.jobs import Job
from gateway.store.moments import to_micros


class State(StrEnum):
    GIVEN = "given"
    WITHDRAWN = "withdrawn"


def note(connection: apsw.Connection, device: str, job: Job, state: State, now: datetime) -> None:
    """Writes down what ``device`` knows of a tube's orders from now on."""
    for order in job.orders:
        connection.execute(
            "INSERT OR REPLACE INTO order_downloads (device, order_id, label, state, at) "
            "VALUES (?, ?, ?, ?, ?)",
            (device, order, job.label.specimen, state.value, to_micros(now)),
        )


def given(connection: apsw.Connection, device: str, order: int) -> bool:
    """Whether the device believes in that order."""
    row = connection.execute(
        "SELECT 1 FROM order_downloads WHERE device = ? AND order_id = ? AND state = 'given'",
        (device, order),
    ).fetchone()
    return row is not None


def knows(connection: apsw.Connection, device: str, label: str) -> bool:
    """Whether the device was told of anything of that tube."""
    row = connection.execute(
        "SELECT 1 FROM order_downloads WHERE device = ? AND label = ? AND state = 'given'",
        (device, label),
    ).fetchone()
    return row is not None


def cancelled_since(connection: apsw.Connection, device: str) -> tuple[int, str] | None:
    """An order the device still believes in although it was cancelled or is on hold, and the tube's
    label."""
    row = connection.execute(
        "SELECT d.order_id, d.label FROM order_downloads d JOIN orders o ON o.id = d.order_id "
        "WHERE d.device = ? AND d.state = 'given' AND o.status IN ('cancelled', 'held') "
        "ORDER BY d.order_id LIMIT 1",
        (device,),
    ).fetchone()
    return None if row is None else (int(str(row[0])), str(row[1]))


def untold(
    connection: apsw.Connection, device: str, after: tuple[int, int], now: int, limit: int
) -> list[tuple[int, int]]:
    """Open orders the device was not told of, by change (microseconds) and number, from ``after``
    on."""
    rows = connection.execute(
        "SELECT updated_at, id FROM orders o WHERE (updated_at, id) > (?, ?) "
        "AND status IN ('active', 'in-progress') AND expires_at >= ? "
        "AND NOT EXISTS (SELECT 1 FROM order_downloads d WHERE d.device = ? AND d.order_id = o.id "
        "AND d.state = 'given') ORDER BY updated_at, id LIMIT ?",
        (*after, now, device, limit),
    ).fetchall()
    return [(int(str(changed)), int(str(number))) for changed, number in rows]
