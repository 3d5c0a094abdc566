"""One open pipe between a transport and the driver's protocol object.

The driver's object comes from a factory that is told who is there (a Peer) when the pipe opens; it
gets every callback of ``asyncio.Protocol`` in order, ``connection_lost`` exactly once.  Beyond
passing calls on, a Connection only remembers how the pipe ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from gateway.errors import StreamError
from gateway.transports.address import StreamAddress, endpoint

_PATIENCE: Final = 2.0  # s, for a closed pipe to say that it is closed


class PeerRefused(StreamError):
    """Raised by a factory: nobody here talks to this peer; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end.  ``host`` is an IP address, None on a serial line."""

    address: StreamAddress
    name: str
    host: str | None = None
    port: int | None = None


class Connection(asyncio.Protocol):
    """Forwards to the driver's protocol; ``gone`` is set when the pipe has ended."""

    def __init__(
        self,
        identify: Callable[[asyncio.BaseTransport], Peer],
        factory: Callable[[Peer], asyncio.Protocol],
    ) -> None:
        self._identify = identify
        self._factory = factory
        self.transport: asyncio.Transport | None = None
        self._driver: asyncio.Protocol | None = None
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.peer: Peer | None = None
        self.error: Exception | None = None
        self.ended_by_peer = False

    @property
    def driver(self) -> asyncio.Protocol | None:
        """The protocol the factory made, once the pipe was open."""
        return self._driver

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's
        self.transport = transport = cast("asyncio.Transport", transport)
        try:
            self.peer = self._identify(transport)
            self._driver = self._factory(self.peer)
            self._driver.connection_made(transport)
        except PeerRefused as refusal:
            self.error = refusal
            transport.abort()
        except BaseException:
            transport.abort()
            raise

    def data_received(self, data: bytes) -> None:
        if self._driver is not None:
            self._driver.data_received(data)

    def eof_received(self) -> bool | None:
        self.ended_by_peer = True
        return self._driver.eof_received() if self._driver is not None else None

    def pause_writing(self) -> None:
        if self._driver is not None:
            self._driver.pause_writing()

    def resume_writing(self) -> None:
        if self._driver is not None:
            self._driver.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.gone.done():
            return
        self.error = self.error or exc
        driver, self._driver = self._driver, None
        try:
            if driver is not None:
                driver.connection_lost(exc)
        finally:
            self.gone.set_result(None)

    def retire(self) -> None:
        """End now: the driver's ``connection_lost`` has run when this returns."""
        if self.transport is not None:
            self.transport.abort()
        self.connection_lost(None)

    async def abandon(self) -> None:
        """Drop what is unsent, close, and wait until the pipe is closed."""
        if self.transport is not None and not self.gone.done():
            self.transport.abort()
            await asyncio.wait({self.gone}, timeout=_PATIENCE)


def network_peer(address: StreamAddress, transport: asyncio.BaseTransport) -> Peer:
    """The peer of a TCP transport; an IPv4 caller of an IPv6 listener keeps its IPv4 name."""
    host, port, *_ = transport.get_extra_info("peername") or ("unknown", 0)
    host = host.removeprefix("::ffff:") if "." in host else host
    return Peer(address, endpoint(host, port), host, port)
