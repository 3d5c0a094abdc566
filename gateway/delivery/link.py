"""One TCP or TLS connection to an MLLP receiver.

``asyncio.Protocol``, not streams: no 64 KiB limit, and an answer reaches whoever waits for it
without a task in between.  Keep-alive and TCP_USER_TIMEOUT notice a dead peer in about 20 s.  A
connection that ends while somebody waits is Ambiguous for that message: it may have arrived.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import cast

from gateway.delivery.base import Unreadable
from gateway.errors import Ambiguous, DeliveryError, Unreachable
from gateway.protocols.mllp import Block, Decoder, Junk, Oversize
from gateway.transports.liveness import KeepAlive


class Link(asyncio.Protocol):
    """``heard`` gets every block, ``failed`` the link and why nothing awaited on it will come;
    ``rested`` is called after all that one read, or the end, has brought."""

    def __init__(
        self,
        heard: Callable[[bytes], None],
        limit: int,
        *,
        failed: Callable[[Link, DeliveryError], None],
        rested: Callable[[], None],
    ) -> None:
        self._heard = heard
        self._failed = failed
        self._rested = rested
        self._decoder = Decoder(limit)
        self._transport: asyncio.Transport | None = None
        self._drain: asyncio.Future[None] | None = None
        self._paused = False
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's
        self._transport = stream = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(high=0)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            KeepAlive().apply(sock)

    def data_received(self, data: bytes) -> None:
        self._decoder.receive_data(data)
        while not self.closed and (event := self._decoder.next_event()) is not None:
            match event:
                case Block(body):
                    self._heard(body)
                case Oversize(limit):
                    self._failed(self, Unreadable(f"its answer is longer than {limit} bytes"))
                case Junk():
                    pass
        self._rested()

    def eof_received(self) -> None:
        """The peer closes; so do we."""
        self.closed = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        error = _meaning(exc)
        self._failed(self, error)
        self._rested()
        if self._drain is not None and not self._drain.done():
            self._drain.set_exception(error)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._drain is not None and not self._drain.done():
            self._drain.set_result(None)

    def write(self, data: bytes) -> bool:
        """Hands bytes over; True when all of them left at once, else await ``drained``."""
        if self._transport is None or self.closed:
            raise Unreachable("the connection is closed")
        self._transport.write(data)
        return not self._paused

    async def drained(self) -> None:
        if self._paused and not self.closed:
            self._drain = asyncio.get_running_loop().create_future()
            try:
                await self._drain
            finally:
                self._drain = None

    async def send(self, data: bytes) -> None:
        """Returns when all of it left this machine's buffers for the network's."""
        if not self.write(data):
            await self.drained()
        if self.closed:
            raise Ambiguous("the connection closed while the message was sent")

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Nothing that is still on the way is heard."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()


async def connect(
    link: Callable[[], Link], host: str, port: int, *, tls: ssl.SSLContext | None, seconds: float
) -> Link:
    """The link, connected.  Unreachable says why not, in words for a technician."""
    loop = asyncio.get_running_loop()
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(seconds):
            _, connected = await loop.create_connection(link, host, port, ssl=tls)
    except ssl.SSLError as error:
        raise Unreachable(f"{where}: TLS failed ({error.reason or 'no reason'})") from error
    except socket.gaierror as error:
        raise Unreachable(f"{where}: the name cannot be resolved") from error
    except TimeoutError as error:
        raise Unreachable(f"{where}: no connection within {seconds:g} s") from error
    except ConnectionRefusedError as error:
        raise Unreachable(f"{where}: nobody listens there") from error
    except OSError as error:
        why = error.strerror or "closed by the other side before it was of use"
        raise Unreachable(f"{where}: {why}") from error
    return connected


def _meaning(exc: Exception | None) -> DeliveryError:
    """A TLS peer that refuses our certificate says so only after the handshake (TLS 1.3)."""
    if isinstance(exc, ssl.SSLError) and "CERTIFICATE" in (exc.reason or ""):
        return Unreachable(f"TLS failed ({exc.reason})")
    return Ambiguous("the connection closed before the message was answered")
