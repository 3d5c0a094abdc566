"""Filed reports, as written; their state is computed from holds and messages, never stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import apsw

from gateway.errors import StoreCorrupt, StoreError
from gateway.store import audit, filing, messages, transmissions
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.filing import Filed, FiledReport
from gateway.store.messages import OutboxEntry, ReportKey
from gateway.store.moments import from_micros
from gateway.store.rows import Row, read_row, read_rows
from gateway.store.superseding import count_receipt


class ReportState(StrEnum):
    """``QUEUED``: some message of it is not delivered.  ``KEPT``: nothing was to be sent for it;
    the books count it as delivered, to the store.  ``REPLACED``: released as newer reports."""

    HELD = "held"
    QUEUED = "queued"
    DELIVERED = "delivered"
    DISCARDED = "discarded"
    KEPT = "kept"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class StoredReport:
    seq: int
    id: str
    revision: int
    transmission: int
    device: str
    kind: str
    specimen: str | None
    received_at: datetime
    state: ReportState
    body: str

    @property
    def key(self) -> ReportKey:
        return ReportKey(self.seq, self.id, self.revision, self.device)


_SELECT = (
    "SELECT r.seq, r.id, r.revision, r.transmission, r.device, r.kind, r.specimen, r.received_at, "
    "r.booked_at, r.body, r.sha256, s.state "
    "FROM reports r JOIN report_states s ON s.seq = r.seq"
)
_SELECT_SEQS = "SELECT r.seq FROM reports r JOIN report_states s ON s.seq = r.seq"
HASHED_COLUMNS = 10


class Reports:
    """Find and list; file again what a stored transmission says today."""

    def __init__(self, engine: Engine, announce: Callable[[frozenset[str]], None]) -> None:
        self._engine = engine
        self._announce = announce

    async def get(self, report: str, revision: int | None = None) -> StoredReport | None:
        """The given revision, or the latest.  ``StoreCorrupt`` when it is not what was stored."""
        where = "WHERE r.id = ? AND (? IS NULL OR r.revision = ?) ORDER BY r.revision DESC LIMIT 1"

        return await self._engine.read(
            lambda c: read_row(c, f"{_SELECT} {where}", (report, revision, revision), _from_row)
        )

    async def list(
        self,
        *,
        device: str | None = None,
        kind: str | None = None,
        since: int | None = None,
        state: ReportState | None = None,
        specimen: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[StoredReport]:
        """The newest first; ``before`` is a ``seq``, ``since`` microseconds UTC."""
        where = (
            "WHERE (? IS NULL OR r.device = ?) AND (? IS NULL OR r.kind = ?) "
            "AND (? IS NULL OR r.received_at >= ?) AND (? IS NULL OR s.state = ?) "
            "AND (? IS NULL OR r.specimen = ?) AND (? IS NULL OR r.seq < ?) "
            "ORDER BY r.seq DESC LIMIT ?"
        )
        pairs = (device, kind, since, state, specimen, before)
        bindings = (*(value for value in pairs for _ in range(2)), limit)
        return await self._engine.browse(
            lambda c: read_rows(c, f"{_SELECT_SEQS} {where}", bindings, find)
        )

    async def of_transmission(self, transmission: int) -> Sequence[StoredReport]:
        where = "WHERE r.transmission = ? ORDER BY r.seq"
        return await self._engine.browse(
            lambda c: read_rows(c, f"{_SELECT_SEQS} {where}", (transmission,), find)
        )

    async def messages_of(self, report: str) -> Sequence[OutboxEntry]:
        """Everything that was made of any revision of it, in the order it was queued."""
        where = "WHERE o.report IN (SELECT seq FROM reports WHERE id = ?) ORDER BY o.id"
        return await self._engine.browse(lambda c: messages.select(c, where, (report,)))

    async def file_again(
        self,
        transmission: int,
        reports: Sequence[FiledReport],
        *,
        actor: str,
        reason: str,
        check: Callable[[apsw.Connection], None] | None = None,
    ) -> Filed:
        """Adds what reading a closed transmission again brought: new ids or higher revisions.
        ``check`` raises, in the transaction, when it may not be."""

        def operation(connection: apsw.Connection) -> Filed:
            if check is not None:
                check(connection)
            stored = transmissions.find(connection, transmission)
            if stored is None:
                raise StoreError(f"there is no transmission {transmission}")
            booked_at = stored.opened_at
            filed = filing.file_reports(self._engine, connection, stored, reports, booked_at)
            count = len(filed.reports)
            count_receipt(self._engine, connection, stored, booked_at, count)
            subject = f"transmission {transmission}"
            audit.add(self._engine, connection, actor, "file again", subject, reason)
            return filed

        return await self._engine.write(
            operation, after=lambda filed: self._announce(filed.destinations)
        )


def find(connection: apsw.Connection, seq: int) -> StoredReport | None:
    """``StoreCorrupt`` when the row is not what was written."""
    return read_row(connection, f"{_SELECT} WHERE r.seq = ?", (seq,), _from_row)


def check_all_of(connection: apsw.Connection, transmission: int) -> None:
    """``StoreCorrupt`` unless every report of it is what was stored."""
    query = "SELECT seq FROM reports WHERE transmission = ?"
    seqs: list[int] = [seq for (seq,) in connection.execute(query, (transmission,))]
    for seq in seqs:
        find(connection, seq)


def _from_row(row: Row) -> StoredReport:
    if digest(*row[:HASHED_COLUMNS]) != row[HASHED_COLUMNS]:
        raise StoreCorrupt(f"report number {row[0]} is not what was stored")
    seq, number, revision, transmission, device, kind, specimen, received_at = row[:8]
    return StoredReport(
        seq,
        number,
        revision,
        transmission,
        device,
        kind,
        specimen,
        from_micros(received_at),
        ReportState(row[11]),
        row[9],
    )
