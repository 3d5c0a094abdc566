"""The last megabyte of every line, both directions with their times, so that the evidence exists
before somebody calls.

A tape is in memory and forgets the oldest first; what was acknowledged is in the journal besides.
It names patients like the line does: whoever reads it is recorded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from gateway.protocols.astm import Comment, Direction, Spoken, write_wire

LIMIT: Final = 1024 * 1024
_DEVICE: Final = Direction.DEVICE
_HOST: Final = Direction.HOST
_OVERHEAD: Final = 128  # what a piece costs beside its bytes


class Mark(Enum):
    """What happened to the line itself."""

    OPENED = auto()
    CLOSED = auto()


Piece = tuple[float, Direction | Mark, bytes]


class Tape:
    """One line's; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._pieces: deque[Piece] = deque()
        self._size = 0

    def device(self, data: bytes) -> None:
        """The device said this."""
        self._pieces.append((self._clock(), _DEVICE, data))
        self._size += len(data) + _OVERHEAD
        if self._size > self._limit:
            self._forget()

    def host(self, data: bytes) -> None:
        """We said this."""
        self._pieces.append((self._clock(), _HOST, data))
        self._size += len(data) + _OVERHEAD
        if self._size > self._limit:
            self._forget()

    def mark(self, mark: Mark, peer: str) -> None:
        """The line was opened or closed."""
        data = peer.encode("ascii", "replace")
        self._pieces.append((self._clock(), mark, data))
        self._size += len(data) + _OVERHEAD

    def transcript(self, now: datetime) -> str:
        """All of it, the oldest first; ``now`` is the time of day it is asked for."""
        began = self._pieces[0][0] if self._pieces else self._clock()
        moment = now - timedelta(seconds=self._clock() - began)
        head = Comment(f"# from {moment.isoformat(timespec='milliseconds')}")
        return write_wire([head, *self._entries(began)])

    def _entries(self, began: float) -> Iterator[Spoken | Comment]:
        last = began
        for at, kind, data in self._pieces:
            if isinstance(kind, Mark):
                yield Comment(f"# {kind.name.lower()}: {data.decode('ascii')}")
                continue
            yield Spoken(kind, data, Decimal(f"{at - last:.3f}"))
            last = at

    def _forget(self) -> None:
        """The oldest, some at a time, and of a single piece that is too long its beginning."""
        pieces, enough = self._pieces, self._limit - self._limit // 16
        while self._size > enough and len(pieces) > 1:
            self._size -= len(pieces.popleft()[2]) + _OVERHEAD
        at, kind, data = pieces[-1]
        if len(data) > self._limit:
            pieces[-1] = (at, kind, data[-self._limit :])
            self._size = self._limit + _OVERHEAD
