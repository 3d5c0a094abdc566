"""Listening for devices: who is admitted, who replaces whom, who is told apart."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from transport_probes import Driver, Drivers, Observed, in_time, until

from gateway.notices import LinkState
from gateway.transports import Admission, Backoff, Peer, PeerRefused, TcpListen, maintain
from gateway.transports.connection import network_peer
from gateway.transports.diagnosis import listen_failed

Keep = Callable[[Any], asyncio.Task[None]]
ANY_PORT = TcpListen("127.0.0.1", 0)
QUICK = Backoff(0.02, 0.05)


class Line:
    """A listening ``maintain`` under test."""

    def __init__(self, keep: Keep, observed: Observed, **settings: Any) -> None:
        self.drivers = Drivers()
        self.bound: list[TcpListen] = []
        settings = {"backoff": QUICK, **settings}
        address = settings.pop("address", ANY_PORT)
        factory = settings.pop("factory", self.drivers)
        self.task = keep(
            maintain(address, factory, observe=observed, listening=self.bound.append, **settings)
        )

    async def call(self, source: str = "127.0.0.1") -> socket.socket:
        """A device at ``source`` dials in."""
        await until(lambda: bool(self.bound))
        device = socket.socket()
        device.bind((source, 0))
        device.setblocking(False)
        loop = asyncio.get_running_loop()
        await in_time(loop.sock_connect(device, ("127.0.0.1", self.bound[0].port)))
        return device


async def read(device: socket.socket, count: int = 100) -> bytes:
    loop = asyncio.get_running_loop()
    return await asyncio.wait_for(loop.sock_recv(device, count), 5)


async def hung_up_on(device: socket.socket) -> bool:
    with suppress(ConnectionResetError):
        return await read(device) == b""
    return True


async def test_one_device_calls_talks_and_hangs_up(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed)
    device = await line.call()
    host, port = device.getsockname()
    driver = await line.drivers.wait_for(1)
    assert driver.peer == Peer(ANY_PORT, f"127.0.0.1:{port}", host, port)
    device.send(b"\x05")
    await until(lambda: driver.data == b"\x05")
    driver.write(b"\x06")
    assert await read(device) == b"\x06"
    device.close()
    await until(lambda: driver.lost == [None] and len(observed.heard) == 3)
    place = f"127.0.0.1:{line.bound[0].port}"
    assert observed.heard == [
        (LinkState.WAITING, f"listening on {place}"),
        (LinkState.UP, f"127.0.0.1:{port} connected"),
        (LinkState.WAITING, f"127.0.0.1:{port} hung up; listening on {place}"),
    ]


async def test_a_dead_link_will_show_itself(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed)
    device = await line.call()
    driver = await line.drivers.wait_for(1)
    assert driver.transport is not None
    sock = driver.transport.get_extra_info("socket")
    tcp = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NODELAY")
    found = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in tcp]
    assert found == [10, 5, 3, 20_000, 1]
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    device.close()


async def test_a_second_call_is_refused_while_the_first_is_busy(
    keep: Keep, observed: Observed
) -> None:
    line = Line(keep, observed)
    first = await line.call()
    driver = await line.drivers.wait_for(1)
    second = await line.call()
    assert await hung_up_on(second)
    text = await observed.wait_for(LinkState.UP, "refused 127.0.0.1:")
    assert "is connected from there and is not idle" in text
    first.send(b"still here")
    await until(lambda: driver.data == b"still here")
    assert len(line.drivers) == 1
    first.close()
    second.close()


async def test_a_caller_replaces_its_own_idle_connection(keep: Keep, observed: Observed) -> None:
    """A device that lost its power calls again while its old connection is half open (Q-28)."""
    asked: list[asyncio.Protocol] = []

    def replaceable(driver: asyncio.Protocol) -> bool:
        asked.append(driver)
        return True

    line = Line(keep, observed, admission=Admission(replaceable=replaceable))
    first = await line.call()
    old = await line.drivers.wait_for(1)
    second = await line.call()
    new = await line.drivers.wait_for(2)
    assert asked == [old]
    assert old.lost == [None]
    assert old.calls[-1] == "lost"
    assert await hung_up_on(first)
    second.send(b"\x05")
    await until(lambda: new.data == b"\x05")
    text = await observed.wait_for(LinkState.UP, "idle or cut off")
    assert f"127.0.0.1:{first.getsockname()[1]}" in text
    first.close()
    second.close()


async def test_the_old_driver_hears_the_end_before_the_new_one_begins(
    keep: Keep, observed: Observed
) -> None:
    order: list[str] = []

    class Noting(Driver):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            order.append("made")
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            order.append("lost")
            super().connection_lost(exc)

    line = Line(
        keep, observed, factory=Noting, admission=Admission(replaceable=lambda driver: True)
    )
    devices = [await line.call() for _ in range(3)]
    await until(lambda: len(order) == 5)
    assert order == ["made", "lost", "made", "lost", "made"]
    for device in devices:
        device.close()


async def test_another_device_does_not_replace_an_idle_one(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed, admission=Admission(replaceable=lambda driver: True))
    first = await line.call("127.0.0.1")
    await line.drivers.wait_for(1)
    second = await line.call("127.0.0.2")
    assert await hung_up_on(second)
    text = await observed.wait_for(LinkState.UP, "refused 127.0.0.2:")
    assert "second device" in text
    assert not line.drivers[0].lost
    first.close()
    second.close()


async def test_several_devices_are_told_apart_by_address(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed, admission=Admission(limit=3))
    devices = [await line.call(f"127.0.0.{n}") for n in (1, 2, 3)]
    await line.drivers.wait_for(3)
    assert [driver.peer.host for driver in line.drivers] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    for n, device in enumerate(devices):
        device.send(bytes([65 + n]))
    await until(lambda: [bytes(d.data) for d in line.drivers] == [b"A", b"B", b"C"])
    fourth = await line.call("127.0.0.4")
    assert await hung_up_on(fourth)
    devices[0].close()
    await until(lambda: observed.text.endswith("hung up; 2 connected"))
    assert observed.state is LinkState.UP
    for device in (*devices[1:], fourth):
        device.close()


async def test_a_factory_may_refuse_a_stranger(keep: Keep, observed: Observed) -> None:
    def known_only(peer: Peer) -> asyncio.Protocol:
        if peer.host != "127.0.0.7":
            raise PeerRefused("no device has this address")
        return Driver(peer)

    line = Line(keep, observed, factory=known_only)
    stranger = await line.call("127.0.0.8")
    assert await hung_up_on(stranger)
    text = await observed.wait_for(LinkState.WAITING, "refused 127.0.0.8:")
    assert "no device has this address" in text
    friend = await line.call("127.0.0.7")
    await observed.wait_for(LinkState.UP, "127.0.0.7")
    stranger.close()
    friend.close()


async def test_many_refusals_are_told_once_in_a_while(keep: Keep, observed: Observed) -> None:
    now = [100.0]
    line = Line(keep, observed, clock=lambda: now[0])
    first = await line.call()
    await line.drivers.wait_for(1)
    for _ in range(20):
        caller = await line.call()
        assert await hung_up_on(caller)
        caller.close()
    assert len([text for _, text in observed.heard if "refused" in text]) == 1
    now[0] += 60
    caller = await line.call()
    assert await hung_up_on(caller)
    assert len([text for _, text in observed.heard if "refused" in text]) == 2
    caller.close()
    first.close()


async def test_one_connection_per_message_is_never_refused(keep: Keep, observed: Observed) -> None:
    """The next call may be seen before the end of the last one (Q-29)."""
    line = Line(keep, observed)
    for n in range(40):
        device = await line.call()
        device.send(b"message")
        device.close()
        after = await line.call()
        after.close()
        await until(lambda n=n: len(line.drivers) == 2 * n + 2)
        await until(lambda: not line.drivers.open)
    assert all(driver.data == b"message" for driver in line.drivers[::2])
    assert not [text for _, text in observed.heard if "refused" in text]


async def test_a_call_that_is_seen_before_the_last_one_ended(
    keep: Keep, observed: Observed
) -> None:
    line = Line(keep, observed)
    first = await line.call()
    await line.drivers.wait_for(1)
    second = socket.socket()  # all of this happens before the gateway looks again
    second.connect(("127.0.0.1", line.bound[0].port))
    first.send(b"last words")
    first.close()
    await line.drivers.wait_for(2)
    await until(lambda: line.drivers[0].lost == [None])
    assert line.drivers[0].data == b"last words"
    assert not [text for _, text in observed.heard if "refused" in text]
    second.close()


async def test_cancelling_hangs_up_and_frees_the_port(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed, admission=Admission(limit=2))
    devices = [await line.call("127.0.0.1"), await line.call("127.0.0.2")]
    await line.drivers.wait_for(2)
    line.drivers[0].write(bytes(20_000_000))  # nobody reads it
    line.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await in_time(line.task)
    assert [driver.lost for driver in line.drivers] == [[None], [None]]
    assert observed.heard[-1] == (LinkState.CLOSED, "closed")
    with socket.socket() as again:
        assert again.connect_ex(("127.0.0.1", line.bound[0].port)) == errno.ECONNREFUSED
    for device in devices:
        device.close()


async def test_a_taken_port_is_explained_and_had_when_it_is_free(
    keep: Keep, observed: Observed
) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        line = Line(keep, observed, address=TcpListen("127.0.0.1", port))
        text = await observed.wait_for(LinkState.FAILED)
        assert text.startswith(f"cannot listen on 127.0.0.1:{port}: another program has this port")
        assert not line.bound
    await observed.wait_for(LinkState.WAITING, "listening on")
    assert line.bound == [TcpListen("127.0.0.1", port)]


async def test_ipv6(keep: Keep, observed: Observed) -> None:
    line = Line(keep, observed, address=TcpListen("::1", 0))
    await until(lambda: bool(line.bound))
    assert str(line.bound[0]) == f"tcp-listen:[::1]:{line.bound[0].port}"
    _, writer = await asyncio.open_connection("::1", line.bound[0].port)
    driver = await line.drivers.wait_for(1)
    assert driver.peer.host == "::1"
    assert driver.peer.name == f"[::1]:{writer.get_extra_info('sockname')[1]}"
    writer.close()
    await writer.wait_closed()


def test_an_ipv4_caller_of_an_ipv6_listener_keeps_its_name() -> None:
    class Mapped(asyncio.BaseTransport):
        def get_extra_info(self, name: str, default: Any = None) -> Any:
            return ("::ffff:10.1.2.3", 4711, 0, 0)

    assert network_peer(ANY_PORT, Mapped()) == Peer(ANY_PORT, "10.1.2.3:4711", "10.1.2.3", 4711)


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EADDRINUSE, "ss -ltnp"),
        (errno.EADDRNOTAVAIL, "ip address"),
        (errno.EACCES, "1024"),
        (errno.EMFILE, "Too many"),
    ],
)
def test_why_nobody_can_call(number: int, says: str) -> None:
    finding = listen_failed("10.1.2.3:104", OSError(number, "Too many open files"))
    assert finding.state is LinkState.FAILED
    assert says in finding.text


async def test_a_crowd_from_one_address_keeps_no_other_out(keep: Keep, observed: Observed) -> None:
    rules = Admission(limit=3, per_host=3, replaceable=lambda driver: True)
    line = Line(keep, observed, admission=rules)
    crowd = [await line.call("127.0.0.2") for _ in range(3)]
    device = await line.call("127.0.0.3")
    assert await hung_up_on(crowd[0])
    again = await line.call("127.0.0.3")  # one of two against two: nobody is a crowd
    await until(lambda: len(line.drivers) == 5)
    third = await line.call("127.0.0.4")
    for one in (*crowd, device, again, third):
        one.close()
