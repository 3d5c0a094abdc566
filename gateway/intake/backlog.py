"""Transmissions that wait to be read: acknowledging goes first, and the order stays.

A quiet line's transmission is read at once.  When reading fills the time, a second process does
it, as far as the processor has time; where it cannot, reading here takes what the lines leave, and
a quarter of the time at least.  In a flood, when hundreds wait and still more come, filing gets a
fiftieth of the time; as soon as the lines rest it gets all of it.  What waits is in the journal, so
a backlog costs time and loses nothing; beyond a limit reading and filing are as urgent as anything,
which slows the lines down.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any

from gateway.intake.arrival import Arrival
from gateway.intake.drafting import Draft, Setup
from gateway.intake.drafting_process import DraftingProcess
from gateway.intake.effort import Effort, others_first
from gateway.intake.planning import Meaning

Read = Draft | Meaning

_SHARE = 3  # under load, so many parts of the time belong to the lines
_URGENT = 8192  # transmissions
_SOME = 8  # are worth asking one that runs
_FEW = 2  # are, when it was asked a moment ago: reading here would hold up lines that are busy
_MOMENT = 0.5  # seconds
_QUIET = 0.25  # seconds without an arrival: the lines are at rest
_BATCH = 32  # at most, for it to read
_FILING = 8  # at once, so that a commit stays short
_LARGE = 16 * 1024  # bytes of an exported file
_AHEAD = 256  # read and not yet on their way to the disk
_FLOOD = 256  # transmissions; where more wait and still more come
_FLOOD_SHARE = 49  # parts of the time belong to the lines, one to filing
_STILL = 0.02  # seconds without an arrival: no more come


@dataclass(slots=True)
class _Place:
    """One arrival in the order of arrival; ``read`` is None until somebody has read it."""

    arrival: Arrival
    read: Read | None = None


class Backlog:
    """``interpret`` reads here, ``file`` puts on disk; ``setup`` is None where a second process
    could not help.  ``clock`` gives seconds."""

    def __init__(
        self,
        interpret: Callable[[Arrival], Meaning],
        file: Callable[[Arrival, Read], Coroutine[Any, Any, None]],
        now: Callable[[], datetime],
        setup: Setup | None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self._clock = clock
        self._interpret = interpret
        self._file = file
        self._now = now
        self.process = None if setup is None else DraftingProcess(setup, self.go_on)
        self._waiting: deque[Arrival] = deque()
        self._places: deque[_Place] = deque()
        self._filing: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._asked_at = self._added_at = float("-inf")
        self._effort = Effort(clock)
        self._filing_since = self._filing_again = float("-inf")
        self.hurried = False

    def __len__(self) -> int:
        """Transmissions that are not on their way to the disk yet."""
        return len(self._waiting) + len(self._places)

    def add(self, arrival: Arrival) -> None:
        self._waiting.append(arrival)
        self._added_at = self._clock()
        self.go_on()
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._read_all())

    def tasks(self) -> set[asyncio.Task[None]]:
        """What is under way."""
        return self._filing if self._work is None else {self._work, *self._filing}

    def hurry(self) -> None:
        """From now on nothing waits for the lines."""
        self.hurried = True
        self.go_on()

    def forget(self) -> None:
        """What waits is left to the next start."""
        self._waiting.clear()
        self._places.clear()

    async def close(self) -> None:
        """Ends the second process."""
        if self.process is not None:
            await self.process.close()

    async def _read_all(self) -> None:
        try:
            while self._waiting or self._places:
                self._news.clear()
                self._lend()
                if self._waiting and self._has_room() and self._reads_here():
                    await self._read_one()
                else:
                    await self._something_new()
        finally:
            self._work = None

    async def _something_new(self) -> None:
        """Or the lines have come to rest."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_QUIET if self._waiting else None):
                await self._news.wait()

    def _has_room(self) -> bool:
        return len(self._places) < _AHEAD

    def _reads_here(self) -> bool:
        if self.hurried or len(self._waiting) > _URGENT:
            return True
        if self._clock() - self._added_at > _QUIET:
            return True  # both processes, then
        return self.process is None or not self._busy(self.process)

    def _busy(self, process: DraftingProcess) -> bool:
        """Whether the second process will come to what waits."""
        if process.promising:
            return len(self._waiting) >= _FLOOD
        return process.ready and (process.outstanding > 0 or len(self._waiting) >= self._some())

    def _some(self) -> int:
        return _FEW if self._clock() - self._asked_at < _MOMENT else _SOME

    async def _read_one(self) -> None:
        started = self._clock()
        place = _Place(self._waiting.popleft())
        self._places.append(place)
        place.read = await self._interpreted(place.arrival)
        self._deliver()
        self._effort.add(self._clock() - started)
        pausing = 0 < len(self._waiting) < _URGENT and not self.hurried
        await others_first((self._clock() - started) * _SHARE if pausing else 0.0)

    async def _interpreted(self, arrival: Arrival) -> Meaning:
        """A large exported table is read beside the lines: it may take seconds."""
        if arrival.protocol == "file" and len(arrival.payload) > _LARGE:
            return await asyncio.to_thread(self._interpret, arrival)
        return self._interpret(arrival)

    def _lend(self) -> None:
        """Keeps the second process in work, at most two batches ahead."""
        process = self.process
        if process is None or self.hurried:
            return
        if not process.ready:
            if self._effort.great() or len(self._waiting) >= _FLOOD:
                process.start()
            return
        while self._has_room() and len(self._waiting) >= self._worth(process):
            lent = [_Place(self._waiting.popleft()) for _ in range(min(_BATCH, len(self._waiting)))]
            self._places.extend(lent)
            self._asked_at = self._clock()
            process.ask([p.arrival for p in lent], self._now(), partial(self._read_there, lent))

    def _worth(self, process: DraftingProcess) -> float:
        """How many must wait for the second process to be asked now."""
        match process.outstanding:
            case 0:
                return self._some()
            case 1:
                return _BATCH
            case _:
                return math.inf

    def _read_there(self, lent: Sequence[_Place], drafts: Sequence[Draft | None]) -> None:
        for place, draft in zip(lent, drafts, strict=True):
            place.read = draft or self._interpret(place.arrival)
        self._deliver()
        self.go_on()

    def _deliver(self) -> None:
        """Files what is read, in the order of arrival."""
        if self._floods() and not self._turn_of_filing():
            return
        places = self._places
        self._filing_since = self._clock()
        while places and (read := places[0].read) is not None and len(self._filing) < _FILING:
            task = asyncio.get_running_loop().create_task(
                self._file(places.popleft().arrival, read)
            )
            self._filing.add(task)
            task.add_done_callback(self._filed)

    def _filed(self, task: asyncio.Task[None]) -> None:
        self._filing.discard(task)
        if not self._filing:
            now = self._clock()
            self._filing_again = now + (now - self._filing_since) * _FLOOD_SHARE
        self._deliver()
        self.go_on()

    def _floods(self) -> bool:
        """Whether the lines bring more than can be read."""
        many = _FLOOD < len(self) <= _URGENT and not self.hurried
        return many and self._clock() - self._added_at < _STILL

    def _turn_of_filing(self) -> bool:
        """In a flood it gets its share of the time, one commit after the other."""
        if self._filing:
            return False
        if self._clock() >= self._filing_again:
            return True
        if self._pause is None:
            self._pause = asyncio.get_running_loop().call_later(_STILL, self._paused)
        return False

    def _paused(self) -> None:
        self._pause = None
        self._deliver()
        self.go_on()

    def go_on(self) -> None:
        """Something has changed that decides who reads next."""
        self._news.set()
