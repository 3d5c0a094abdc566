"""The MLLP line from an EHR: messages in, acknowledgments out, one after the other.

An ``asyncio.Protocol``.  A message is answered when it is on disk, in the order received; while one
is being stored nothing more is read from that connection.  Bytes that are no message are answered
AR and kept.  Limits: 16 MiB a message, a budget for unfinished messages of all connections
together, five minutes for a message to end once it has begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol, cast

from gateway.notices import MessageRefused, Noticeboard
from gateway.orders.acknowledging import Answer
from gateway.protocols.mllp import Block, Decoder, Junk, Oversize, encode_block
from gateway.transports.budget import Budget

LONGEST: Final = 16 * 1024 * 1024
_SLOWEST: Final = 300.0
_JUNK: Final = 64 * 1024


class Receive(Protocol):
    """``Inbox.receive``."""

    def __call__(self, body: bytes, source: str) -> Awaitable[Answer]: ...


class EhrLink(asyncio.Protocol):
    """One connection of an EHR."""

    def __init__(
        self,
        receive: Receive,
        peer: str,
        budget: Budget,
        notices: Noticeboard,
        loop: asyncio.AbstractEventLoop,
        *,
        slowest: float = _SLOWEST,
    ) -> None:
        self._receive = receive
        self._peer = peer
        self._budget = budget
        self._notices = notices
        self._loop = loop
        self._slowest = slowest
        self._decoder = Decoder(LONGEST)
        self._transport: asyncio.Transport | None = None
        self._work: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether the connection may give its place to a new one."""
        return self._work is None and not self._decoder.incomplete

    def cut_off(self) -> None:
        self._drop("too many unfinished messages")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._decoder.receive_data(data)
        self._account()
        if self._work is None:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._budget.holds(self, 0)
        self._stop_timer()

    def _account(self) -> None:
        """Half a message counts against the budget and has a time to end."""
        now = self._decoder.incomplete
        self._budget.holds(self, now)
        if not now:
            self._stop_timer()
        elif self._timer is None:
            self._timer = self._loop.call_later(
                self._slowest, self._drop, "a message did not end in time"
            )

    def _next(self) -> None:
        event = self._decoder.next_event()
        if event is None:
            if self._transport is not None:
                self._transport.resume_reading()
            return
        if self._transport is not None:
            self._transport.pause_reading()
            self._stop_timer()  # that one ended; what follows has a time of its own
            self._account()
        self._work = self._loop.create_task(self._on(event))
        self._work.add_done_callback(self._done)

    def _done(self, work: asyncio.Task[None]) -> None:
        self._work = None
        if work.cancelled() or work.exception() is not None:
            self._drop("a message could not be handled")
            return
        self._next()

    async def _on(self, event: Block | Junk | Oversize) -> None:
        match event:
            case Block(body) if body.strip():
                self._send(await self._receive(body, self._peer))
            case Block():
                pass
            case Junk(count):
                self._notices.post(MessageRefused(self._peer, f"{count} stray bytes"))
                if self._decoder.junk > _JUNK:
                    self._drop("it sends no messages")
            case Oversize(limit):
                self._notices.post(MessageRefused(self._peer, f"longer than {limit} bytes"))
                self._send(await self._receive(b"", self._peer))

    def _send(self, answer: Answer) -> None:
        if self._transport is None:
            return
        for block in answer.blocks:
            self._transport.write(encode_block(block))

    def _drop(self, reason: str) -> None:
        """Hangs up; what was not answered will be sent again."""
        if self._transport is not None:
            self._notices.post(MessageRefused(self._peer, reason))
            self._transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
