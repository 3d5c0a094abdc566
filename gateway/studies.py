"""Ties studies to their orders, as soon as something says which.

A study a person unlinked or moved is not tied again by itself.  Orders that arrive after the images
are looked at for ``AGAIN`` days, and for the ``NEWEST`` studies in any case: their times may be of
a clock that was wrong.  ``changed`` hears of every study whose order changed, by this or
by a person, so that it can be told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import apsw

from gateway.desk.studies import tie
from gateway.matching import imaging
from gateway.store import Store, audit
from gateway.store.moments import to_micros

AGAIN: Final = timedelta(days=7)
NEWEST: Final = 200
_OVERLAP: Final = timedelta(seconds=10)
_BATCH: Final = 1000
_PAUSE: Final = 1.0
_ROUNDS: Final = 30


class Studies:
    """``run`` is a supervised task."""

    def __init__(
        self, store: Store, clock: Callable[[], datetime], changed: Callable[[str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._changed = changed
        self._pending: frozenset[tuple[str, int]] = frozenset()

    async def run(self) -> None:
        rounds = 0
        while True:
            if rounds % _ROUNDS == 0:
                await self.look(self._clock() - AGAIN, NEWEST)
            else:
                await self.look(self._clock() - _OVERLAP)
            await self._tell()
            rounds += 1
            await asyncio.sleep(_PAUSE)

    async def look(self, since: datetime, newest: int = 0) -> int:
        """Ties what can be tied among studies that changed since, and so many that came last; how
        many it was."""
        query = (
            "SELECT uid FROM studies WHERE match_state <> 'matched' AND matched_at IS NULL "
            "AND (changed_at >= ? OR id > (SELECT MAX(id) FROM studies) - ?) "
            "ORDER BY id DESC LIMIT ?"
        )
        bindings = (to_micros(since), newest, _BATCH)
        uids: list[str] = await self._store.engine.browse(
            lambda c: [uid for (uid,) in c.execute(query, bindings)]
        )
        found = [uid for uid in uids if await self._store.engine.browse(partial(_finds, uid=uid))]
        ties = [await self._store.engine.write(partial(self._tied, uid=uid)) for uid in found]
        return sum(ties)

    async def _tell(self) -> None:
        """Each tie once, and no sooner than it is made: until it is told it is among the rows."""
        query = "SELECT uid, matched_at FROM studies WHERE told = 0 AND matched_at IS NOT NULL"
        rows: frozenset[tuple[str, int]] = await self._store.engine.browse(
            lambda c: frozenset((str(uid), int(str(at))) for uid, at in c.execute(query))
        )
        new, self._pending = rows - self._pending, rows
        for uid, _ in sorted(new):
            self._changed(uid)

    def _tied(self, connection: apsw.Connection, uid: str) -> bool:
        """Whether it was tied just now.  ``matched_at`` without an order: a person untied it."""
        row = connection.execute(
            "SELECT match_state, matched_at FROM studies WHERE uid = ?", (uid,)
        ).fetchone()
        if row is None or row[0] == "matched" or row[1] is not None:
            return False
        found = imaging.subject(connection, uid)
        match = imaging.ImagingMatch() if found is None else imaging.decide(connection, found)
        if match.order is None or match.ground is None:
            return False
        tie(connection, uid, match.order.id, to_micros(self._clock()))
        detail = f"order {match.order.id} by {match.ground.value}"
        audit.add(self._store.engine, connection, "gateway", "link study", f"study {uid}", detail)
        return True


def _finds(connection: apsw.Connection, uid: str) -> bool:
    found = imaging.subject(connection, uid)
    return found is not None and imaging.decide(connection, found).order is not None
