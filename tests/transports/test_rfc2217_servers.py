"""RFC 2217 against two independent servers, and against servers that cannot be used."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
import serial
import serial.rfc2217
from transport_probes import (
    PATIENCE,
    Driver,
    Drivers,
    Observed,
    PtyPair,
    in_time,
    peer_program,
    until,
)

from gateway.notices import LinkState
from gateway.transports import Backoff, Peer, StreamAddress, maintain

Keep = Callable[[Any], asyncio.Task[None]]
QUICK = Backoff(0.02, 0.05)
EVERYTHING = bytes(range(256))
AGREED = b"\xff\xfd\x00\xff\xfb\x00\xff\xfd\x2c"
CONFIRMED = (
    b"\xff\xfa\x2c\x65\x00\x00\x25\x80\xff\xf0\xff\xfa\x2c\x66\x08\xff\xf0"
    b"\xff\xfa\x2c\x67\x01\xff\xf0\xff\xfa\x2c\x68\x01\xff\xf0\xff\xfa\x2c\x69\x01\xff\xf0"
)


def to(port: int, factory: Callable[[Peer], asyncio.Protocol], observed: Observed,
       query: str = "", **settings: Any) -> Any:  # fmt: skip
    address = StreamAddress.parse(f"rfc2217:127.0.0.1:{port}{query}")
    settings = {"backoff": QUICK, "settled": 0.02, **settings}
    return maintain(address, factory, observe=observed, **settings)


@pytest.fixture
def drivers() -> Drivers:
    return Drivers()


class VirtualPort(serial.Serial):
    """pyserial on a virtual port, which has no modem lines and no parity."""

    cts = dsr = ri = cd = property(lambda self: False)

    def _reconfigure_port(self, force_update: bool = False) -> None:
        with suppress(termios.error):
            super()._reconfigure_port(force_update)


class PyserialServer(asyncio.Protocol):
    """pyserial's own server side, between a TCP connection and a port."""

    def __init__(self, port: VirtualPort) -> None:
        self._port = port
        self._fd = port.fileno()
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._telnet = serial.rfc2217.PortManager(self._port, self._transport)
        self._loop.add_reader(self._fd, self._from_port)

    def _from_port(self) -> None:
        self._transport.write(b"".join(self._telnet.escape(self._port.read(4096))))

    def data_received(self, data: bytes) -> None:
        if sound := b"".join(self._telnet.filter(data)):
            self._port.write(sound)

    def connection_lost(self, exc: Exception | None) -> None:
        self._loop.remove_reader(self._fd)


@pytest_asyncio.fixture
async def pyserial_server(pty_pair: PtyPair) -> AsyncIterator[tuple[int, VirtualPort]]:
    with VirtualPort(pty_pair.path, timeout=0) as port:
        loop = asyncio.get_running_loop()
        served: list[PyserialServer] = []

        def serve() -> PyserialServer:
            served.append(PyserialServer(port))
            return served[-1]

        server = await loop.create_server(serve, "127.0.0.1", 0)
        yield server.sockets[0].getsockname()[1], port
        server.close()
        for connection in served:
            connection._transport.abort()


async def test_pyserials_server_carries_every_byte_and_sets_the_line(
    keep: Keep, pyserial_server: tuple[int, VirtualPort], pty_pair: PtyPair, drivers: Drivers,
    observed: Observed,
) -> None:  # fmt: skip
    number, port = pyserial_server
    keep(to(number, drivers, observed, "?baud=19200&stop=2&flow=xonxoff"))
    driver = await drivers.wait_for(1)
    assert (port.baudrate, port.stopbits, port.xonxoff) == (19200, 2, True)
    assert driver.peer.name == f"127.0.0.1:{number}"
    driver.write(b"\x06" + EVERYTHING)
    sent = b"\x06" + EVERYTHING
    assert await pty_pair.receive(len(sent)) == sent
    # XON and XOFF are the server's to keep
    sound = EVERYTHING.replace(b"\x11", b"").replace(b"\x13", b"")
    pty_pair.send(sound)
    await until(lambda: driver.data == sound)
    await observed.wait_for(LinkState.UP, "19200 8N2 xonxoff")


async def test_parity_and_data_bits_reach_pyserials_server(
    keep: Keep, pyserial_server: tuple[int, VirtualPort], drivers: Drivers, observed: Observed
) -> None:
    number, port = pyserial_server
    keep(to(number, drivers, observed, "?parity=E&bits=7"))
    await drivers.wait_for(1)
    assert (port.parity, port.bytesize) == ("E", 7)


