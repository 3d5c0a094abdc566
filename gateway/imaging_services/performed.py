"""Lets performed procedure steps move their orders on: as they are told of, when orders come after
them, and after a restart."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Final

from gateway.errors import StoreError
from gateway.imaging.procedure_step import Effect
from gateway.matching.performed import apply, behind
from gateway.store import Store

REST: Final = 1.0  # seconds between two looks for orders that came late: an EHR may send thousands


class PerformedOrders:
    """``run`` is a supervised task; ``stepped`` is called when a step was made or changed,
    ``ordered`` when orders were."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: deque[str] = deque()
        self._ordered = True
        self._resting = False
        self._wake = asyncio.Event()

    def stepped(self, uid: str, _effect: Effect) -> None:
        self._waiting.append(uid)
        self._wake.set()

    def ordered(self) -> None:
        self._ordered = True
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._rested()
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._heard(self._waiting.popleft())
            if self._ordered and not self._resting:
                await self._look_back()

    async def _look_back(self) -> None:
        self._ordered, self._resting = False, True
        try:
            for uid in await self._store.engine.browse(behind):
                await self._look(uid)
        except StoreError:
            self._ordered = True
            raise
        finally:
            asyncio.get_running_loop().call_later(REST, self._rested)

    def _rested(self) -> None:
        self._resting = False
        self._wake.set()

    async def _heard(self, uid: str) -> None:
        try:
            await self._look(uid)
        except StoreError:
            self._waiting.appendleft(uid)
            raise

    async def _look(self, uid: str) -> None:
        engine = self._store.engine
        await engine.write(partial(apply, engine, uid=uid))
