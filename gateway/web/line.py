"""One HTTP connection, as uvicorn has it, with two bounds that it has not.

The head of a request must be whole ``PATIENCE`` seconds after the connection was made or its first
byte came.  Of more than ``CONNECTIONS`` the oldest that asks for nothing gives its place to the
newest: whoever only holds connections keeps nobody out.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE: Final = 15.0
CONNECTIONS: Final = 192


class HttpLine(H11Protocol):
    """``made`` is when the connection was made."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.made = self.loop.time()
        self._waiting: asyncio.TimerHandle | None = None

    @property
    def asks_nothing(self) -> bool:
        """Whether no whole head has come, or the last request is answered."""
        # uvicorn has no cycle before the first head
        cycle: Any = self.cycle
        return cycle is None or bool(cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > CONNECTIONS:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        if self.asks_nothing:
            self._wait()
        super().data_received(data)
        if not self.asks_nothing:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, HttpLine)]
        idle = [one for one in others if one.asks_nothing and one is not self]
        min(idle, key=lambda one: one.made, default=self).transport.abort()

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(PATIENCE, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.asks_nothing:
            self.transport.abort()
