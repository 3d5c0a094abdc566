"""Calls that block, in the archive's threads, one after the other; no turn of the loop between.

A strand holds a thread only while it has something to do, and after ``TURN`` calls lets others
have it, so that however many peers stall or send without a pause, everybody gets on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from threading import Lock
from typing import Final

TURN: Final = 16


class Strand:
    """``put`` from any thread.  A call must not raise: nobody would hear of it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._calls: deque[Callable[[], None]] = deque()
        self._lock = Lock()
        self._busy = False

    @property
    def idle(self) -> bool:
        """Whether everything that was put is done."""
        return not self._busy

    def put(self, call: Callable[[], None]) -> None:
        """Runs it when all before it are done."""
        with self._lock:
            self._calls.append(call)
            if self._busy:
                return
            self._busy = True
        self._executor.submit(self._run)

    def _run(self) -> None:
        for _ in range(TURN):
            with self._lock:
                if not self._calls:
                    self._busy = False
                    return
                call = self._calls.popleft()
            call()
        self._executor.submit(self._run)
