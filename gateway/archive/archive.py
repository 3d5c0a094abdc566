"""The archive as the rest of the gateway sees it.

``receive`` gives a ``Reception`` whose blocking methods run in ``pool``; ``file`` puts what
arrived into the index, and when it returns the instance may be acknowledged.  Opening sweeps parts
of broken transfers and files what a crash left without a row.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from gateway import logs
from gateway.archive.filing import Filed, Verdict
from gateway.archive.index import Index
from gateway.archive.reception import Arrived, Offered, Reception
from gateway.archive.recovery import discard_parts, reread, unfiled
from gateway.archive.room import Room
from gateway.archive.shelves import Shelves
from gateway.archive.strand import Strand
from gateway.errors import StoreError, StoreFailed, StoreFull
from gateway.store import SpacePolicy, Store

T = TypeVar("T")

WORKERS = 8
NICENESS = 10


def _give_way() -> None:
    """An analyzer's line goes before images.  On Linux a thread has a niceness of its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        lowest = max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread))
        with suppress(OSError):  # where it is not allowed, images are as urgent as anything
            os.setpriority(os.PRIO_PROCESS, thread, lowest)


class Archive:
    """Made by ``await Archive.open(...)``; closed before the store."""

    def __init__(
        self, store: Store, shelves: Shelves, room: Room, clock: Callable[[], datetime]
    ) -> None:
        self.engine = store.engine
        self.index = Index(store.engine)
        self.shelves = shelves
        self.pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="archive", initializer=_give_way)
        self._room = room
        self._clock = clock

    @classmethod
    async def open(
        cls,
        directory: Path,
        store: Store,
        *,
        clock: Callable[[], datetime],
        token: Callable[[], str],
        space: SpacePolicy,
        sender: Callable[[str], str | None] = lambda _: None,
    ) -> Archive:
        """StoreError when the folder cannot be used.  ``sender`` says which device calls itself so,
        for files of a crash: nothing else is known of whose they are."""
        shelves = Shelves(directory, clock, token)
        archive = cls(store, shelves, Room(directory, space), clock)
        try:
            await archive.run(shelves.prepare)
            await archive._recover(sender)
        except StoreError:
            await archive.aclose()
            raise
        except OSError as error:
            await archive.aclose()
            raise StoreFailed(f"the archive cannot be opened: {error.strerror}") from error
        return archive

    async def aclose(self) -> None:
        """Waits for what is being written."""
        await asyncio.to_thread(self.pool.shutdown)
        self.shelves.close()

    def receive(self, offered: Offered) -> Reception:
        return Reception(offered, self.shelves, self._clock, self._room.check)

    async def file(self, arrived: Arrived) -> Filed:
        """Files what arrived.  StoreError: it is not in the index and must not be acknowledged."""
        try:
            filed = await self.index.file(arrived)
        except StoreError as error:
            await self.turned_away(arrived, error)
            raise
        return await self.filed(arrived, filed)

    async def filed(self, arrived: Arrived, filed: Filed) -> Filed:
        """After ``index.begin_filing``: what else a repetition takes."""
        if filed.verdict is Verdict.DUPLICATE and not await self.run(self._kept, filed, arrived):
            filed = await self.index.replace(arrived)
        if filed.superfluous is not None:
            await self.run(self._remove, filed.superfluous)
        return filed

    async def turned_away(self, arrived: Arrived, error: StoreError) -> None:
        """After the index did not take it: the file goes, unless the row may be there after all."""
        if not isinstance(error, StoreFailed):
            await self.run(self._remove, arrived.path)

    def strand(self) -> Strand:
        """For blocking calls that must follow each other."""
        return Strand(self.pool)

    async def run(self, call: Callable[..., T], *arguments: object) -> T:
        """Runs something that blocks in the archive's own threads."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, call, *arguments)

    async def _recover(self, sender: Callable[[str], str | None]) -> None:
        """Without room for rows the files wait for the next start."""
        await self.run(discard_parts, self.shelves)
        known = await self.index.paths()
        for path, name in await self.run(unfiled, self.shelves, known):
            arrived = await self.run(reread, path, name)
            if arrived is None:
                continue
            offered = replace(arrived.offered, device=sender(arrived.offered.calling))
            arrived = replace(arrived, offered=offered)
            try:
                filed = await self.index.file(arrived)
            except StoreFull:
                logs.get().warning("archive.unfiled", reason="no room")
                return
            await self.filed(arrived, filed)

    def _kept(self, filed: Filed, arrived: Arrived) -> bool:
        """Whether the bytes a repetition repeats are still there."""
        if filed.kept is None:
            return False
        try:
            found = self.shelves.path(filed.kept).stat().st_size
        except OSError:
            return False
        return found >= arrived.size

    def _remove(self, path: str) -> None:
        with suppress(OSError):
            self.shelves.path(path).unlink()
