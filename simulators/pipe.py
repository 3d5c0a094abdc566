"""How a simulated device reaches the gateway: TCP in either direction, or a serial port.

Serial ports are opened with pyserial, which the gateway does not use: two independent serial
stacks face each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import parse_qs

from simulators.mistakes import Mistake

_CHUNK = 65536


class PipeClosed(Exception):
    """The other side is gone."""


class Pipe(Protocol):
    """Bytes in, bytes out."""

    async def read(self) -> bytes: ...

    async def write(self, data: bytes) -> None: ...

    async def aclose(self) -> None: ...


class TcpPipe:
    """A connected TCP socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        try:
            data = await self._reader.read(_CHUNK)
        except OSError as error:
            raise PipeClosed(str(error)) from error
        if not data:
            raise PipeClosed("closed by the other side")
        return data

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise PipeClosed(str(error)) from error

    async def aclose(self) -> None:
        self._writer.transport.abort()
        await asyncio.sleep(0)


class SerialPipe:
    """A serial port (or the far end of a pty) through pyserial."""

    def __init__(self, path: str, baud: int, parity: str) -> None:
        import serial

        self._port = serial.Serial(path, baud, parity=parity, timeout=0, write_timeout=5)
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._loop.add_reader(self._port.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = self._port.read(_CHUNK)
        except OSError:
            data = b""
        if data:
            self._arrived.put_nowait(data)
        else:
            self._loop.remove_reader(self._port.fileno())
            self._arrived.put_nowait(None)

    async def read(self) -> bytes:
        data = await self._arrived.get()
        if data is None:
            raise PipeClosed("the serial line is gone")
        return data

    async def write(self, data: bytes) -> None:
        try:
            await asyncio.to_thread(self._port.write, data)
        except OSError as error:
            raise PipeClosed(str(error)) from error

    async def aclose(self) -> None:
        self._loop.remove_reader(self._port.fileno())
        self._port.close()


async def open_pipe(stream: str) -> Pipe:
    """A pipe for ``serial:PATH?baud=..&parity=..``, ``tcp:HOST:PORT`` or ``tcp-listen:HOST:PORT``.

    With ``tcp-listen`` it waits until somebody dials.
    """
    kind, _, rest = stream.partition(":")
    match kind:
        case "tcp":
            host, port = endpoint(rest)
            try:
                return TcpPipe(*await asyncio.open_connection(host, port))
            except OSError as error:
                raise PipeClosed(error.strerror or "cannot connect") from error
        case "tcp-listen":
            return await _first_caller(rest)
        case "serial":
            path, _, query = rest.partition("?")
            options = {key: values[-1] for key, values in parse_qs(query).items()}
            try:
                return SerialPipe(path, int(options.get("baud", 9600)), options.get("parity", "N"))
            except OSError as error:
                raise PipeClosed(str(error)) from error
        case _:
            raise ValueError(f"'{stream}': a stream is serial:..., tcp:... or tcp-listen:...")


def endpoint(text: str) -> tuple[str, int]:
    """``HOST:PORT`` as both; port 0 is any free one."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise Mistake(f"'{text}' is no HOST:PORT; ports are 0 to 65535")
    return host.strip("[]"), int(port)


async def _first_caller(where: str) -> Pipe:
    host, port = endpoint(where)
    called: asyncio.Future[Pipe] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if called.done():
            writer.close()
        else:
            called.set_result(TcpPipe(reader, writer))

    server = await asyncio.start_server(serve, host, port)
    try:
        return await called
    finally:
        server.close()


Opener = Callable[[], Awaitable[Pipe]]
