"""Keeps the way to a device open for ever.

Dials or opens and opens again with back-off, or listens; whoever observes gets each change of state
once, with a sentence that says what to do.  Ends only by cancellation, and then leaves no socket,
port or task behind.  An end that is normal (a device server closes an idle connection) is no
event: the pipe is simply opened again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from gateway.errors import StreamUnavailable
from gateway.notices import LinkState
from gateway.transports.backoff import Backoff
from gateway.transports.connection import Connection, PeerRefused
from gateway.transports.diagnosis import Finding

Observe = Callable[[LinkState, str], None]


class Opener(Protocol):
    """One kind of pipe that we open."""

    @property
    def opened(self) -> str:
        """What to say when it is open."""

    async def open(self) -> Connection:
        """OSError or StreamUnavailable when it cannot be opened now."""

    def failed(self, error: Exception) -> Finding:
        """``open`` raised."""

    def lost(self, connection: Connection, *, at_once: bool) -> Finding | None:
        """The pipe ended; None when that is normal."""


@dataclass(slots=True)
class Care:
    """How a pipe is looked after.  ``settled`` seconds of life make an opening a success."""

    observe: Observe
    backoff: Backoff
    randomness: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    settled: float = 2.0
    _last: tuple[LinkState, str] | None = field(default=None, init=False)

    def delays(self) -> Iterator[float]:
        return self.backoff.delays(self.randomness)

    def report(self, state: LinkState, text: str) -> None:
        """Tell the observer, unless it has just been told."""
        if (state, text) != self._last:
            self._last = (state, text)
            self.observe(state, text)

    def report_finding(self, finding: Finding) -> None:
        self.report(finding.state, finding.text)


async def keep_open(opener: Opener, care: Care) -> None:
    """Open, stay until it ends, open again; for ever."""
    delays = care.delays()
    doubtful = False
    while True:
        try:
            connection = await opener.open()
        except (OSError, StreamUnavailable) as error:
            care.report_finding(opener.failed(error))
            await care.sleep(next(delays))
            continue
        at_once = await _stay(connection, opener, care, doubtful=doubtful)
        finding = _ending(connection, opener, at_once=at_once)
        if not at_once:
            delays = care.delays()
        doubtful = at_once
        if finding is not None:
            care.report_finding(finding)
            await care.sleep(next(delays))


async def _stay(connection: Connection, opener: Opener, care: Care, *, doubtful: bool) -> bool:
    """Until the pipe ends; True when it ended before it had settled."""
    began = care.clock()
    try:
        if doubtful:  # a box that keeps closing at once shall not look up, down, up, down
            await asyncio.wait({connection.gone}, timeout=care.settled)
        if connection.driver is not None:
            care.report(LinkState.UP, opener.opened)
        await asyncio.wait({connection.gone})
    finally:
        await connection.abandon()
    return care.clock() - began < care.settled


def _ending(connection: Connection, opener: Opener, *, at_once: bool) -> Finding | None:
    if isinstance(connection.error, PeerRefused):
        return Finding(LinkState.FAILED, str(connection.error))
    return opener.lost(connection, at_once=at_once)
