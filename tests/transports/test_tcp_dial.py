"""Dialling a device or a device server, and staying connected through its habits."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from transport_probes import DeviceServer, Drivers, Observed, in_time, until

from gateway.errors import StreamUnavailable
from gateway.notices import LinkState
from gateway.transports import Backoff, KeepAlive, Peer, PeerRefused, TcpConnect, is_dead, maintain
from gateway.transports.diagnosis import dial_failed, network_lost

Keep = Callable[[Any], asyncio.Task[None]]
QUICK = Backoff(0.02, 0.05)
FRAME = b"\x021H|\\^&|||DEMO^1.0|||||||P|LIS2-A2|20250102030405\r\x0389\r\n"


@pytest_asyncio.fixture
async def box() -> AsyncIterator[DeviceServer]:
    server = await DeviceServer().start()
    yield server
    await server.stop()


@pytest.fixture
def drivers() -> Drivers:
    return Drivers()


def dialling(box: DeviceServer, drivers: Drivers, observed: Observed, **settings: Any) -> Any:
    address = TcpConnect("127.0.0.1", box.port)
    settings = {"backoff": QUICK, "settled": 0.03, **settings}
    return maintain(address, drivers, observe=observed, **settings)


def options(driver_socket: Any) -> dict[str, int]:
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NODELAY")
    found = {n: driver_socket.getsockopt(socket.IPPROTO_TCP, getattr(socket, n)) for n in names}
    found["SO_KEEPALIVE"] = driver_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return found


async def test_talks_both_ways_and_says_who_is_there(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    keep(dialling(box, drivers, observed))
    driver = await drivers.wait_for(1)
    assert driver.peer == Peer(
        TcpConnect("127.0.0.1", box.port), f"127.0.0.1:{box.port}", "127.0.0.1", box.port
    )
    await until(lambda: box.accepted == 1)
    await box.instrument_says(b"\x05")
    await until(lambda: driver.data == b"\x05")
    driver.write(b"\x06")
    await until(lambda: box.heard == b"\x06")
    assert observed.heard == [(LinkState.UP, f"connected to 127.0.0.1:{box.port}")]


async def test_a_dead_link_will_show_itself(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    keep(dialling(box, drivers, observed))
    driver = await drivers.wait_for(1)
    assert driver.transport is not None
    assert options(driver.transport.get_extra_info("socket")) == {
        "SO_KEEPALIVE": 1,
        "TCP_KEEPIDLE": 10,
        "TCP_KEEPINTVL": 5,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 20_000,
        "TCP_NODELAY": 1,
    }


def bytewise(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 1] for i in range(len(data)))


def in_fives(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 5] for i in range(0, len(data), 5))


@pytest.mark.parametrize("packets", [bytewise, in_fives])
async def test_packets_are_not_frames(
    keep: Keep, drivers: Drivers, observed: Observed, packets: Callable[[bytes], Iterator[bytes]]
) -> None:
    box = await DeviceServer(packets=packets).start()
    keep(dialling(box, drivers, observed))
    driver = await drivers.wait_for(1)
    await until(lambda: box.accepted == 1)
    await box.instrument_says(FRAME)
    await until(lambda: driver.data == FRAME)
    await box.stop()


async def test_an_idle_close_is_normal_and_opened_again_at_once(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    async def no_waiting(seconds: float) -> None:
        raise AssertionError(f"waited {seconds} s")

    keep(dialling(box, drivers, observed, settled=0.0, sleep=no_waiting))
    for count in range(1, 4):
        driver = await drivers.wait_for(count)
        await until(lambda count=count: box.accepted == count)
        box.close_idle()
        await until(lambda driver=driver: driver.lost == [None])
        assert driver.calls == ["made", "eof", "lost"]
    await drivers.wait_for(4)
    assert observed.states == [LinkState.UP]


@pytest.mark.parametrize("busy", ["close", "banner"])
async def test_a_locked_box_is_explained_and_tried_until_it_lets_go(
    keep: Keep, drivers: Drivers, observed: Observed, busy: str
) -> None:
    box = await DeviceServer(busy=busy).start()
    before = keep(dialling(box, Drivers(), Observed()))
    await until(lambda: box.accepted == 1)
    box.forget_peer()  # as after a power cut of the gateway: the box still counts the old one
    before.cancel()
    keep(dialling(box, drivers, observed))
    text = await observed.wait_for(LinkState.RETRYING, "7 minutes")
    assert "closes it at once" in text
    await until(lambda: box.turned_away >= 3)
    assert observed.states.count(LinkState.UP) <= 1, "it flapped"
    box.free()
    await until(lambda: box.accepted == 2 and observed.state is LinkState.UP)
    await box.stop()


async def test_a_refusing_port_is_explained_and_tried_until_it_answers(
    keep: Keep, drivers: Drivers, observed: Observed, free_port: Callable[[], int]
) -> None:
    box = DeviceServer(port=free_port())
    keep(dialling(box, drivers, observed))
    text = await observed.wait_for(LinkState.RETRYING, "refuses the connection")
    assert "7 minutes" in text
    assert "port number" in text
    await box.start(box.port)
    await observed.wait_for(LinkState.UP)
    assert observed.states == [LinkState.RETRYING, LinkState.UP]
    await box.stop()


async def test_a_reset_is_told_and_opened_again(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    keep(dialling(box, drivers, observed, settled=0.0))
    driver = await drivers.wait_for(1)
    await until(lambda: box.accepted == 1)
    box.reset()
    assert "firewall" in await observed.wait_for(LinkState.RETRYING)
    assert isinstance(driver.lost[0], ConnectionResetError)
    await until(lambda: box.accepted == 2)
    await drivers.wait_for(2)
    assert observed.states[:3] == [LinkState.UP, LinkState.RETRYING, LinkState.UP]


async def test_a_driver_may_start_afresh_by_aborting(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    keep(dialling(box, drivers, observed, settled=0.0))
    driver = await drivers.wait_for(1)
    assert driver.transport is not None
    box.free()
    driver.transport.abort()
    await drivers.wait_for(2)
    assert driver.calls == ["made", "lost"]


async def test_cancelling_closes_everything_even_with_unsent_data(
    box: DeviceServer, drivers: Drivers, observed: Observed
) -> None:
    task = asyncio.ensure_future(dialling(box, drivers, observed))
    driver = await drivers.wait_for(1)
    await until(lambda: box.accepted == 1)
    assert box._writer is not None
    box._writer.transport.pause_reading()
    driver.write(bytes(20_000_000))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(task)
    assert driver.lost == [None]
    assert observed.heard[-1] == (LinkState.CLOSED, "closed")


async def test_cancelling_while_waiting_to_try_again(
    drivers: Drivers, observed: Observed, free_port: Callable[[], int]
) -> None:
    box = DeviceServer(port=free_port())
    task = asyncio.ensure_future(dialling(box, drivers, observed, backoff=Backoff(60, 60)))
    await observed.wait_for(LinkState.RETRYING)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(task)
    assert observed.states == [LinkState.RETRYING, LinkState.CLOSED]
    assert drivers == []


async def test_a_factory_may_refuse_a_peer(
    keep: Keep, box: DeviceServer, observed: Observed
) -> None:
    def refuse(peer: Peer) -> asyncio.Protocol:
        raise PeerRefused(f"no device has the address {peer.host}")

    address = TcpConnect("127.0.0.1", box.port)
    keep(maintain(address, refuse, observe=observed, backoff=QUICK))
    await observed.wait_for(LinkState.FAILED, "no device has the address 127.0.0.1")
    assert LinkState.UP not in observed.states


async def test_a_silent_host_is_given_up_after_our_patience(
    keep: Keep, drivers: Drivers, observed: Observed
) -> None:
    """A full backlog swallows connection requests as a switched-off host does."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        address = TcpConnect("127.0.0.1", port)
        keep(maintain(address, drivers, observe=observed, backoff=QUICK, patience=0.05))
        await observed.wait_for(LinkState.RETRYING, "no answer within 0.05 s")
        for filler in fillers:
            filler.close()