@pytest.fixture
def ser2net(pty_pair: PtyPair, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[int]:
    program = peer_program("ser2net")
    port = free_port()
    configuration = tmp_path / "ser2net.yaml"
    configuration.write_text(
        "connection: &analyzer\n"
        f"  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{pty_pair.path},9600n81,local\n"
        "  options:\n"
        "    max-connections: 1\n"
    )
    process = subprocess.Popen([program, "-n", "-u", "-c", str(configuration)])
    yield port
    process.terminate()
    process.wait(PATIENCE)


@pytest.mark.peer
async def test_ser2net_carries_every_byte_and_sets_the_line(
    keep: Keep, ser2net: int, pty_pair: PtyPair, drivers: Drivers, observed: Observed
) -> None:
    keep(to(ser2net, drivers, observed, "?baud=2400&stop=2"))
    driver = await drivers.wait_for(1)
    driver.write(EVERYTHING)
    assert await pty_pair.receive(256) == EVERYTHING
    pty_pair.send(EVERYTHING)
    await until(lambda: driver.data == EVERYTHING)
    fd = os.open(pty_pair.path, os.O_RDWR | os.O_NOCTTY)
    settings = termios.tcgetattr(fd)
    os.close(fd)
    assert settings[4] == termios.B2400
    assert settings[2] & termios.CSTOPB


@pytest.mark.peer
async def test_a_busy_ser2net_is_explained_and_had_when_it_is_free(
    keep: Keep, ser2net: int, drivers: Drivers, observed: Observed
) -> None:
    first = keep(to(ser2net, Drivers(), seen := Observed()))
    await seen.wait_for(LinkState.UP)
    keep(to(ser2net, drivers, observed))
    await observed.wait_for(LinkState.RETRYING, "7 minutes")
    assert drivers == []
    first.cancel()
    await observed.wait_for(LinkState.UP)


class Scripted(asyncio.Protocol):
    """A server that says its lines whatever it hears."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = lines
        self.heard = bytearray()
        self.left = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.say(*self._lines)

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.left = True

    def say(self, *lines: bytes) -> None:
        assert self.transport is not None
        for line in lines:
            self.transport.write(line)


@pytest_asyncio.fixture
async def scripted() -> AsyncIterator[Callable[..., Any]]:
    servers: list[asyncio.Server] = []
    made: list[Scripted] = []

    async def start(*lines: bytes) -> tuple[int, list[Scripted]]:
        def make() -> Scripted:
            made.append(Scripted(*lines))
            return made[-1]

        servers.append(await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0))
        return servers[-1].sockets[0].getsockname()[1], made

    yield start
    for server in servers:
        server.close()
    for connection in made:
        if connection.transport is not None:
            connection.transport.abort()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ((b"\xff\xfe\x2c",), "does not let us set the line"),
        ((b"\xff\xfc\x00",), "refuses binary"),
        ((AGREED, b"\xff\xfa\x2c\x65\0\0\x4b\0\xff\xf0"), "(19200 instead of 9600)"),
        ((b"\xff\xfa\x2c" + b"x" * 1000,), "longer than 512"),
        ((b"\x05\x05\x05",), "use tcp:HOST:PORT"),
        ((AGREED,), "did not confirm the line settings"),
    ],
)
async def test_servers_that_cannot_be_used(
    keep: Keep, scripted: Callable[..., Any], drivers: Drivers, observed: Observed,
    lines: tuple[bytes, ...], says: str,
) -> None:  # fmt: skip
    number, _ = await scripted(*lines)
    keep(to(number, drivers, observed, patience=0.1))
    await observed.wait_for(LinkState.FAILED, says)
    assert drivers == []


async def test_a_dead_link_will_show_itself(
    keep: Keep, scripted: Callable[..., Any], drivers: Drivers, observed: Observed
) -> None:
    number, _ = await scripted(AGREED, CONFIRMED)
    keep(to(number, drivers, observed))
    driver = await drivers.wait_for(1)
    assert driver.transport is not None
    sock = driver.transport.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


async def test_damage_is_counted_and_replaced(
    keep: Keep, scripted: Callable[..., Any], observed: Observed
) -> None:
    order: list[object] = []

    class Noting(Driver):
        def data_received(self, data: bytes) -> None:
            order.append(data)

    number, servers = await scripted(AGREED, CONFIRMED)
    keep(to(number, Noting, observed, damaged=lambda peer, count: order.append((peer.name, count))))
    await observed.wait_for(LinkState.UP)
    servers[0].say(b"\x021R|\xff\xfa\x2c\x6a\x04\xff\xf0|\x03")
    await until(lambda: len(order) == 2)
    assert order == [(f"127.0.0.1:{number}", 1), b"\x021R|\x16|\x03"]


async def test_a_server_that_changes_its_mind_is_left(
    keep: Keep, scripted: Callable[..., Any], drivers: Drivers, observed: Observed
) -> None:
    number, servers = await scripted(AGREED, CONFIRMED)
    keep(to(number, drivers, observed))
    driver = await drivers.wait_for(1)
    servers[0].say(b"\xff\xfe\x00")
    await until(lambda: bool(driver.lost))
    await drivers.wait_for(2)


async def test_cancelling_while_negotiating(
    scripted: Callable[..., Any], drivers: Drivers, observed: Observed
) -> None:
    number, servers = await scripted(AGREED)
    task = asyncio.ensure_future(to(number, drivers, observed))
    await until(lambda: bool(servers) and b"\xff\xfa\x2c\x01" in servers[0].heard)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(task)
    assert drivers == []
    assert observed.heard == [(LinkState.CLOSED, "closed")]
    await until(lambda: servers[0].left)


async def test_cancelling_hangs_up(
    pyserial_server: tuple[int, VirtualPort], drivers: Drivers, observed: Observed
) -> None:
    task = asyncio.ensure_future(to(pyserial_server[0], drivers, observed))
    driver = await drivers.wait_for(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(task)
    assert driver.lost == [None]
