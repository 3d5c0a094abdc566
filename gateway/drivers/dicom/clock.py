"""Runs an association's timers (``gateway.protocols.dicom.timers``) on the event loop.

Signs of life come with every read, so the loop's handle is moved only when it runs out.  While the
line does not read by its own choice, the clock stands still, and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.protocols.dicom import Timer


class Clock:
    """``expire`` is called with the timer that ran out."""

    def __init__(self, loop: asyncio.AbstractEventLoop, expire: Callable[[Timer], None]) -> None:
        self._loop = loop
        self._expire = expire
        self._timer: Timer | None = None
        self._due = 0.0
        self._stood: tuple[Timer | None, float] = (None, 0.0)  # which, and the seconds it had left
        self._handle: asyncio.TimerHandle | None = None

    def watch(self, timer: Timer | None) -> None:
        """This one runs now, from its beginning if it is another than before."""
        if timer == self._timer:
            return
        now = self._loop.time()
        if timer is None:
            self._stood, self._timer = (self._timer, self._due - now), None
            return
        stood, left = self._stood
        self._timer, self._stood = timer, (None, 0.0)
        self._due = now + (left if timer == stood else timer.seconds)
        if self._handle is None or self._handle.when() > self._due:
            self._start()

    def stop(self) -> None:
        self._timer = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _start(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = self._loop.call_at(self._due, self._rang)

    def _rang(self) -> None:
        self._handle = None
        timer = self._timer
        if timer is None:
            return
        if self._loop.time() < self._due:
            self._start()
            return
        self._timer = None
        self._expire(timer)
