"""Work a device asked for, looked up and given out while its line goes on.

Each piece runs as a task of its own, held until it ends, also when the line is gone before it.
Orders nobody asked for are ``pushing``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from gateway.errors import StoreError
from gateway.orders.jobs import Job
from gateway.orders.worklists import Asking, Worklists


class Giving:
    """What one connection has under way beside its line."""

    def __init__(self, worklists: Worklists, loop: asyncio.AbstractEventLoop) -> None:
        self._worklists = worklists
        self._loop = loop
        self._work: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs it; nobody waits for its end."""
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def given(self, asking: Asking, jobs: Sequence[Job]) -> None:
        """The device has these: that is written down."""
        self.begin(self._write_down(asking, jobs))

    async def _write_down(self, asking: Asking, jobs: Sequence[Job]) -> None:
        try:
            await self._worklists.given(asking, jobs)
        except StoreError:
            return  # it is given again when asked for again
