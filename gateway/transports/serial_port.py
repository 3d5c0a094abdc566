"""Pipes that are serial ports of this machine, through serialx.

The port is locked (flock, as pyserial, picocom and minicom do), set as the address says, and set to
mark damaged characters, which reach the driver as ``damage.SUBSTITUTE`` and are counted.  A port
that another program holds, that is no port, or that two adapters could mean, is refused.
"""

from __future__ import annotations

import asyncio
import logging
import termios
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, cast

import serialx

from gateway.errors import StreamUnavailable
from gateway.transports import diagnosis
from gateway.transports.address import Flow, Parity, Serial, Usb
from gateway.transports.connection import Connection, Peer
from gateway.transports.damage import MarkDecoder
from gateway.transports.diagnosis import Finding, NeedsPerson
from gateway.transports.layer import Bytes, Layer

Damaged = Callable[[Peer, int], None]
_IFLAG: Final = 0
_CFLAG: Final = 2
_FRAME_BITS: Final = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB


class SerialPort:
    """Opens one serial port."""

    def __init__(
        self,
        address: Serial,
        factory: Callable[[Peer], asyncio.Protocol],
        damaged: Damaged,
        list_ports: Callable[[], Sequence[serialx.SerialPortInfo]] = serialx.list_serial_ports,
    ) -> None:
        # at DEBUG, serialx writes every byte it reads and sends into the log: patients' data
        logging.getLogger("serialx").setLevel(logging.INFO)
        self._list_ports = list_ports
        self._address = address
        self._factory = factory
        self._damaged = damaged
        self._path = str(address.port)
        self._remarks: tuple[str, ...] = ()

    @property
    def opened(self) -> str:
        return "; ".join((f"{self._path} is open, {self._address.shorthand}", *self._remarks))

    async def open(self) -> Connection:
        self._path = str(self._address.port)
        by_path = isinstance(self._address.port, str) and not self._address.renumbered
        ports = () if by_path else await asyncio.to_thread(self._list_ports)
        self._path = resolve(self._address.port, ports)
        peer = Peer(self._address, self._path)
        connection = Connection(lambda _: peer, self._factory)
        line = _MarkedLine(self._address, connection, lambda count: self._damaged(peer, count))
        await self._open(line)
        advice = stable_name(self._path, ports) if self._address.renumbered else None
        self._remarks = tuple(filter(None, (line.remark, advice)))
        return connection

    async def _open(self, line: _MarkedLine) -> None:
        address = self._address
        try:
            await serialx.create_serial_connection(
                asyncio.get_running_loop(),
                lambda: line,
                self._path,
                address.baud,
                parity=serialx.Parity(address.parity.value),
                stopbits=serialx.StopBits(address.stop_bits),
                xonxoff=address.flow is Flow.XONXOFF,
                rtscts=address.flow is Flow.RTSCTS,
                exclusive=True,
                byte_size=address.data_bits,
            )
        except serialx.SerialException as error:
            raise NeedsPerson(str(error)) from error

    def failed(self, error: Exception) -> Finding:
        return diagnosis.serial_failed(self._path, error)

    def lost(self, connection: Connection, *, at_once: bool) -> Finding | None:
        return diagnosis.serial_lost(self._path, connection.error, at_once=at_once)


class _MarkedLine(asyncio.Protocol):
    """Switches the marking on, and takes the marks out again."""

    def __init__(
        self, address: Serial, connection: Connection, damaged: Callable[[int], None]
    ) -> None:
        self._address = address
        self._connection = connection
        self._damaged = damaged
        self._marks = MarkDecoder()
        self.remark: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        port = cast("serialx.BaseSerialTransport", transport)
        try:
            self.remark = _mark_damage(port.serial.fileno(), self._address)
        except termios.error as error:
            raise OSError(*error.args) from error
        self._connection.connection_made(_SerialTransport(port))

    def data_received(self, data: bytes) -> None:
        sound, damaged = self._marks.decode(data)
        if damaged:
            self._damaged(damaged)
        if sound:
            self._connection.data_received(sound)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)


class _SerialTransport(Layer):
    """Loses writes after the end silently, as sockets do, and aborts without draining."""

    def write(self, data: Bytes) -> None:
        with suppress(OSError):  # unplugged: connection_lost is on its way
            super().write(data)

    def abort(self) -> None:
        if not self.is_closing():
            port = cast("serialx.BaseSerialTransport", self._below)
            # closing a port with unsent characters blocks for up to 30 s
            with suppress(termios.error, OSError):
                termios.tcflush(port.serial.fileno(), termios.TCOFLUSH)
        super().abort()


def _mark_damage(fd: int, address: Serial) -> str | None:
    """Have the kernel check and mark characters; a remark when the port did not take the frame.

    Framing errors (a wrong speed) are marked without parity, too.  Characters that came in before
    are thrown away: nobody checked them.
    """
    settings = termios.tcgetattr(fd)
    settings[_IFLAG] |= termios.INPCK | termios.PARMRK
    settings[_IFLAG] &= ~(termios.IGNPAR | termios.ISTRIP | termios.IGNBRK | termios.BRKINT)
    settings[_IFLAG] &= ~termios.IXANY  # only XON may end an XOFF
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    termios.tcflush(fd, termios.TCIFLUSH)
    taken = termios.tcgetattr(fd)
    if not taken[_IFLAG] & termios.INPCK or not taken[_IFLAG] & termios.PARMRK:
        return "this port cannot tell damaged characters from sound ones"
    if taken[_CFLAG] & _FRAME_BITS != _frame_bits(address):
        return "this port (a virtual one, or a simple adapter) does not check parity"
    return None


def _frame_bits(address: Serial) -> int:
    bits = termios.CS7 if address.data_bits == 7 else termios.CS8
    if address.parity is not Parity.NONE:
        bits |= termios.PARENB
    if address.parity in (Parity.ODD, Parity.MARK):
        bits |= termios.PARODD
    return bits | (termios.CSTOPB if address.stop_bits == 2 else 0)


def resolve(port: str | Usb, ports: Iterable[serialx.SerialPortInfo]) -> str:
    """The device path of ``port``; StreamUnavailable when none, or more than one, fits."""
    if isinstance(port, str):
        return port
    found = [
        info.device
        for info in ports
        if (info.vid, info.pid, info.serial_number) == (port.vendor, port.product, port.serial)
    ]
    match found:
        case [path]:
            return path
        case []:
            raise StreamUnavailable("no such adapter is plugged in (lsusb lists the ones that are)")
        case _:
            raise NeedsPerson(
                f"fits {len(found)} ports ({', '.join(sorted(found))}); name one of them"
            )


def stable_name(path: str, ports: Iterable[serialx.SerialPortInfo]) -> str | None:
    """Advice to name the adapter instead of the number it happened to get."""
    for info in ports:
        if info.resolved_device == path and info.device != path:
            return f"its number may change at the next start: {info.device} is always this adapter"
    return None
