"""What every connection of the node has set: no delay, and a dead peer is noticed by the kernel."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

_IDLE, _INTERVAL, _PROBES = 60, 15, 4


def prepare(transport: asyncio.BaseTransport) -> str:
    """Sets the options; gives the peer's address."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        with suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _IDLE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _INTERVAL)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""