async def test_a_name_is_tried_at_each_of_its_addresses(
    keep: Keep, box: DeviceServer, drivers: Drivers, observed: Observed,
    monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int],
) -> None:  # fmt: skip
    def two_addresses(*_: object, **__: object) -> list[Any]:
        tcp = partial(tuple, (socket.AF_INET, socket.SOCK_STREAM, 6, ""))
        return [(*tcp(), ("127.0.0.99", box.port)), (*tcp(), ("127.0.0.1", box.port))]

    loop = asyncio.get_running_loop()

    async def getaddrinfo(*_: object, **__: object) -> list[Any]:
        return two_addresses()

    if isinstance(loop, asyncio.SelectorEventLoop):
        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        keep(maintain(TcpConnect("lab-box", box.port), drivers, observe=observed, backoff=QUICK))
    else:  # uvloop's loop cannot be patched; its own resolver knows localhost
        keep(maintain(TcpConnect("localhost", box.port), drivers, observe=observed, backoff=QUICK))
    await observed.wait_for(LinkState.UP)


DEAD = OSError(errno.ETIMEDOUT, "Connection timed out")


def test_a_link_killed_by_the_kernel_is_not_a_quiet_analyzer() -> None:
    """Both raise TimeoutError since Python 3.11; only errno tells."""
    assert isinstance(DEAD, TimeoutError)
    assert is_dead(DEAD)
    assert is_dead(OSError(errno.EHOSTUNREACH, "No route to host"))
    assert not is_dead(TimeoutError())
    assert not is_dead(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
    assert not is_dead(None)


async def test_a_deadline_of_our_own_is_not_a_dead_link() -> None:
    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.001):
            await asyncio.get_running_loop().create_future()
    assert not is_dead(caught.value)


@pytest.mark.parametrize(
    ("error", "at_once", "by_peer", "says"),
    [
        (None, False, True, None),
        (None, False, False, None),
        (None, True, True, "7 minutes"),
        (None, True, False, "given up by the gateway"),
        (DEAD, False, False, "no longer answers"),
        (DEAD, True, False, "no longer answers"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), False, False, "check power, cable"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False, False, "it restarted"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), True, False, "7 minutes"),
    ],
)
def test_how_a_connection_ended(
    error: Exception | None, at_once: bool, by_peer: bool, says: str | None
) -> None:
    finding = network_lost("10.1.2.3:4001", error, at_once=at_once, by_peer=by_peer)
    if says is None:
        assert finding is None
    else:
        assert finding is not None
        assert finding.state is LinkState.RETRYING
        assert says in finding.text
        assert "10.1.2.3:4001" in finding.text


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "7 minutes"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "7 minutes"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "cable"),
        (DEAD, "cable"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "give the IP address"),
        (StreamUnavailable("no answer within 10 s"), "no answer within 10 s"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
    ],
)
def test_why_there_is_no_connection(error: Exception, says: str) -> None:
    finding = dial_failed("10.1.2.3:4001", error)
    assert finding.state is LinkState.RETRYING
    assert says in finding.text
    assert "10.1.2.3:4001" in finding.text


def test_keep_alive_in_whole_milliseconds() -> None:
    with socket.socket() as sock:
        KeepAlive(1, 2, 3, 0.25).apply(sock)
        assert options(sock)["TCP_USER_TIMEOUT"] == 250
        linger = sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", linger) == (0, 0)
