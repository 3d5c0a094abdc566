"""What the transport tests share: an observer, a driver that remembers, a device server."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from gateway.notices import LinkState
from gateway.transports import Peer

PATIENCE = 5.0  # s; nothing here should take a tenth of it


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> None:
    """Returns when the condition holds; fails the test when it does not in time."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.002)


@dataclass
class Observed:
    """The observer of ``maintain``."""

    heard: list[tuple[LinkState, str]] = field(default_factory=list)

    def __call__(self, state: LinkState, text: str) -> None:
        assert "\n" not in text
        self.heard.append((state, text))

    @property
    def states(self) -> list[LinkState]:
        return [state for state, _ in self.heard]

    @property
    def state(self) -> LinkState | None:
        return self.heard[-1][0] if self.heard else None

    @property
    def text(self) -> str:
        return self.heard[-1][1] if self.heard else ""

    async def wait_for(self, state: LinkState, containing: str = "") -> str:
        def seen() -> bool:
            return any(s is state and containing in text for s, text in self.heard)

        try:
            await until(seen)
        except AssertionError:
            raise AssertionError(f"no {state} with {containing!r} in {self.heard}") from None
        return next(t for s, t in reversed(self.heard) if s is state and containing in t)


class Driver(asyncio.Protocol):
    """Remembers its callbacks."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.transport: asyncio.Transport | None = None
        self.data = bytearray()
        self.chunks: list[bytes] = []
        self.lost: list[Exception | None] = []
        self.calls: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.calls.append("data")
        self.chunks.append(data)
        self.data += data

    def eof_received(self) -> None:
        self.calls.append("eof")

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.lost.append(exc)

    def write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Drivers(list[Driver]):
    """A protocol factory; keeps what it made."""

    def __call__(self, peer: Peer) -> Driver:
        self.append(Driver(peer))
        return self[-1]

    @property
    def open(self) -> list[Driver]:
        return [driver for driver in self if driver.transport is not None and not driver.lost]

    async def wait_for(self, count: int) -> Driver:
        """The last of ``count`` drivers, open."""
        await until(lambda: len(self) >= count and self[count - 1].transport is not None)
        return self[count - 1]


@dataclass
class PtyPair:
    """``device`` is the descriptor of the instrument's end, ``path`` the gateway's port."""

    device: int
    path: str

    def send(self, data: bytes) -> None:
        os.write(self.device, data)

    async def receive(self, count: int) -> bytes:
        os.set_blocking(self.device, False)
        got = bytearray()

        def enough() -> bool:
            with suppress(BlockingIOError):
                got.extend(os.read(self.device, count - len(got)))
            return len(got) == count

        await until(enough)
        return bytes(got)

    def unplug(self) -> None:
        if self.device >= 0:
            os.close(self.device)
            self.device = -1


def peer_program(name: str) -> str:
    """Path of an independent program; without it the test fails in CI and is left out elsewhere."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        leave = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        leave(f"{name} is not installed; run: make peers")
    return path


def start_socat(near: Path, far: Path) -> Callable[[], None]:
    """A cable between two ports; the answer pulls it out."""
    process = subprocess.Popen(
        [peer_program("socat"), f"pty,raw,echo=0,link={near}", f"pty,raw,echo=0,link={far}"]
    )
    deadline = time.monotonic() + PATIENCE
    while not (near.exists() and far.exists()):
        assert time.monotonic() < deadline, "socat did not come up"
        time.sleep(0.005)

    def stop() -> None:
        process.terminate()
        process.wait(PATIENCE)

    return stop


@dataclass
class DeviceServer:
    """A serial-to-Ethernet box in raw TCP mode: one connection, and the habits of such boxes.

    A connection that vanishes (``forget_peer``) still counts until the alive check frees it
    (``free``); ``busy`` says what a second caller sees.
    """

    busy: str = "close"  # close: accepts and closes; banner: says a word first
    packets: Callable[[bytes], Iterator[bytes]] = lambda data: iter((data,))
    heard: bytearray = field(default_factory=bytearray)
    turned_away: int = 0
    accepted: int = 0
    port: int = 0
    _held: bool = False
    _writer: asyncio.StreamWriter | None = None
    _server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> DeviceServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._held:
            self.turned_away += 1
            if self.busy == "banner":
                writer.write(b"Port already in use\r\n")
            writer.close()
            return
        self._held, self._writer = True, writer
        self.accepted += 1
        with suppress(OSError):
            while data := await reader.read(4096):
                self.heard += data
        writer.close()

    async def instrument_says(self, data: bytes) -> None:
        """The characters come from the serial side, cut as the box likes."""
        assert self._writer is not None
        for packet in self.packets(data):
            self._writer.write(packet)
            await self._writer.drain()
            await asyncio.sleep(0)

    def close_idle(self) -> None:
        """The box's inactivity time is over."""
        assert self._writer is not None
        self._writer.close()
        self._held = False

    def forget_peer(self) -> None:
        """The gateway's machine lost power: the box never hears that the connection is gone."""
        assert self._writer is not None
        self._writer.transport.abort()

    def reset(self) -> None:
        """The box restarts its network stack: an RST."""
        assert self._writer is not None
        sock = self._writer.get_extra_info("socket")
        linger_zero = b"\x01\0\0\0\0\0\0\0"
        sock.setsockopt(1, 13, linger_zero)  # SOL_SOCKET, SO_LINGER
        self._writer.transport.abort()
        self._held = False

    def free(self) -> None:
        """TCP alive check time is over (7 minutes on most boxes)."""
        self._held = False

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.transport.abort()


async def in_time(what: Awaitable[object]) -> object:
    return await asyncio.wait_for(what, PATIENCE)
