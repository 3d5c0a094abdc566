"""Reads every image back now and then, slowly: one that is not what was received is told at once.

A damaged or missing file is marked, so that the sender's repetition mends it, commitment says so
and nothing is purged on its strength.  At most ``rate`` bytes a second are read, in portions, so
that units and results do not notice; after a restart the walk goes on where it was.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.archive.archive import Archive
from gateway.archive.rows import Instance
from gateway.archive.walks import ACTOR, Walk, Walks
from gateway.store import audit

NAME: Final = "sweep"
FIRST: Final = 3600.0  # seconds after the start of a gateway that never swept
PORTION: Final = 1024 * 1024
_BATCH: Final = 100
_LEAST_PAUSE: Final = 0.02  # seconds; shorter ones are saved up
_PASSING: Final = frozenset({errno.ENFILE, errno.EMFILE, errno.ENOMEM})
GONE: Final = ("purging", "purged")


@dataclass(frozen=True, slots=True)
class Pace:
    """``every``: from the beginning of one walk to that of the next.  ``rate``: bytes a second."""

    every: timedelta
    rate: float


class Sweep:
    """``run`` is a supervised task; ``damaged`` hears of each file that was sound before."""

    def __init__(
        self,
        archive: Archive,
        walks: Walks,
        pace: Pace,
        *,
        clock: Callable[[], datetime],
        damaged: Callable[[Instance], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._archive = archive
        self._walks = walks
        self._pace = pace
        self._clock = clock
        self._damaged = damaged
        self._sleep = sleep
        self._owed = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            walk = await self._walks.get(NAME)
            if not walk.under_way:
                await self._sleep(self._until_due(walk))
                walk = await self._walks.begin(NAME)
            await self.walk(walk)

    async def walk(self, walk: Walk) -> None:
        """From where it is to what was there when it began."""
        last = walk.position
        while batch := await self._archive.index.after(last, _BATCH):
            for instance in batch:
                last = instance.id
                if instance.state in GONE or self._is_newer(instance, walk):
                    continue
                found = await self._look(instance)
                await self._walks.advance(NAME, last, 1, int(found))
        await self._walks.finish(NAME, "image sweep", "{seen} images read, {found} damaged")

    def _until_due(self, walk: Walk) -> float:
        if walk.started_at is None:
            return FIRST
        due = walk.started_at + self._pace.every - self._clock()
        return max(0.0, min(due, self._pace.every).total_seconds())

    def _is_newer(self, instance: Instance, walk: Walk) -> bool:
        """What came since it began is for the next walk; what seems to come later than now came
        before the clock was put back."""
        return walk.started_at is not None and (
            walk.started_at < instance.received_at <= self._clock()
        )

    async def _look(self, instance: Instance) -> bool:
        """Whether it is damaged; the index remembers the answer."""
        sound = await self._sound(instance)
        if sound is None:
            return False
        current = await self._archive.index.instance(instance.uid)
        if current is None or current.path != instance.path or current.state in GONE:
            return False  # it changed meanwhile
        await self._archive.index.checked(instance, sound=sound)
        if not sound and current.state == "stored":
            await self._tell(instance)
        return not sound

    async def _tell(self, instance: Instance) -> None:
        engine = self._archive.engine
        subject = f"instance {instance.uid}"
        await engine.write(
            lambda c: audit.add(engine, c, ACTOR, "image damaged", subject, "not as received")
        )
        self._damaged(instance)

    async def _sound(self, instance: Instance) -> bool | None:
        """None: it cannot be said now."""
        run, digest = self._archive.run, hashlib.sha256()
        try:
            descriptor = await run(self._open, instance)
        except OSError as error:
            return None if error.errno in _PASSING else False
        try:
            at = instance.start
            while portion := await run(os.pread, descriptor, PORTION, at):
                await run(digest.update, portion)
                at += len(portion)
                await self._pause(len(portion))
        except OSError:
            return False
        finally:
            await run(_close, descriptor)
        return digest.digest() == instance.sha256

    def _open(self, instance: Instance) -> int:
        return os.open(self._archive.shelves.path(instance.path), os.O_RDONLY | os.O_CLOEXEC)

    async def _pause(self, count: int) -> None:
        self._owed += count / self._pace.rate
        if self._owed >= _LEAST_PAUSE:
            owed, self._owed = self._owed, 0.0
            await self._sleep(owed)


def _close(descriptor: int) -> None:
    """What was read for this alone need not stay in memory."""
    with suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
