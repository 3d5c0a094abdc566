"""Memory to receive data sets into: a few large blocks shared by all associations.

Large blocks make few system calls and few hand-overs.  When all are lent, small ones serve: an
association is never kept waiting because others stall, and memory stays bounded either way.
"""

from __future__ import annotations

from typing import Final

LARGE: Final = 512 * 1024
SMALL: Final = 64 * 1024
LARGE_BLOCKS: Final = 16


class Block:
    """``used`` bytes from the front are taken."""

    __slots__ = ("used", "view")

    def __init__(self, size: int) -> None:
        self.view = memoryview(bytearray(size))
        self.used = 0

    @property
    def room(self) -> int:
        return len(self.view) - self.used

    def rest(self) -> memoryview:
        """What is free."""
        return self.view[self.used :]

    def append(self, data: memoryview) -> memoryview:
        """Copies as much as fits; gives the view of it."""
        count = min(len(data), self.room)
        place = self.view[self.used : self.used + count]
        place[:] = data[:count]
        self.used += count
        return place


class Blocks:
    """Lends blocks in the loop's thread; they may be given back in any."""

    def __init__(self, large: int = LARGE_BLOCKS) -> None:
        self._free: list[Block] = []
        self._unmade = large

    def take(self) -> Block:
        if self._free:
            return self._free.pop()
        if self._unmade:
            self._unmade -= 1
            return Block(LARGE)
        return Block(SMALL)

    def give_back(self, block: Block) -> None:
        """Nobody may look at it any more."""
        block.used = 0
        if len(block.view) == LARGE:
            self._free.append(block)
