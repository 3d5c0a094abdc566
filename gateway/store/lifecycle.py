"""From closed to open and back, and how the store is meanwhile.

Starts and stops the two threads, watches the room on the disk, and tells the rest of the gateway
by notices when the store stops or resumes taking data.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from gateway.errors import StoreError, StoreFull
from gateway.notices import Notice, StoreAlarm
from gateway.store.engine import Engine
from gateway.store.files import (
    Opened,
    close_files,
    open_for_reading,
    open_for_writing,
    rewrite_log,
)
from gateway.store.journal import Journal
from gateway.store.reader import Reader
from gateway.store.site import probe
from gateway.store.space import Room, Space
from gateway.store.writer import Writer

IMPATIENT_SECONDS = 1.0


class Condition(StrEnum):
    """``LOW``: still writes, takes nothing new.  ``FULL``: the last write found no room.
    ``FAILED``: an I/O error; nothing is written until the store is reopened."""

    WELL = "well"
    LOW = "low"
    FULL = "full"
    FAILED = "failed"
    CLOSED = "closed"


class Lifecycle:
    """``journal`` is the one that belongs to the present writer."""

    def __init__(
        self,
        engine: Engine,
        space: Space,
        steps: tuple[str, ...],
        randomness: Callable[[int], bytes],
        post: Callable[[Notice], None],
    ) -> None:
        self._engine = engine
        self._space = space
        self.steps = steps
        self._randomness = randomness
        self._post = post
        self._opened: Opened | None = None
        self._watch: asyncio.Task[None] | None = None
        self.condition = Condition.CLOSED
        self.reason = ""
        self.in_doubt: frozenset[int] = frozenset()
        self.journal = Journal()

    @property
    def opened(self) -> Opened:
        if self._opened is None:
            raise StoreError("the store is closed")
        return self._opened

    async def start(self) -> None:
        """Opens the files for writing; a disk that is full gets the ballast's room first."""
        try:
            self._opened = await asyncio.to_thread(self._open)
        except StoreFull:
            if not self._space.release():
                raise
            self._opened = await asyncio.to_thread(self._open)
        self._begin(self._opened)
        self._judge(await asyncio.to_thread(self._space.look))
        self._watch = asyncio.create_task(self._keep_looking(), name="store-space")

    async def start_reading(self) -> None:
        database, steps = self._engine.database, self.steps
        self._opened = await asyncio.to_thread(open_for_reading, database, steps)
        self._begin_reading(self._opened)
        self._become(Condition.WELL, "")

    async def stop(self) -> None:
        """Writes what is pending, empties the log and closes the files."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        clean = self.condition is not Condition.FAILED
        self.condition = Condition.CLOSED
        await self._close(clean=clean)

    async def reopen(self) -> None:
        """After an I/O error: closes, writes the log again, opens.  Raises what still fails."""
        with suppress(StoreError):
            await self.stop()
        self.condition = Condition.FAILED
        await asyncio.to_thread(rewrite_log, self._engine.database)
        await self.start()

    def _open(self) -> Opened:
        engine = self._engine
        return open_for_writing(engine.database, self.steps, engine.clock(), self._randomness)

    def _begin(self, opened: Opened) -> None:
        if opened.writing is None or opened.journal is None:
            raise StoreError("the store was opened for reading only")
        self.journal = opened.journal
        self._engine.numbers.clear()
        self._engine.writer = Writer(
            opened.writing,
            opened.journal,
            asyncio.get_running_loop(),
            make_room=self._space.release,
            troubled=self._troubled,
        )
        self._engine.writer.start()
        self._begin_reading(opened)

    def _begin_reading(self, opened: Opened) -> None:
        loop = asyncio.get_running_loop()
        self._engine.reader = Reader(opened.reading, loop)
        self._engine.browser = Reader(opened.browsing, loop)
        self._engine.reader.start()
        self._engine.browser.start()

    async def _close(self, *, clean: bool) -> None:
        writer, readers = self._engine.writer, (self._engine.reader, self._engine.browser)
        self._engine.writer = self._engine.reader = self._engine.browser = None
        if writer is not None:
            await asyncio.to_thread(writer.stop)
        for reader in readers:
            if reader is not None:
                await asyncio.to_thread(reader.stop)
        await asyncio.sleep(0)  # the last outcomes are on their way to the loop
        opened, self._opened = self._opened, None
        if opened is not None:
            failed = writer is not None and writer.failure is not None
            await asyncio.to_thread(close_files, opened, clean=clean and not failed)

    def _troubled(self, error: StoreError) -> None:
        if self.condition is Condition.CLOSED:
            return
        full = isinstance(error, StoreFull)
        if not full and self._engine.writer is not None:
            self.in_doubt = self._engine.writer.in_doubt
        self._become(Condition.FULL if full else Condition.FAILED, str(error))

    def _become(self, condition: Condition, reason: str) -> None:
        if self.condition is condition:
            return
        before, self.condition = self.condition, condition
        self.reason = reason
        if condition is Condition.WELL and before is not Condition.CLOSED:
            self._post(StoreAlarm(True, "well again"))
        elif before in (Condition.WELL, Condition.CLOSED) and condition is not Condition.WELL:
            self._post(StoreAlarm(False, reason))

    async def _keep_looking(self) -> None:
        patient = self._space.policy.interval
        while True:
            well = self.condition is Condition.WELL
            await asyncio.sleep(patient if well else min(patient, IMPATIENT_SECONDS))
            with suppress(OSError):
                await self._look()
                if self.condition is Condition.WELL:
                    await asyncio.to_thread(self._space.restore)

    async def _look(self) -> None:
        """Judges the room; a full store is well again when a write went through."""
        room = await asyncio.to_thread(self._space.look)
        if self.condition is Condition.FULL:
            with suppress(StoreError):
                await self._engine.write(probe)
                self._judge(room)
        elif self.condition is not Condition.FAILED:
            self._judge(room)

    def _judge(self, room: Room) -> None:
        """No room makes up for what the writer met while it was looked at."""
        writer = self._engine.writer
        if writer is not None and writer.failure is not None:
            self._become(Condition.FAILED, str(writer.failure))
        elif room.enough:
            self._become(Condition.WELL, "")
        else:
            self._become(Condition.LOW, f"{room.free} bytes free, {room.needed} needed")
