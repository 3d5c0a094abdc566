"""Pipes that devices dial: a listener that admits peers.

A device that lost its power leaves a half-open connection behind and calls again.  The old one is
closed only when the caller of ``maintain`` says that it may be replaced (idle, or cut off in the
middle of a transmission); otherwise the new one is refused and reported, and keep-alive decides.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.notices import LinkState
from gateway.transports import diagnosis
from gateway.transports.address import TcpListen, endpoint
from gateway.transports.connection import Connection, Peer, PeerRefused, network_peer
from gateway.transports.liveness import KeepAlive, is_dead
from gateway.transports.upkeep import Care

_ESTABLISHED: Final = 1  # tcpi_state of linux/tcp.h
_PATIENCE: Final = 2.0  # s, for sockets to be closed
_BACKLOG: Final = 16
_REFUSALS_APART: Final = 10.0  # s between two reports of refused peers


def _never(_: asyncio.Protocol) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Admission:
    """How many connections at once, in all and from one IP address, and which may be replaced."""

    limit: int = 1
    per_host: int = 1
    replaceable: Callable[[asyncio.Protocol], bool] = _never

    @classmethod
    def many(cls, replaceable: Callable[[asyncio.Protocol], bool]) -> Admission:
        """Of a line that many may share: of one address that has too many, idle ones give way."""
        return cls(1024, 256, replaceable)


class Listener:
    """Accepts peers of one address until it is closed."""

    def __init__(
        self,
        address: TcpListen,
        factory: Callable[[Peer], asyncio.Protocol],
        admission: Admission,
        keepalive: KeepAlive,
        care: Care,
    ) -> None:
        self._address = address
        self._factory = factory
        self._admission = admission
        self._keepalive = keepalive
        self._care = care
        self._place = endpoint(address.host, address.port)
        self._open: list[Connection] = []
        self._last_refusal = float("-inf")
        self._server: asyncio.Server | None = None

    @property
    def place(self) -> str:
        """HOST:PORT, as far as known."""
        return self._place

    async def start(self) -> TcpListen:
        """Bind; the address with the port that was really taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            *(self._accept, self._address.host, self._address.port),
            backlog=_BACKLOG,
            start_serving=False,  # it can be closed from here on, come what may
        )
        try:
            await self._server.start_serving()
        except OSError:
            self._server.close()
            raise
        port = self._server.sockets[0].getsockname()[1]
        self._place = endpoint(self._address.host, port)
        self._care.report(LinkState.WAITING, f"listening on {self._place}")
        return TcpListen(self._address.host, port)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        dropped, self._open = self._open, []
        await asyncio.gather(*(connection.abandon() for connection in dropped))
        if self._server is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._server.wait_closed()

    def _accept(self) -> Connection:
        connection = Connection(self._identify, lambda peer: self._admit(connection, peer))
        return connection

    def _identify(self, transport: asyncio.BaseTransport) -> Peer:
        self._keepalive.apply(transport.get_extra_info("socket"))
        return network_peer(self._address, transport)

    def _admit(self, connection: Connection, peer: Peer) -> asyncio.Protocol:
        try:
            note = self._make_room(peer)
            driver = self._factory(peer)
        except PeerRefused as refusal:
            self._report_refusal(f"refused {peer.name}: {refusal}")
            raise
        self._open.append(connection)
        connection.gone.add_done_callback(lambda _: self._gone(connection))
        self._care.report(LinkState.UP, f"{peer.name} connected{self._count()}{note}")
        return driver

    def _make_room(self, peer: Peer) -> str:
        """What was done to make room; PeerRefused when there is none."""
        rules = self._admission
        same = [c for c in self._open if c.peer is not None and c.peer.host == peer.host]
        if len(same) >= rules.per_host and len(live := _live(same)) >= rules.per_host:
            return self._replace(live)
        if len(self._open) >= rules.limit and len(live := _live(self._open)) >= rules.limit:
            if crowd := _crowd(live, but=peer):
                return self._replace(crowd)
            raise PeerRefused(
                f"{_names(live)} is connected, and this line takes {rules.limit} "
                "at a time; is a second device set to this port?"
            )
        return ""

    def _replace(self, same: list[Connection]) -> str:
        for old in same:
            if old.driver is not None and self._admission.replaceable(old.driver):
                self._open.remove(old)
                old.retire()
                return f"; its connection {_names([old])}, idle or cut off, was closed"
        raise PeerRefused(f"{_names(same)} is connected from there and is not idle")

    def _report_refusal(self, text: str) -> None:
        now = self._care.clock()
        if now - self._last_refusal >= _REFUSALS_APART:
            self._last_refusal = now
            state = LinkState.UP if self._open else LinkState.WAITING
            self._care.report(state, text)

    def _gone(self, connection: Connection) -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        name = _names([connection])
        how = f"{name} no longer answers" if is_dead(connection.error) else f"{name} hung up"
        if self._open:
            self._care.report(LinkState.UP, f"{how}{self._count()}")
        else:
            self._care.report(LinkState.WAITING, f"{how}; listening on {self._place}")

    def _count(self) -> str:
        return f"; {len(self._open)} connected" if self._admission.limit > 1 else ""


def _live(connections: list[Connection]) -> list[Connection]:
    return [connection for connection in connections if _is_live(connection)]


def _is_live(connection: Connection) -> bool:
    """False once the peer has hung up, even when its last bytes are still to be read.

    A device with one connection per message may call again before we have seen the end of the last.
    """
    if connection.gone.done() or connection.transport is None:
        return False
    sock = connection.transport.get_extra_info("socket")
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _ESTABLISHED)


def _crowd(connections: list[Connection], *, but: Peer) -> list[Connection]:
    """Those of the address that has most of them, if it is another's and has more than its own."""
    counts = Counter(c.peer.host for c in connections if c.peer is not None)
    host, count = counts.most_common(1)[0]
    if host == but.host or count < 2:
        return []
    return [c for c in connections if c.peer is not None and c.peer.host == host]


def _names(connections: list[Connection]) -> str:
    return ", ".join(c.peer.name for c in connections if c.peer is not None)


async def keep_listening(
    listener: Listener, care: Care, opened: Callable[[TcpListen], None]
) -> None:
    """Bind, with back-off when the port cannot be had, and serve; for ever."""
    try:
        for delay in care.delays():
            try:
                bound = await listener.start()
            except OSError as error:
                care.report_finding(diagnosis.listen_failed(listener.place, error))
                await care.sleep(delay)
                continue
            opened(bound)
            break
        await asyncio.get_running_loop().create_future()
    finally:
        await listener.close()
