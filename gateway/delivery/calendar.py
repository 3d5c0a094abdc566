"""When a courier looks again: a gate that keeps a destination in peace, and what was postponed."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime


class Gate:
    """Shut for a while after a failure; ``opened`` is called when it opens."""

    def __init__(self, opened: Callable[[], None]) -> None:
        self._opened = opened
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._timer is None

    def shut(self, seconds: float) -> None:
        self.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.open)

    def open(self) -> None:
        self.cancel()
        self._opened()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Calendar:
    """Instants by the wall clock at which something postponed becomes due.

    The outbox decides what is due; this only says when to ask.  ``longest`` is the longest wait
    there is, in s: after it the outbox is asked in any case, wherever the clock was put.
    """

    def __init__(self, look: Callable[[], None], longest: float) -> None:
        self._look = look
        self._longest = longest
        self._instants: list[datetime] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_for: datetime | None = None
        self._looked_for: datetime | None = None

    def add(self, instant: datetime) -> None:
        heapq.heappush(self._instants, instant)

    def watch(self, now: datetime) -> bool:
        """Sets the alarm for the earliest instant; False when there is none after ``now``.

        An instant that passed before its alarm could be set is looked for at once."""
        missed = False
        while self._instants and self._instants[0] <= now:
            passed = heapq.heappop(self._instants)
            missed = missed or self._looked_for is None or passed > self._looked_for
        self._looked_for = None
        if missed:
            self._look()
        if not self._instants:
            return False
        if (earliest := self._instants[0]) != self._timer_for:
            self.cancel()
            seconds = min((earliest - now).total_seconds() + 0.005, self._longest)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._fire)
            self._timer_for = earliest
        return True

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_for = None, None

    def _fire(self) -> None:
        self._looked_for = self._timer_for
        self.cancel()
        self._look()
