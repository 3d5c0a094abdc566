"""Pipes to devices: serial ports, TCP in both directions, RFC 2217; kept open for ever.

A device's driver is an ``asyncio.Protocol``; what it gets are the device's bytes, in whatever
pieces they arrive (a TCP segment is never a frame).
"""

from gateway.transports.address import (
    AnyAddress,
    Flow,
    InvalidAddress,
    LineSettings,
    Parity,
    Rfc2217,
    Serial,
    StreamAddress,
    TcpConnect,
    TcpListen,
    Usb,
)
from gateway.transports.backoff import Backoff
from gateway.transports.connection import Peer, PeerRefused
from gateway.transports.damage import SUBSTITUTE
from gateway.transports.folder import Folder, Stream, anchored, configured
from gateway.transports.listen import Admission
from gateway.transports.liveness import KeepAlive, is_dead
from gateway.transports.maintain import maintain

__all__ = [
    "SUBSTITUTE",
    "Admission",
    "AnyAddress",
    "Backoff",
    "Flow",
    "Folder",
    "InvalidAddress",
    "KeepAlive",
    "LineSettings",
    "Parity",
    "Peer",
    "PeerRefused",
    "Rfc2217",
    "Serial",
    "Stream",
    "StreamAddress",
    "TcpConnect",
    "TcpListen",
    "Usb",
    "anchored",
    "configured",
    "is_dead",
    "maintain",
]
