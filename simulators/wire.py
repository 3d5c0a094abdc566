"""Bad wires: what a line may do to bytes between a device and the gateway.

A ``Fault`` turns each chunk that passes into the chunks that arrive.  ``Relay`` is a TCP relay
with a fault in each direction; a fault keeps its own state and randomness, so a seed repeats a day.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

Fault = Callable[[bytes], Iterator[bytes]]

_ACK = 0x06


class Cut(Exception):
    """The line is cut here."""


def whole(chunk: bytes) -> Iterator[bytes]:
    """A good wire."""
    yield chunk


def bytewise(chunk: bytes) -> Iterator[bytes]:
    """One byte at a time, as a slow converter delivers them."""
    for index in range(len(chunk)):
        yield chunk[index : index + 1]


def split(rng: random.Random) -> Fault:
    """Cut anywhere."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(chunk):
            end = rng.randint(start + 1, len(chunk))
            yield chunk[start:end]
            start = end

    return fault


def flip_bits(rng: random.Random, probability: float) -> Fault:
    """Each chunk has one flipped bit with ``probability``."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        if chunk and rng.random() < probability:
            damaged = bytearray(chunk)
            damaged[rng.randrange(len(chunk))] ^= 1 << rng.randrange(8)
            chunk = bytes(damaged)
        yield chunk

    return fault


def lose_acknowledgments(rng: random.Random, probability: float) -> Fault:
    """Some answers of one ACK byte never arrive."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        if len(chunk) == 1 and chunk[0] == _ACK and rng.random() < probability:
            return
        yield chunk

    return fault


def repeat(rng: random.Random, probability: float) -> Fault:
    """Some chunks arrive twice."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        yield chunk
        if rng.random() < probability:
            yield chunk

    return fault


def cut_at(count: int) -> Fault:
    """The line is cut after ``count`` bytes."""
    passed = 0

    def fault(chunk: bytes) -> Iterator[bytes]:
        nonlocal passed
        keep = chunk[: max(0, count - passed)]
        passed += len(chunk)
        if keep:
            yield keep
        if passed >= count:
            raise Cut

    return fault


def stall_after(count: int) -> Fault:
    """After ``count`` bytes nothing arrives any more, but the line stays up."""
    passed = 0

    def fault(chunk: bytes) -> Iterator[bytes]:
        nonlocal passed
        keep = chunk[: max(0, count - passed)]
        passed += len(chunk)
        if keep:
            yield keep

    return fault


def chain(*faults: Fault) -> Fault:
    """One fault after another."""

    def fault(chunk: bytes) -> Iterator[bytes]:
        chunks = [chunk]
        for each in faults:
            chunks = [piece for part in chunks for piece in each(part)]
        yield from chunks

    return fault


class Relay:
    """Listens, dials ``upstream`` for every caller, and damages what passes."""

    def __init__(
        self,
        upstream: tuple[str, int],
        towards: Callable[[], Fault] = lambda: whole,
        back: Callable[[], Fault] = lambda: whole,
    ) -> None:
        self._upstream = upstream
        self._towards = towards
        self._back = back
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._join(reader, writer))
        self._running.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await task
        finally:
            writer.transport.abort()
            self._running.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._upstream)
        directions = (
            asyncio.ensure_future(_pump(reader, far_writer, self._towards())),
            asyncio.ensure_future(_pump(far_reader, writer, self._back())),
        )
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
    with suppress(Cut, OSError):
        while chunk := await reader.read(65536):
            for piece in fault(chunk):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
