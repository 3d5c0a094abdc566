"""Notices when a destination has work and makes no progress, whatever the reason.

One timer, armed only while something waits; it looks at the time of the last progress when it
fires, so that progress itself costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence


class StallWatch:
    """Calls ``alarm(seconds)`` once for each of ``after`` (ascending) that a stall outlasts."""

    def __init__(self, after: Sequence[float], alarm: Callable[[float], None]) -> None:
        self._after = tuple(after)
        self._alarm = alarm
        self._since: float | None = None
        self._level = 0
        self._timer: asyncio.TimerHandle | None = None

    def waiting(self) -> None:
        """Something is waiting to be delivered."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
            self._level = 0
            self._arm()

    def progress(self) -> None:
        if self._since is not None:
            self._since = asyncio.get_running_loop().time()
            self._level = 0
            if self._timer is None:
                self._arm()

    def idle(self) -> None:
        """Nothing is waiting."""
        self._since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._since is None or self._level >= len(self._after):
            self._timer = None
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(self._since + self._after[self._level], self._look)

    def _look(self) -> None:
        if self._since is None:
            return
        elapsed = asyncio.get_running_loop().time() - self._since
        if elapsed >= self._after[self._level]:
            self._alarm(self._after[self._level])
            self._level += 1
        self._arm()
