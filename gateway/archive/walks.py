"""Walks over the whole archive that go on where they were after a restart, and what they found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.store import Engine, audit
from gateway.store.moments import from_micros, to_micros

ACTOR = "gateway"


@dataclass(frozen=True, slots=True)
class Walk:
    """``seen`` and ``found`` are of the walk under way, ``last_...`` of the one before.

    Under way means begun and not finished since.
    """

    name: str
    position: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seen: int = 0
    found: int = 0
    last_seen: int = 0
    last_found: int = 0

    @property
    def under_way(self) -> bool:
        started, finished = self.started_at, self.finished_at
        return started is not None and (finished is None or finished < started)


class Walks:
    """The verbs; on disk when they return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def get(self, name: str) -> Walk:
        """One that was never begun is at its beginning."""
        return await self._engine.read(lambda c: walk_of(c, name))

    async def begin(self, name: str) -> Walk:
        """From the first instance on."""
        now = to_micros(self._engine.clock())

        def operation(connection: apsw.Connection) -> Walk:
            connection.execute(
                "INSERT INTO archive_walks (name, position, started_at, seen, found, last_seen, "
                "last_found) VALUES (?, 0, ?, 0, 0, 0, 0) ON CONFLICT (name) DO UPDATE SET "
                "position = 0, started_at = excluded.started_at, seen = 0, found = 0",
                (name, now),
            )
            return walk_of(connection, name)

        return await self._engine.write(operation)

    async def advance(self, name: str, position: int, seen: int, found: int) -> None:
        """So many more were looked at, up to this one."""
        bindings = (position, seen, found, name)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE archive_walks SET position = ?, seen = seen + ?, found = found + ? "
                    "WHERE name = ?",
                    bindings,
                ).get
            )
        )

    async def finish(self, name: str, action: str, words: str) -> None:
        """The end is reached: told in the audit trail as ``seen`` and ``found`` in these words.
        It is never before the beginning: the clock may have been put back since."""

        def operation(connection: apsw.Connection) -> None:
            connection.execute(
                "UPDATE archive_walks SET finished_at = MAX(started_at, ?), last_seen = seen, "
                "last_found = found WHERE name = ?",
                (to_micros(self._engine.clock()), name),
            )
            walk = walk_of(connection, name)
            detail = words.format(seen=walk.last_seen, found=walk.last_found)
            audit.add(self._engine, connection, ACTOR, action, "archive", detail)

        await self._engine.write(operation)


def walk_of(connection: apsw.Connection, name: str) -> Walk:
    row = connection.execute(
        "SELECT position, started_at, finished_at, seen, found, last_seen, last_found "
        "FROM archive_walks WHERE name = ?",
        (name,),
    ).fetchone()
    if row is None:
        return Walk(name)
    position, started, finished, *counts = row
    return Walk(name, int(position), _moment(started), _moment(finished), *map(int, counts))


def _moment(value: object) -> datetime | None:
    return from_micros(value) if isinstance(value, int) else None
