"""How much of the time reading takes, and how it leaves the loop to others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

_WINDOW: Final = 0.5  # seconds
_GREAT: Final = 0.25  # of them
_NOTHING: Final = 0.0005  # seconds of a turn of the loop in which nobody had much to do


class Effort:
    """A burst passes within a window; reading that fills the time does not."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._spent = 0.0
        self._great_at = float("-inf")

    def add(self, seconds: float) -> None:
        """So long was spent with reading, until now."""
        self._spent += seconds
        now = self._clock()
        if (elapsed := now - self._since) >= _WINDOW:
            if self._spent > elapsed * _GREAT:
                self._great_at = now
            self._since, self._spent = now, 0.0

    def great(self) -> bool:
        """Whether it took a quarter of the window before, or more."""
        return self._clock() - self._great_at < _WINDOW


async def others_first(seconds: float) -> None:
    """Leaves the loop to others for so long, or until they have nothing to do."""
    now = perf_counter()
    until = now + seconds
    while True:
        before = now
        await asyncio.sleep(0)
        now = perf_counter()
        if now >= until or now - before < _NOTHING:
            return
