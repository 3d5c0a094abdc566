"""The last megabyte of every line, both directions with their times, so that the evidence exists
before somebody calls.

A tape is in memory and forgets the oldest first; what was acknowledged is in the journal besides.
It names patients like the line does: whoever reads it is recorded.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Final

from gateway.protocols.astm import Comment, Direction, Spoken, write_wire

LIMIT: Final = 1024 * 1024
_DEVICE: Final = Direction.DEVICE
_HOST: Final = Direction.HOST
_OVERHEAD: Final = 128  # what a piece costs beside its bytes
_SPANS: Final = 16  # of which the oldest is forgotten


class Mark(Enum):
    """What happened to the line itself."""

    OPENED = auto()
    CLOSED = auto()


Piece = tuple[float, Direction | Mark, bytes]


class _Span:
    """Some pieces in a row; they are forgotten together."""

    __slots__ = ("pieces", "size")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.size = 0


class Tape:
    """One line's; ``clock`` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._long = limit // _SPANS
        self._full: deque[_Span] = deque()
        self._latest = _Span()

    def device(self, data: bytes) -> None:
        """The device said this."""
        span = self._latest
        span.pieces.append((self._clock(), _DEVICE, data))
        span.size += len(data) + _OVERHEAD
        if span.size > self._long:
            self._turn()

    def host(self, data: bytes) -> None:
        """We said this."""
        span = self._latest
        span.pieces.append((self._clock(), _HOST, data))
        span.size += len(data) + _OVERHEAD
        if span.size > self._long:
            self._turn()

    def mark(self, mark: Mark, peer: str) -> None:
        """The line was opened or closed."""
        data = peer.encode("ascii", "replace")
        span = self._latest
        span.pieces.append((self._clock(), mark, data))
        span.size += len(data) + _OVERHEAD
        if span.size > self._long:
            self._turn()

    def transcript(self, now: datetime) -> str:
        """All of it, the oldest first; ``now`` is the time of day it is asked for."""
        pieces = [piece for span in (*self._full, self._latest) for piece in span.pieces]
        began = pieces[0][0] if pieces else self._clock()
        moment = now - timedelta(seconds=self._clock() - began)
        head = Comment(f"# from {moment.isoformat(timespec='milliseconds')}")
        return write_wire([head, *_entries(pieces, began)])

    def _turn(self) -> None:
        """Begins a new span.  The oldest are forgotten; of a single piece that is too long its
        beginning."""
        latest, self._latest = self._latest, _Span()
        at, kind, data = latest.pieces[-1]
        if len(data) > self._limit - self._long:
            latest.pieces = [(at, kind, data[-self._limit :])]
            latest.size = self._limit
        self._full.append(latest)
        while sum(span.size for span in self._full) > self._limit and len(self._full) > 1:
            self._full.popleft()


def _entries(pieces: Iterable[Piece], began: float) -> Iterator[Spoken | Comment]:
    last = began
    for at, kind, data in pieces:
        if isinstance(kind, Mark):
            yield Comment(f"# {kind.name.lower()}: {data.decode('ascii')}")
            continue
        yield Spoken(kind, data, Decimal(f"{at - last:.3f}"))
        last = at
