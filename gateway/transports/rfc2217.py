"""Pipes to device servers that let us set the line (RFC 2217).

The driver sees the pipe as open when the server has confirmed the settings, and sees device bytes
only.  A server that cannot be used is refused with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from gateway.protocols.errors import RemoteProtocolError
from gateway.transports import diagnosis
from gateway.transports.address import Rfc2217, endpoint
from gateway.transports.comport import ComPort
from gateway.transports.connection import Connection, Peer, network_peer
from gateway.transports.diagnosis import Finding, NeedsPerson
from gateway.transports.dial import dial
from gateway.transports.layer import Bytes, Layer
from gateway.transports.liveness import KeepAlive
from gateway.transports.telnet import escape

Damaged = Callable[[Peer, int], None]


class ComPortDialer:
    """Opens RFC 2217 connections to one address."""

    def __init__(
        self,
        address: Rfc2217,
        factory: Callable[[Peer], asyncio.Protocol],
        damaged: Damaged,
        keepalive: KeepAlive,
        patience: float,
    ) -> None:
        self._address = address
        self._factory = factory
        self._damaged = damaged
        self._keepalive = keepalive
        self._patience = patience
        self._place = endpoint(address.host, address.port)

    @property
    def opened(self) -> str:
        return f"connected to {self._place}, {self._address.shorthand}"

    async def open(self) -> Connection:
        address = self._address
        line = await dial(address.host, address.port, self._make, self._patience)
        try:
            await line.negotiated(self._patience)
        except BaseException:
            line.abort()
            raise
        return line.connection

    def failed(self, error: Exception) -> Finding:
        return diagnosis.dial_failed(self._place, error)

    def lost(self, connection: Connection, *, at_once: bool) -> Finding | None:
        return diagnosis.network_lost(
            self._place, connection.error, at_once=at_once, by_peer=connection.ended_by_peer
        )

    def _make(self) -> _ComPortLine:
        connection = Connection(
            lambda transport: network_peer(self._address, transport), self._factory
        )
        return _ComPortLine(ComPort(self._address), connection, self._damaged, self._keepalive)


class _ComPortLine(asyncio.Protocol):
    """Between the TCP transport and a Connection."""

    def __init__(
        self, port: ComPort, connection: Connection, damaged: Damaged, keepalive: KeepAlive
    ) -> None:
        self._port = port
        self._damaged = damaged
        self._keepalive = keepalive
        self._transport: asyncio.Transport | None = None
        self._ready = asyncio.Event()
        self._open = False
        self._error: Exception | None = None
        self.connection = connection

    async def negotiated(self, patience: float) -> None:
        """Until the line is set; StreamUnavailable or OSError when that cannot be."""
        try:
            async with asyncio.timeout(patience):
                await self._ready.wait()
        except TimeoutError:
            raise NeedsPerson(self._silence(patience)) from None
        if self._error is not None:
            raise self._error

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's
        self._transport = transport = cast("asyncio.Transport", transport)
        self._keepalive.apply(transport.get_extra_info("socket"))
        transport.write(self._port.start())

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        damaged = self._port.damaged
        try:
            sound, answer = self._port.receive(data)
        except RemoteProtocolError as error:
            self._refuse(str(error))
            return
        if self._port.refusal is not None:
            self._refuse(self._port.refusal)
            return
        if answer:
            self._transport.write(answer)
        if self._port.ready and not self._open:
            self._open = True
            self.connection.connection_made(_TelnetTransport(self._transport))
            self._ready.set()
        if self._open:
            self._deliver(sound, self._port.damaged - damaged)

    def _refuse(self, why: str) -> None:
        self._error = self.connection.error = NeedsPerson(f"this server cannot be used: {why}")
        self.abort()

    def _deliver(self, sound: bytes, damaged: int) -> None:
        if damaged and self.connection.peer is not None:
            self._damaged(self.connection.peer, damaged)
        if sound:
            self.connection.data_received(sound)

    def _silence(self, patience: float) -> str:
        if self._port.answered:
            return f"the server did not confirm the line settings within {patience:g} s"
        return (
            f"no RFC 2217 within {patience:g} s; when the device server's port is set to raw TCP, "
            "use tcp:HOST:PORT"
        )

    def pause_writing(self) -> None:
        if self._open:
            self.connection.pause_writing()

    def resume_writing(self) -> None:
        if self._open:
            self.connection.resume_writing()

    def eof_received(self) -> bool | None:
        return self.connection.eof_received() if self._open else None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._open:
            self.connection.connection_lost(self._error or exc)
        else:
            self._error = self._error or exc or ConnectionResetError("closed while negotiating")
            self._ready.set()


class _TelnetTransport(Layer):
    """Doubles the 0xFF bytes of the device's stream."""

    def write(self, data: Bytes) -> None:
        super().write(escape(bytes(data)))
