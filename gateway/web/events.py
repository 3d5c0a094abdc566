"""Server-sent events: every notice as it is posted, with numbers so that a gap can be filled.

A reader that comes back with ``Last-Event-ID`` gets what it missed, as far as that is still kept.
One that does not keep up loses the oldest and is told so by a ``gap`` event; so is one that comes
back after the gateway was started anew.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final

from gateway.notices import Posted

KEPT: Final = 1000
READERS: Final = 32
_QUIET: Final = 15.0
_GAP: Final = b"event: gap\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    posted: Posted


class Bulletin:
    """``see`` is a watcher for the noticeboard; ``close`` ends every stream."""

    def __init__(self, epoch: str) -> None:
        self._epoch = epoch
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._number = 0
        self._waiting: set[asyncio.Event] = set()
        self._closed = False

    @property
    def readers(self) -> int:
        return len(self._waiting)

    def see(self, posted: Posted) -> None:
        self._number += 1
        self._kept.append(Event(self._number, posted))
        for news in self._waiting:
            news.set()

    def close(self) -> None:
        self._closed = True
        for news in self._waiting:
            news.set()

    async def stream(self, last: str | None) -> AsyncGenerator[bytes, None]:
        """Until the reader goes or the gateway stops."""
        seen = self._place(last)
        elsewhere = bool(last) and not self._is_ours(last)
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            yield b"retry: 2000\n\n"
            if elsewhere:
                yield _GAP
            while not self._closed:
                news.clear()
                fresh = [event for event in self._kept if event.number > seen]
                if fresh and fresh[0].number > seen + 1:
                    yield _GAP
                for event in fresh:
                    seen = event.number
                    yield self._written(event)
                if not fresh and not await _set_within(news, _QUIET):
                    yield b": still here\n\n"
        finally:
            self._waiting.discard(news)

    def _place(self, last: str | None) -> int:
        """The last one it has seen."""
        if not last:
            return self._number
        return min(int(last.partition("-")[2]), self._number) if self._is_ours(last) else 0

    def _is_ours(self, last: str | None) -> bool:
        epoch, _, number = (last or "").partition("-")
        return epoch == self._epoch and number.isascii() and number.isdigit() and len(number) < 16

    def _written(self, event: Event) -> bytes:
        name = type(event.posted.notice).__name__
        values = {key: _plain(value) for key, value in asdict(event.posted.notice).items()}
        data = json.dumps({"at": event.posted.at.isoformat(), "kind": name, **values})
        return f"id: {self._epoch}-{event.number}\nevent: {name}\ndata: {data}\n\n".encode()


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value
