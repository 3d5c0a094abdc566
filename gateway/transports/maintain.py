"""One call that keeps a device's pipe open for ever: ``maintain``."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from gateway.notices import LinkState
from gateway.transports import backoff as backoffs
from gateway.transports.address import AnyAddress, Rfc2217, Serial, TcpConnect, TcpListen
from gateway.transports.backoff import Backoff
from gateway.transports.connection import Peer
from gateway.transports.dial import TcpDialer
from gateway.transports.listen import Admission, Listener, keep_listening
from gateway.transports.liveness import KeepAlive
from gateway.transports.rfc2217 import ComPortDialer
from gateway.transports.upkeep import Care, Observe, keep_open


def _ignore(*_: object) -> None:
    return None


async def maintain(
    address: AnyAddress,
    protocol_factory: Callable[[Peer], asyncio.Protocol],
    *,
    observe: Observe,
    backoff: Backoff | None = None,
    admission: Admission | None = None,
    keepalive: KeepAlive | None = None,
    damaged: Callable[[Peer, int], None] = _ignore,
    listening: Callable[[TcpListen], None] = _ignore,
    patience: float = 10.0,
    settled: float = 2.0,
    randomness: Callable[[], float] = random.random,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Runs until cancelled; everything it opened is closed when it ends.

    ``protocol_factory`` makes one protocol object for each opening; it may raise PeerRefused.
    ``observe(state, text)`` hears each change of state once.  ``damaged(peer, count)`` hears of
    damaged characters before the driver gets their substitutes.  ``listening`` gets the address
    with the port really taken.  ``patience``: seconds to connect and to negotiate; ``settled``: a
    connection that ends sooner did not work.
    """
    chosen = backoff or _usual_backoff(address)
    care = Care(observe, chosen, randomness, clock, sleep, settled)
    alive = keepalive or KeepAlive()
    try:
        match address:
            case TcpListen():
                rules = admission or Admission()
                listener = Listener(address, protocol_factory, rules, alive, care)
                await keep_listening(listener, care, listening)
            case TcpConnect():
                await keep_open(TcpDialer(address, protocol_factory, alive, patience), care)
            case Rfc2217():
                dialer = ComPortDialer(address, protocol_factory, damaged, alive, patience)
                await keep_open(dialer, care)
            case Serial():
                # a tenth of a second to import, which a command that opens no port shall not pay
                from gateway.transports.serial_port import SerialPort

                await keep_open(SerialPort(address, protocol_factory, damaged), care)
    finally:
        care.report(LinkState.CLOSED, "closed")


def _usual_backoff(address: AnyAddress) -> Backoff:
    match address:
        case Serial():
            return backoffs.SERIAL
        case TcpListen():
            return backoffs.LISTENER
        case TcpConnect() | Rfc2217():
            return backoffs.NETWORK
