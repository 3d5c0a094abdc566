"""Made once for a store and kept: the site's secret key, and counters that never go back."""

from __future__ import annotations

from collections.abc import Callable

import apsw

from gateway.store.engine import Engine

SITE_KEY = "site-key"
SITE_KEY_BYTES = 32


def site_key(connection: apsw.Connection, randomness: Callable[[int], bytes] | None) -> bytes:
    """The key control ids are derived with; made on first use where ``randomness`` is given."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (SITE_KEY,)).get
    if isinstance(found, bytes):
        return found
    if randomness is None:
        return b""
    key = randomness(SITE_KEY_BYTES)
    connection.execute("INSERT INTO meta (key, value) VALUES (?, ?)", (SITE_KEY, key))
    return key


def count_up(connection: apsw.Connection, name: str) -> int:
    """The counter's next value, from 1; only inside ``engine.write``."""
    connection.execute(
        "INSERT INTO sequences (name, value) VALUES (?, 1) "
        "ON CONFLICT (name) DO UPDATE SET value = sequences.value + 1",
        (f"counter:{name}",),
    )
    found = connection.execute(
        "SELECT value FROM sequences WHERE name = ?", (f"counter:{name}",)
    ).get
    return int(found or 0)


class Counters:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def next(self, name: str) -> int:
        """On disk before it is given out, so no value is ever given twice."""
        return await self._engine.write(lambda connection: count_up(connection, name))


def probe(connection: apsw.Connection) -> None:
    """A write that changes nothing of interest, to see whether writing works."""
    connection.execute(
        "INSERT INTO sequences (name, value) VALUES ('probe', 1) "
        "ON CONFLICT (name) DO UPDATE SET value = 1 - sequences.value"
    )
