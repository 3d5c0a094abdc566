"""Lets performed procedure steps move their orders on, as they are told of and after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from gateway.imaging.procedure_step import Effect
from gateway.matching.performed import apply
from gateway.store import Store
from gateway.store.moments import to_micros

BEHIND: Final = timedelta(days=1)  # steps looked at again at the start


class PerformedOrders:
    """``run`` is a supervised task; ``stepped`` is called when a step was made or changed."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def stepped(self, uid: str, _effect: Effect) -> None:
        self._waiting.put_nowait(uid)

    async def run(self) -> None:
        """Until cancelled."""
        since = to_micros(self._clock() - BEHIND)
        query = "SELECT uid FROM procedure_steps WHERE changed_at >= ? ORDER BY changed_at"
        recent: list[str] = await self._store.engine.read(
            lambda c: [str(uid) for (uid,) in c.execute(query, (since,))]
        )
        for uid in recent:
            await self.look(uid)
        while True:
            await self.look(await self._waiting.get())

    async def look(self, uid: str) -> None:
        engine = self._store.engine
        await engine.write(partial(apply, engine, uid=uid))
