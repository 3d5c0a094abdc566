"""Messages on their way to one destination, and how each of them lands.

A destination that converses is told what to send in the call that brought its last answer; every
other message is a task of its own.  ``landed`` gets the entry, the epoch in which it left, and the
result; ``broke`` an entry that a mistake of ours has hit; ``wake`` asks for a ``check``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.delivery.base import Conversing, Destination, Result
from gateway.errors import DeliveryError
from gateway.store.messages import OutboxEntry


class Flights:
    """``len`` of it is how many messages are on their way."""

    def __init__(
        self,
        destination: Destination,
        landed: Callable[[OutboxEntry, int, Result], None],
        broke: Callable[[OutboxEntry, Exception], None],
        wake: Callable[[], None],
    ) -> None:
        self._destination = destination
        self._conversing = destination if isinstance(destination, Conversing) else None
        self._landed = landed
        self._broke = broke
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._spoken: OutboxEntry | None = None
        self._epoch = 0
        self._quiet: asyncio.Event | None = None
        self._mishap: Exception | None = None

    def __len__(self) -> int:
        return len(self._tasks) + (self._spoken is not None)

    def launch(self, tasks: asyncio.TaskGroup, entry: OutboxEntry, epoch: int) -> None:
        try:
            if self._begins(entry, epoch):
                return
        except Exception as error:
            self._broke(entry, error)
            raise
        self._tasks.add(tasks.create_task(self._fly(entry, epoch)))

    def _begins(self, entry: OutboxEntry, epoch: int) -> bool:
        if self._conversing is None or not self._conversing.begin(entry, self._answered):
            return False
        self._spoken, self._epoch = entry, epoch
        return True

    def _answered(self, entry: OutboxEntry, result: Result) -> None:
        self._spoken = None
        if self._quiet is not None:
            self._quiet.set()
        try:
            self._landed(entry, self._epoch, result)
        except Exception as error:  # noqa: BLE001 - the connection is not to blame for it
            self._mishap = error
            self._wake()

    def check(self) -> None:
        """Raises what went wrong on our side while an answer was taken."""
        if self._mishap is not None:
            mishap, self._mishap = self._mishap, None
            raise mishap

    async def _fly(self, entry: OutboxEntry, epoch: int) -> None:
        result: Result
        try:
            result = await self._destination.deliver(entry)
        except DeliveryError as error:
            result = error
        except Exception as error:
            self._broke(entry, error)
            raise
        finally:
            if (flight := asyncio.current_task()) is not None:
                self._tasks.discard(flight)
        self._landed(entry, epoch, result)

    async def land(self, grace: float) -> None:
        """What is on its way may still arrive; what does not is sent again after the restart."""
        self._quiet = asyncio.Event()
        if self._spoken is None:
            self._quiet.set()
        quiet = asyncio.create_task(self._quiet.wait())
        try:
            await asyncio.wait((quiet, *self._tasks), timeout=grace)
        finally:
            left = (quiet, *self._tasks)
            for task in left:
                task.cancel()
            if self._conversing is not None and self._spoken is not None:
                self._conversing.abandon()
                self._spoken = None
            self._quiet = None
        await asyncio.wait(left)
