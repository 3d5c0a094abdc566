"""Reads everything that is stored and compares it with its hashes.

Covers every hashed row, the vocabulary of the states that are not hashed, the audit chain and
SQLite's own structure.  Works in chunks on a connection of its own, so neither the gateway nor the
log has to wait for it; a row that cannot even be read counts as damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import apsw

from gateway.store import audit
from gateway.store.audit import ChainState
from gateway.store.connection import open_reader, translated
from gateway.store.digest import digest
from gateway.store.migrate import altered_objects
from gateway.store.rows import DAMAGE, Row

CHUNK = 500

Progress = Callable[[int, int], None]
"""Rows read so far, rows in all; called in the sweeping thread."""


@dataclass(frozen=True, slots=True)
class Damage:
    """A row that is not what was written."""

    table: str
    row: int


@dataclass(frozen=True, slots=True)
class SweepResult:
    """``structure`` is what SQLite's integrity check says, empty when it is content."""

    rows: int
    damaged: tuple[Damage, ...]
    structure: tuple[str, ...]
    chain: ChainState

    @property
    def clean(self) -> bool:
        return not self.damaged and not self.structure and self.chain.whole


@dataclass(frozen=True, slots=True)
class _Table:
    """``select`` gives key, state or NULL, hash, then the hashed columns, after a key."""

    name: str
    select: str
    select_keys: str
    states: frozenset[str] = frozenset()


# Every table with a column ``sha256`` stands here.
TABLES = (
    _Table(
        "pages",
        "SELECT page, NULL, sha256, entries FROM pages WHERE page > ? ORDER BY page LIMIT ?",
        "SELECT page FROM pages WHERE page > ? ORDER BY page LIMIT ?",
    ),
    _Table(
        "transmissions",
        "SELECT id, NULL, sha256, id, device, protocol, profile, peer, opened_at, closed_at, "
        "outcome, reason, content_key, duplicate_of, raw, cuts, evidence FROM transmissions "
        "WHERE id > ? ORDER BY id LIMIT ?",
        "SELECT id FROM transmissions WHERE id > ? ORDER BY id LIMIT ?",
    ),
    _Table(
        "reports",
        "SELECT seq, NULL, sha256, seq, id, revision, transmission, device, kind, specimen, "
        "received_at, booked_at, body FROM reports WHERE seq > ? ORDER BY seq LIMIT ?",
        "SELECT seq FROM reports WHERE seq > ? ORDER BY seq LIMIT ?",
    ),
    _Table(
        "receipts",
        "SELECT id, NULL, sha256, id, transmission, device, booked_at, items FROM receipts "
        "WHERE id > ? ORDER BY id LIMIT ?",
        "SELECT id FROM receipts WHERE id > ? ORDER BY id LIMIT ?",
    ),
    _Table(
        "holds",
        "SELECT id, state, sha256, id, transmission, report, report_id, revision, device, "
        "booked_at, opened_at, problems FROM holds WHERE id > ? ORDER BY id LIMIT ?",
        "SELECT id FROM holds WHERE id > ? ORDER BY id LIMIT ?",
        frozenset({"open", "released", "discarded"}),
    ),
    _Table(
        "outbox",
        "SELECT id, state, sha256, id, position, destination, lane, report, report_id, revision, "
        "device, control_id, content_type, meta, body, created_at, resend_of FROM outbox "
        "WHERE id > ? ORDER BY id LIMIT ?",
        "SELECT id FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
        frozenset({"queued", "postponed", "accepted", "parked", "delivered", "cancelled"}),
    ),
)
_COUNTS = (
    "SELECT (SELECT COUNT(*) FROM pages) + (SELECT COUNT(*) FROM transmissions) + "
    "(SELECT COUNT(*) FROM reports) + (SELECT COUNT(*) FROM receipts) + "
    "(SELECT COUNT(*) FROM holds) + (SELECT COUNT(*) FROM outbox)"
)


def sweep(database: Path, steps: Sequence[str], progress: Progress) -> SweepResult:
    """Blocks for as long as reading the whole file takes; run it in a thread.  ``steps`` are
    those that made the schema."""
    connection = open_reader(database)
    try:
        with translated("reading the store"):
            return _sweep(connection, steps, progress)
    finally:
        connection.close(True)


def _sweep(connection: apsw.Connection, steps: Sequence[str], progress: Progress) -> SweepResult:
    rows = 0
    damaged: list[Damage] = []
    total = _total(connection)
    for table in TABLES:
        for count, found in _walk(connection, table):
            rows += count
            damaged += found
            progress(min(rows, total), total)
    return SweepResult(rows, tuple(damaged), _structure(connection, steps), _chain(connection))


def _walk(connection: apsw.Connection, table: _Table) -> Iterator[tuple[int, Sequence[Damage]]]:
    key = -1
    while keys := _keys(connection, table, key):
        try:
            chunk: list[Row] = connection.execute(table.select, (key, CHUNK)).fetchall()
            bad = [row[0] for row in chunk if not _good(table, row)]
        except DAMAGE:
            bad = [number for number in keys if not _readable(connection, table, number)]
        yield len(keys), [Damage(table.name, number) for number in bad]
        key = keys[-1]


def _keys(connection: apsw.Connection, table: _Table, after: int) -> Sequence[int]:
    """The next chunk's keys.  A table whose tree is broken, or out of order, ends here: the
    structure tells."""
    try:
        keys: list[int] = [key for (key,) in connection.execute(table.select_keys, (after, CHUNK))]
    except apsw.CorruptError:
        return ()
    return keys if keys and keys[-1] > after else ()


def _readable(connection: apsw.Connection, table: _Table, key: int) -> bool:
    try:
        row = connection.execute(table.select, (key - 1, 1)).fetchone()
        return row is not None and _good(table, row)
    except DAMAGE:
        return False


def _good(table: _Table, row: Row) -> bool:
    _, state, expected, *fields = row
    if table.states and state not in table.states:
        return False
    if table.name == "pages":
        return bool(sha256(fields[0]).digest() == expected)
    return bool(digest(*fields) == expected)


def _total(connection: apsw.Connection) -> int:
    try:
        return int(connection.execute(_COUNTS).get or 0)
    except apsw.CorruptError:
        return 0


def _structure(connection: apsw.Connection, steps: Sequence[str]) -> tuple[str, ...]:
    try:
        found = [str(line) for (line,) in connection.execute("PRAGMA integrity_check(20)")]
        altered = [f"{name} is altered" for name in altered_objects(connection, steps)]
    except DAMAGE:
        return ("SQLite cannot read its own structure",)
    return tuple(line for line in (*found, *altered) if line != "ok")


def _chain(connection: apsw.Connection) -> ChainState:
    try:
        return audit.verify(connection)
    except apsw.CorruptError:
        return ChainState(0, b"", 1)
