"""An ASTM analyzer that asks what to do: results in, work lists out, on one half-duplex line.

A query is journaled and acknowledged like any transmission; its answer is sent as soon as the line
is neutral (the analyzer goes first after a collision).  Answers wait for each other; a query that
takes earlier ones back empties the waiting ones.  What the analyzer did not take, it asks again.
Orders it takes unasked go out between answers.
"""

from __future__ import annotations

import asyncio
from collections import deque

from gateway.drivers.analyzer import AstmLink
from gateway.drivers.giving import Giving
from gateway.drivers.link import Site
from gateway.drivers.pushing import Pushing
from gateway.orders.answers import Reply
from gateway.orders.downloads import Downloads
from gateway.orders.query import Query
from gateway.orders.worklists import Asking, Download, Worklists
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
        downloads: Downloads | None = None,
    ) -> None:
        super().__init__(site, peer, loop, dialect)
        self._hearing = self._line = Line(dialect)
        self._receiver = self._line.receiver
        self._worklists = worklists
        self._questions: deque[tuple[Asking, Query]] = deque()
        self._sent: tuple[Asking, Reply] | None = None
        self._offer: tuple[Download, Asking] | None = None
        self._offered: Download | None = None
        self._giving = Giving(worklists, loop)
        self._pushing = Pushing(site, downloads, loop, self._push)
        self._looking = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._pushing.begin()

    @property
    def idle(self) -> bool:
        return super().idle and self._line.idle

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
        self._pushing.end()
        self._take_whole()
        while not self._waiting and (event := self._line.connection_lost()) is not None:
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
        """One answer at a time is looked up and sent; an order nobody asked for comes after."""
        if self._looking or self._line.busy:
            return
        if self._questions:
            self._looking = True
            self._giving.begin(self._answer(*self._questions.popleft()))
        elif self._offer is not None:
            (self._offered, asking), self._offer = self._offer, None
            self._send(self._worklists.late(asking, self._offered))

    def _push(self, download: Download, asking: Asking) -> None:
        """One tube to tell of, as soon as nothing else goes on."""
        self._offer = download, asking
        self._look()

    def _send(self, reply: Reply) -> None:
        self._line.send(list(reply.records))
        if not self._waiting:
            self.advance()

    async def _answer(self, asking: Asking, query: Query) -> None:
        try:
            reply = await self._worklists.answer(asking, query)
        finally:
            self._looking = False
        if self._lost:
            return
        self._sent = asking, reply
        self._send(reply)

    def _over(self, *, taken: bool) -> None:
        sent, self._sent = self._sent, None
        offered, self._offered = self._offered, None
        if offered is not None and taken:
            self._giving.begin(self._pushing.taken(offered))
        elif offered is not None:
            self._pushing.over(taken=False)
        elif taken and sent is not None:
            asking, reply = sent
            self._giving.given(asking, reply.work)
        if not self._lost:
            self._look()
