"""An MLLP receiver that does what a test tells it, on a real socket, with none of our own code."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

VT, END = b"\x0b", b"\x1c\r"
LIMIT = 32 * 1024 * 1024


def ack(code: str, control_id: str, *extra: str) -> bytes:
    segments = ("MSH|^~\\&|EHR|B|GATEWAY|A|20260105||ACK|ACK|P|2.5.1", f"MSA|{code}|{control_id}")
    return VT + "".join(f"{s}\r" for s in (*segments, *extra)).encode() + END


def err(code: str) -> str:
    return f"ERR||PID^1^3|{code}^x^HL70357|E"


def id_of(message: bytes) -> str:
    return message.split(b"\r", 1)[0].split(b"|")[9].decode()


class Peer:
    """``replies`` is called with (number of the message, its id, connection); bytes are sent."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.port = 0
        self.changed = asyncio.Event()
        self.act: Callable[[int, str, asyncio.StreamWriter], Awaitable[None]] = self.accept
        self.greet: Callable[[asyncio.StreamWriter], Awaitable[None]] | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def ids(self) -> list[str]:
        return [id_of(message) for message in self.messages]

    async def accept(self, _number: int, control_id: str, writer: asyncio.StreamWriter) -> None:
        writer.write(ack("AA", control_id))

    def answer(self, *script: bytes | str) -> None:
        """A code such as AE, or bytes; the last one goes on for ever."""

        async def act(number: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            step = script[min(number, len(script)) - 1]
            writer.write(ack(step, control_id) if isinstance(step, str) else step)

        self.act = act

    async def listen(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=LIMIT, ssl=tls)
        self._server = server
        self.port = server.sockets[0].getsockname()[1]

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            await self.until(lambda: not self._writers)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._note()
        try:
            if self.greet is not None:
                await reader.readexactly(100_000)
                await self.greet(writer)
            while True:
                block = await reader.readuntil(END)
                assert block[:1] == VT
                self.messages.append(block[1:-2])
                self._note()
                await self.act(len(self.messages), id_of(self.messages[-1]), writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()
            self._note()

    def _note(self) -> None:
        self.open = len(self._writers)
        self.changed.set()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def a_peer(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.listen(tls=tls)
    try:
        yield peer
    finally:
        with suppress(TimeoutError):
            await peer.aclose()
