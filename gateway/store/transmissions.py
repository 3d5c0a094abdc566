"""Closed transmissions: the exact bytes of a conversation, what became of it, and its hash.

``raw`` holds the accepted entries one after the other and ``cuts`` their lengths, so that a replay
sees the same entries the driver saw; evidence (damaged frames and the like) is kept beside them.
Rows are written once and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from struct import Struct, pack

import apsw

from gateway.errors import StoreCorrupt
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.journal import Evidence
from gateway.store.moments import from_micros, to_micros
from gateway.store.rows import Row, read_row

_CUT = Struct("<I")
_EVIDENCE = Struct("<II")


class Outcome(StrEnum):
    """How a conversation ended.  Only ``COMPLETE`` ones are read for results."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StoredTransmission:
    """``OTHER`` is whole and holds no results (a query, a status message)."""

    id: int
    device: str
    protocol: str
    profile: str
    peer: str
    opened_at: datetime
    closed_at: datetime
    outcome: Outcome
    reason: str
    content_key: bytes | None
    duplicate_of: int | None
    entries: tuple[bytes, ...]
    evidence: tuple[Evidence, ...]

    @property
    def raw(self) -> bytes:
        return b"".join(self.entries)


SELECT = (
    "SELECT id, device, protocol, profile, peer, opened_at, closed_at, outcome, reason, "
    "content_key, duplicate_of, raw, cuts, evidence, sha256 FROM transmissions"
)


def insert(connection: apsw.Connection, stored: StoredTransmission) -> None:
    fields = (
        stored.id,
        stored.device,
        stored.protocol,
        stored.profile,
        stored.peer,
        to_micros(stored.opened_at),
        to_micros(stored.closed_at),
        stored.outcome.value,
        stored.reason,
        stored.content_key,
        stored.duplicate_of,
        stored.raw,
        pack(f"<{len(stored.entries)}I", *map(len, stored.entries)),
        b"".join(_EVIDENCE.pack(e.after, len(e.data)) + e.data for e in stored.evidence),
    )
    connection.execute(
        "INSERT INTO transmissions (id, device, protocol, profile, peer, opened_at, closed_at, "
        "outcome, reason, content_key, duplicate_of, raw, cuts, evidence, sha256) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*fields, digest(*fields)),
    )


def _from_row(row: Row) -> StoredTransmission:
    """``StoreCorrupt`` when the row is not what was written."""
    if digest(*row[:-1]) != row[-1]:
        raise StoreCorrupt(f"transmission {row[0]} is not what was stored")
    number, device, protocol, profile, peer, opened, closed, outcome, reason = row[:9]
    key, duplicate_of, raw, cuts, evidence, _ = row[9:]
    return StoredTransmission(
        number,
        device,
        protocol,
        profile,
        peer,
        from_micros(opened),
        from_micros(closed),
        Outcome(outcome),
        reason,
        key,
        duplicate_of,
        tuple(_entries(raw, cuts)),
        tuple(_evidence(evidence)),
    )


def find(connection: apsw.Connection, number: int) -> StoredTransmission | None:
    """``StoreCorrupt`` when the row is not what was written."""
    return read_row(connection, f"{SELECT} WHERE id = ?", (number,), _from_row)


def first_with(
    connection: apsw.Connection, device: str, content_key: bytes
) -> tuple[int, datetime] | None:
    """The latest original with this content from this device: its number and when it closed."""
    row = connection.execute(
        "SELECT id, closed_at FROM transmissions WHERE device = ? AND content_key = ? "
        "AND content_key IS NOT NULL AND duplicate_of IS NULL ORDER BY id DESC LIMIT 1",
        (device, content_key),
    ).fetchone()
    return None if row is None else (row[0], from_micros(row[1]))


def _entries(raw: bytes, cuts: bytes) -> Iterator[bytes]:
    start = 0
    for (length,) in _CUT.iter_unpack(cuts):
        yield raw[start : start + length]
        start += length


def _evidence(packed: bytes) -> Iterator[Evidence]:
    at = 0
    while at < len(packed):
        after, length = _EVIDENCE.unpack_from(packed, at)
        at += _EVIDENCE.size + length
        yield Evidence(after, packed[at - length : at])


class Transmissions:
    """Reading what was closed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, number: int) -> StoredTransmission | None:
        """``StoreCorrupt`` when its bytes are not what was stored."""
        return await self._engine.read(lambda connection: find(connection, number))

    async def seen(self, device: str, content_key: bytes) -> tuple[int, datetime] | None:
        """Whether this content came from this device before: which one, and when it closed."""
        return await self._engine.read(lambda c: first_with(c, device, content_key))

    async def file_known(self, device: str, peer: str) -> bool:
        """Whether a message from a folder, known by ``peer``, was closed for the device."""
        query = (
            "SELECT 1 FROM transmissions "
            "WHERE device = ? AND peer = ? AND protocol = 'file' LIMIT 1"
        )
        return await self._engine.read(
            lambda c: c.execute(query, (device, peer)).fetchone() is not None
        )

    async def numbers(
        self,
        *,
        since: datetime | None = None,
        device: str | None = None,
        after: int = 0,
        limit: int = 1_000,
    ) -> Sequence[int]:
        """Closed ones in the order they were opened, for a replay; ``after`` is the last seen."""

        def query(connection: apsw.Connection) -> Sequence[int]:
            rows: Iterable[tuple[int]] = connection.execute(
                "SELECT id FROM transmissions WHERE id > ? AND opened_at >= ? "
                "AND (? IS NULL OR device = ?) ORDER BY id LIMIT ?",
                (after, to_micros(since) if since else 0, device, device, limit),
            )
            return [number for (number,) in rows]

        return await self._engine.browse(query)
