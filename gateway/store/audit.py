"""Who did what, as a chain: each row's hash covers the row and the hash before it.

Rows can only be added.  ``meta`` keeps the chain's head, so cutting off its end shows as well;
whoever exports the head daily can prove more.  Details name ids, kinds and counts, no patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.moments import from_micros, to_micros
from gateway.store.rows import DAMAGE

HEAD = "audit-head"
_ORIGIN = bytes(32)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class ChainState:
    """``broken_at`` is the first row that does not follow from the one before, None when whole."""

    length: int
    head: bytes
    broken_at: int | None

    @property
    def whole(self) -> bool:
        return self.broken_at is None


def add(
    engine: Engine,
    connection: apsw.Connection,
    actor: str,
    action: str,
    subject: str,
    detail: str = "",
) -> int:
    """Appends a row; only inside ``engine.write``, with the act it records."""
    seq, previous = _head(connection)
    seq += 1
    at = to_micros(engine.clock())
    link = digest(seq, at, actor, action, subject, detail, previous)
    connection.execute(
        "INSERT INTO audit (seq, at, actor, action, subject, detail, previous, hash) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, at, actor, action, subject, detail, previous, link),
    )
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (HEAD, seq.to_bytes(8, "big") + link),
    )
    return seq


def _head(connection: apsw.Connection) -> tuple[int, bytes]:
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, _ORIGIN) if row is None else (row[0], row[1])


def verify(connection: apsw.Connection) -> ChainState:
    """Walks the whole chain."""
    length, previous = 0, _ORIGIN
    rows = connection.execute(
        "SELECT seq, at, actor, action, subject, detail, previous, hash FROM audit ORDER BY seq"
    )
    try:
        for row in rows:
            if row[0] != length + 1 or row[6] != previous or digest(*row[:6], previous) != row[7]:
                return ChainState(length, previous, length + 1)
            length, previous = length + 1, row[7]
    except DAMAGE:
        return ChainState(length, previous, length + 1)
    expected = connection.execute("SELECT value FROM meta WHERE key = ?", (HEAD,)).get
    whole = (expected or bytes(40)) == length.to_bytes(8, "big") + previous
    return ChainState(length, previous, None if whole else length + 1)


class Audit:
    """The trail: add to it, read it, prove it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def record(self, actor: str, action: str, subject: str, detail: str = "") -> int:
        """Appends an act that changes nothing else in the store; returns its number."""
        return await self._engine.write(
            lambda connection: add(self._engine, connection, actor, action, subject, detail)
        )

    async def list(self, *, before: int | None = None, limit: int = 100) -> Sequence[AuditEntry]:
        """The newest first."""

        def query(connection: apsw.Connection) -> Sequence[AuditEntry]:
            rows = connection.execute(
                "SELECT seq, at, actor, action, subject, detail, hash FROM audit "
                "WHERE ? IS NULL OR seq < ? ORDER BY seq DESC LIMIT ?",
                (before, before, limit),
            )
            return [AuditEntry(row[0], from_micros(row[1]), *row[2:]) for row in rows]

        return await self._engine.browse(query)

    async def head(self) -> tuple[int, bytes]:
        """How many rows, and the hash that stands for all of them: to be kept elsewhere."""
        return await self._engine.read(_head)

    async def verify_chain(self) -> ChainState:
        return await self._engine.browse(verify)
