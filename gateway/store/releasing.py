"""What a hold kept back goes: as it is, or as newer reports; in a transaction of the caller."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from gateway.errors import StoreError
from gateway.store import filing, messages, transmissions
from gateway.store.engine import Engine
from gateway.store.filing import Filed, FiledReport
from gateway.store.hold_rows import Decided
from gateway.store.messages import OutboxMessage, ReportKey
from gateway.store.moments import from_micros
from gateway.store.superseding import count_receipt


def let_go(
    engine: Engine,
    connection: apsw.Connection,
    transmission: int,
    report: ReportKey,
    queue: Sequence[OutboxMessage],
) -> Filed:
    """Queues the messages made of a held report."""
    numbers = [messages.insert(engine, connection, m, report) for m in queue]
    destinations = frozenset(message.destination for message in queue)
    return Filed(transmission, queued=tuple(numbers), destinations=destinations)


def replace(
    engine: Engine, connection: apsw.Connection, hold: int, reports: Sequence[FiledReport]
) -> Filed:
    """Files newer reports that count in the hold's place."""
    row = connection.execute(
        "SELECT transmission, booked_at FROM holds WHERE id = ?", (hold,)
    ).fetchone()
    stored = None if row is None else transmissions.find(connection, int(row[0]))
    if row is None or stored is None:
        raise StoreError(f"there is no hold {hold}")
    moment = from_micros(int(row[1]))
    filed = filing.file_reports(engine, connection, stored, reports, moment)
    if filed.repeated:
        raise Decided(f"{len(filed.repeated)} of these reports are stored already")
    count_receipt(engine, connection, stored, moment, len(filed.reports) - 1)
    return filed
