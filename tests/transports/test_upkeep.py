"""Opening again and again: the order of things, with a scripted opener and no real time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from transport_probes import Drivers, Observed

from gateway.errors import StreamUnavailable
from gateway.notices import LinkState
from gateway.transports import Backoff, Peer, PeerRefused, StreamAddress
from gateway.transports.backoff import NETWORK, SERIAL
from gateway.transports.connection import Connection
from gateway.transports.diagnosis import Finding
from gateway.transports.upkeep import Care, keep_open

ADDRESS = StreamAddress.parse("tcp:192.0.2.1:4001")


class Enough(Exception):
    """The script is over."""


class FakeTransport(asyncio.Transport):
    """Ends when told, and when aborted."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        connection.connection_made(self)

    def abort(self) -> None:
        self._connection.connection_lost(None)


class Script:
    """An opener and a clock: each step fails to open, or stays open so many seconds."""

    opened = "open"

    def __init__(self, *steps: float | Exception) -> None:
        self._steps = iter(steps)
        self.now = 1000.0
        self.slept: list[float] = []
        self.normal = False
        self.drivers: Callable[[Peer], asyncio.Protocol] = Drivers()

    async def open(self) -> Connection:
        step = next(self._steps, Enough())
        if isinstance(step, Exception):
            raise step
        connection = Connection(lambda _: Peer(ADDRESS, "peer"), self.drivers)
        FakeTransport(connection)
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(self._end, connection, step))
        return connection

    def _end(self, connection: Connection, lived: float) -> None:
        self.now += lived
        connection.connection_lost(None)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def failed(self, error: Exception) -> Finding:
        return Finding(LinkState.RETRYING, f"failed: {error}")

    def lost(self, connection: Connection, *, at_once: bool) -> Finding | None:
        return None if self.normal else Finding(LinkState.RETRYING, f"lost, at once: {at_once}")

    async def play(self, observed: Observed) -> None:
        backoff = Backoff(1, 5)
        care = Care(observed, backoff, lambda: 0.0, lambda: self.now, self.sleep, settled=0.05)
        with pytest.raises(Enough):
            await keep_open(self, care)


DOWN = StreamUnavailable("down")


async def test_failures_wait_longer_and_longer_and_are_told_once(observed: Observed) -> None:
    script = Script(DOWN, DOWN, DOWN, DOWN, DOWN)
    await script.play(observed)
    assert script.slept == [1, 2, 4, 5, 5]
    assert observed.heard == [(LinkState.RETRYING, "failed: down")]


async def test_a_connection_that_held_starts_the_waiting_afresh(observed: Observed) -> None:
    script = Script(DOWN, DOWN, 100.0, DOWN, DOWN)
    await script.play(observed)
    assert script.slept == [1, 2, 1, 2, 4]
    assert observed.states == [LinkState.RETRYING, LinkState.UP, LinkState.RETRYING,
                               LinkState.RETRYING]  # fmt: skip


async def test_closed_at_once_waits_longer_and_longer_and_is_not_called_up(
    observed: Observed,
) -> None:
    script = Script(0.0, 0.0, 0.0, 0.0)
    await script.play(observed)
    assert script.slept == [1, 2, 4, 5]
    assert observed.heard == [(LinkState.UP, "open"), (LinkState.RETRYING, "lost, at once: True")]


async def test_a_normal_end_is_no_event_and_is_followed_at_once(observed: Observed) -> None:
    script = Script(60.0, 60.0, 60.0)
    script.normal = True
    await script.play(observed)
    assert script.slept == []
    assert observed.heard == [(LinkState.UP, "open")]


async def test_a_factory_that_wants_no_such_peer_is_asked_again_later(observed: Observed) -> None:
    def refuse(peer: Peer) -> asyncio.Protocol:
        raise PeerRefused(f"nobody waits for {peer.name}")

    script = Script(0.0, 0.0)
    script.drivers = refuse
    await script.play(observed)
    assert observed.heard == [(LinkState.FAILED, "nobody waits for peer")]
    assert script.slept == [1, 2]


def test_delays_grow_to_a_bound_and_are_spread_by_chance() -> None:
    still = list(itertools.islice(SERIAL.delays(lambda: 0.9), 6))
    assert still == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    longest = list(itertools.islice(NETWORK.delays(lambda: 0.0), 8))
    assert longest == [1, 2, 4, 8, 16, 32, 60, 60]
    shortest = list(itertools.islice(NETWORK.delays(lambda: 1.0), 8))
    assert shortest == [delay / 2 for delay in longest]
