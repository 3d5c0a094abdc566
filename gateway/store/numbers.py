"""Numbers that destinations gave the orders of reports: what an ACK^R33 brought back.

All functions work inside a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apsw

from gateway.store.engine import Engine
from gateway.store.messages import OutboxEntry
from gateway.store.moments import to_micros


@dataclass(frozen=True, slots=True)
class Assigned:
    """``placer`` is the number to send later messages about the report under."""

    placer: str | None
    filler: str | None


def assign(
    engine: Engine,
    connection: apsw.Connection,
    entry: OutboxEntry,
    placer: str | None,
    filler: str | None,
) -> None:
    """What is said again replaces what was said; what is left out stays."""
    connection.execute(
        "INSERT INTO report_numbers (report, destination, placer, filler, at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (report, destination) DO UPDATE SET "
        "placer = COALESCE(excluded.placer, placer), filler = COALESCE(excluded.filler, filler), "
        "at = excluded.at",
        (entry.report, entry.destination, placer, filler, to_micros(engine.clock())),
    )


def assigned(connection: apsw.Connection, report: str) -> Mapping[str, Assigned]:
    """By destination."""
    rows = connection.execute(
        "SELECT destination, placer, filler FROM report_numbers WHERE report = ? "
        "ORDER BY destination",
        (report,),
    )
    return {str(name): Assigned(_text(placer), _text(filler)) for name, placer, filler in rows}


def _text(cell: object) -> str | None:
    return None if cell is None else str(cell)
