"""An ASTM analyzer that asks what to do: results in, work lists out, on one half-duplex line.

A query is journaled and acknowledged like any transmission; its answer is sent as soon as the line
is neutral (the analyzer goes first after a collision).  Answers wait for each other; a query that
takes earlier ones back empties the waiting ones.  What the analyzer did not take, it asks again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any

from gateway.drivers.analyzer import AstmLink
from gateway.drivers.link import Site
from gateway.errors import StoreError
from gateway.orders.answers import Reply
from gateway.orders.query import Query
from gateway.orders.worklists import Asking, Worklists
from gateway.protocols.astm import (
    Accepted,
    Busy,
    Delivered,
    Dialect,
    Event,
    Failed,
    Interrupted,
    Line,
    SenderEvent,
    TransmissionEnded,
)

_MOST_WAITING = 100


class AskingLink(AstmLink):
    """One connection of such an analyzer."""

    def __init__(
        self,
        site: Site,
        peer: str,
        loop: asyncio.AbstractEventLoop,
        dialect: Dialect,
        worklists: Worklists,
    ) -> None:
        super().__init__(site, peer, loop, dialect)
        self._line = Line(dialect)
        self._receiver = self._line.receiver
        self._worklists = worklists
        self._questions: deque[tuple[Asking, Query]] = deque()
        self._reply: Reply | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._looking = False

    @property
    def idle(self) -> bool:
        return super().idle and self._line.idle

    def data_received(self, data: bytes) -> None:
        if not self._waiting and (found := self._line.receive_frame(data)) is not None:
            self.received(*found)
            return
        self._line.receive_data(data)
        if not self._waiting:
            self.advance()

    def advance(self) -> None:
        while not self._waiting:
            event = self._line.next_event()
            self.write(self._line.data_to_send())
            if event is None:
                break
            self._take(event)
        if not self._waiting:
            self.set_timeout(self._line.timeout)

    def expired(self) -> None:
        event = self._line.expire()
        self.write(self._line.data_to_send())
        if event is not None:
            self._take(event)
        self.advance()

    def peer_gone(self) -> None:
        self._questions.clear()
        while (event := self._line.connection_lost()) is not None:
            self._take(event)

    def _take(self, event: Event | SenderEvent) -> None:
        match event:
            case Accepted() | Busy() | Interrupted():
                pass
            case Delivered():
                self._over(taken=True)
            case Failed():
                self._over(taken=False)
            case TransmissionEnded():
                text = b"".join(self._texts)
                self._on(event)
                self._asked(text)
            case _:
                self._on(event)

    def _asked(self, text: bytes) -> None:
        found = self._worklists.questions(self.site.candidates, text)
        for query in found[1] if found else ():
            if query.cancels:
                self._questions.clear()
            elif found and len(self._questions) < _MOST_WAITING:
                self._questions.append((found[0], query))
        self._look()

    def _look(self) -> None:
        """One answer at a time is looked up and sent."""
        if self._questions and not self._looking and not self._line.busy:
            self._looking = True
            self._begin(self._answer(*self._questions.popleft()))

    async def _answer(self, asking: Asking, query: Query) -> None:
        reply = await self._worklists.answer(asking, query)
        self._looking = False
        if self._lost:
            return
        self._reply = reply
        self._line.send(list(reply.records))
        if not self._waiting:
            self.advance()

    def _over(self, *, taken: bool) -> None:
        reply, self._reply = self._reply, None
        if taken and reply is not None:
            self._begin(self._given(reply))
        if not self._lost:
            self._look()

    async def _given(self, reply: Reply) -> None:
        try:
            await self._worklists.given(reply.orders)
        except StoreError:
            return  # it is given again when asked for again

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
