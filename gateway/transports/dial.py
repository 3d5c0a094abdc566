"""Pipes that we dial: TCP to a device, or to a device server in raw TCP mode.

The driver's protocol stands directly behind the socket (one forwarding call).  A device server
closing an idle connection is normal; refusing, or closing at once, mostly means that it still
holds an old connection.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from gateway.errors import StreamUnavailable
from gateway.transports import diagnosis
from gateway.transports.address import TcpConnect, endpoint
from gateway.transports.connection import Connection, Peer, network_peer
from gateway.transports.diagnosis import Finding
from gateway.transports.liveness import KeepAlive

_Made = TypeVar("_Made", bound=asyncio.Protocol)


class TcpDialer:
    """Opens TCP connections to one address."""

    def __init__(
        self,
        address: TcpConnect,
        factory: Callable[[Peer], asyncio.Protocol],
        keepalive: KeepAlive,
        patience: float,
    ) -> None:
        self._address = address
        self._factory = factory
        self._keepalive = keepalive
        self._patience = patience
        self._place = endpoint(address.host, address.port)

    @property
    def opened(self) -> str:
        return f"connected to {self._place}"

    async def open(self) -> Connection:
        return await dial(
            self._address.host,
            self._address.port,
            lambda: Connection(self._identify, self._factory),
            self._patience,
        )

    def failed(self, error: Exception) -> Finding:
        return diagnosis.dial_failed(self._place, error)

    def lost(self, connection: Connection, *, at_once: bool) -> Finding | None:
        return diagnosis.network_lost(
            self._place, connection.error, at_once=at_once, by_peer=connection.ended_by_peer
        )

    def _identify(self, transport: asyncio.BaseTransport) -> Peer:
        self._keepalive.apply(transport.get_extra_info("socket"))
        return network_peer(self._address, transport)


async def dial(host: str, port: int, make: Callable[[], _Made], patience: float) -> _Made:
    """Connect to the first address of ``host`` that answers within ``patience`` seconds.

    OSError of the last address tried; StreamUnavailable when it did not answer at all.
    """
    loop = asyncio.get_running_loop()
    failure: Exception = StreamUnavailable(f"{host} has no address")
    for *_, place in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            async with asyncio.timeout(patience) as deadline:
                _, made = await loop.create_connection(make, str(place[0]), port)
                return made
        except OSError as error:
            late = deadline.expired()
            failure = StreamUnavailable(f"no answer within {patience:g} s") if late else error
    raise failure
