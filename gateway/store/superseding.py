"""Receipts for the books, and holds that a later revision has made pointless."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import apsw

from gateway.errors import StoreCorrupt
from gateway.store import hold_rows, transmissions
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.moments import from_micros, to_micros
from gateway.store.transmissions import StoredTransmission

ACTOR = "gateway"


def count_receipt(
    engine: Engine,
    connection: apsw.Connection,
    transmission: StoredTransmission,
    booked_at: datetime,
    items: int,
) -> None:
    """What a reading of a transmission brought; negative when a later one took something away."""
    if not items:
        return
    fields = (
        engine.next_number(connection, "receipts"),
        transmission.id,
        transmission.device,
        to_micros(booked_at),
        items,
    )
    connection.execute(
        "INSERT INTO receipts (id, transmission, device, booked_at, items, sha256) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (*fields, digest(*fields)),
    )


def supersede(engine: Engine, connection: apsw.Connection, report: str, revision: int) -> int:
    """Ends the holds of a report's revisions before ``revision``, which stands for them."""
    query = (
        "SELECT id, transmission, booked_at FROM holds "
        "WHERE report_id = ? AND revision < ? AND state = 'open'"
    )
    rows: list[tuple[int, int, int]] = list(connection.execute(query, (report, revision)))
    return _end(engine, connection, rows, ACTOR, f"revision {revision} stands for it")


def supersede_whole(
    engine: Engine, connection: apsw.Connection, transmission: int, actor: str, reason: str
) -> int:
    """Ends the holds of a transmission itself: reports that were read since stand for it."""
    query = (
        "SELECT id, transmission, booked_at FROM holds "
        "WHERE transmission = ? AND report IS NULL AND state = 'open'"
    )
    rows: list[tuple[int, int, int]] = list(connection.execute(query, (transmission,)))
    return _end(engine, connection, rows, actor, reason)


def _end(
    engine: Engine,
    connection: apsw.Connection,
    rows: Sequence[tuple[int, int, int]],
    actor: str,
    reason: str,
) -> int:
    for hold, number, booked_at in rows:
        stored = transmissions.find(connection, number)
        if stored is None:
            raise StoreCorrupt(f"the transmission of hold {hold} is missing")
        count_receipt(engine, connection, stored, from_micros(booked_at), -1)
        hold_rows.close(
            engine, connection, hold, "released", replaced=True, actor=actor, reason=reason
        )
    return len(rows)
