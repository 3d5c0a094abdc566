"""What unfinished messages of many connections may hold in memory together.

Each has a limit of its own; a thousand of them that are nearly reached would fill the memory all
the same.  Beyond the budget whoever holds most is cut off, and nobody else.
"""

from __future__ import annotations

from typing import Final, Protocol

SMALL: Final = 64 * 1024
"""Bytes that need not be told."""


class Holder(Protocol):
    """A connection with half a message."""

    def cut_off(self) -> None:
        """Ends it now: what it holds is wanted back."""


class Budget:
    """``used`` of ``limit`` bytes."""

    def __init__(self, limit: int = 128 * 1024 * 1024) -> None:
        self.limit = limit
        self.used = 0
        self._held: dict[Holder, int] = {}

    def holds(self, who: Holder, count: int) -> None:
        """``who`` holds so many bytes now."""
        self.used += count - self._held.pop(who, 0)
        if count:
            self._held[who] = count
        while self.used > self.limit:
            most = max(self._held, key=self._held.__getitem__)
            self.used -= self._held.pop(most)
            most.cut_off()
