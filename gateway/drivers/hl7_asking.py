"""An HL7-speaking analyzer that asks what to do: results in, work out, on one connection.

A question is journaled like a result; then the order store is read and the answer written, with the
messages that carry work behind it, one after the other as the device acknowledges them.  Nothing
else of the connection is handled in between.  Work counts as given when the device acknowledged the
message that carries it, or, where nothing acknowledges it, when it was written; what it refused it
may ask for again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from gateway.drivers.hl7 import Hl7Link
from gateway.drivers.link import Site
from gateway.errors import StoreError
from gateway.orders.hl7_answers import Given
from gateway.orders.worklists import Worklists
from gateway.protocols.hl7device import Acknowledged, Dialect, Query, QueryReceived, read_header
from gateway.protocols.hl7device.events import Event

_UNABLE = re.compile(rb"[\r\n]ORC.U[AC]\b")
"""In an ORL^O34: an order the analyzer cannot take, or take back (table 0119)."""


class Hl7AskingLink(Hl7Link):
    """One connection of such an analyzer."""

    def __init__(
        self,
        site: Site,
        peer: str,
        loop: asyncio.AbstractEventLoop,
        dialect: Dialect,
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        worklists: Worklists,
    ) -> None:
        super().__init__(site, peer, loop, dialect, clock, ids)
        self._worklists = worklists
        self._query: Query | None = None
        self._handed: dict[str, tuple[int, ...]] = {}
        self._work: set[asyncio.Task[None]] = set()

    def on_event(self, event: Event) -> None:
        self._query = event.query if isinstance(event, QueryReceived) else None
        if isinstance(event, Acknowledged) and event.final:
            given = self._handed.pop(event.control_id, ())
            if event.code.accepted and not _UNABLE.search(event.raw):
                self._begin(self._given(given))
            elif given:
                self.refused("did not take its work")
        super().on_event(event)

    def committed(self, error: StoreError | None) -> None:
        query, self._query = self._query, None
        if error is not None or query is None:
            super().committed(error)
            return
        (raw, checked), self._pending = self._pending, (b"", False)
        self.site.recipient.complete(self.arrival(raw, checked=checked))
        self._waiting = True
        self._begin(self._answer(query, raw))

    def peer_gone(self) -> None:
        self._handed.clear()
        super().peer_gone()

    async def _answer(self, query: Query, raw: bytes) -> None:
        asking = self._worklists.asker(self.site.candidates, raw)
        session = self._session
        if asking is None:
            self.write(session.refuse())
        else:
            given = await self._worklists.hl7_answer(asking, query, lambda: session.stamp)
            self._hand(query, given)
        self._waiting = False
        self.go_on()

    def _hand(self, query: Query, given: Given) -> None:
        (_, *later), (now, *work) = given.messages, given.work
        for message, orders in zip(later, work, strict=True):
            self._handed[read_header(message).control_id] = orders
        if query.cancels:
            self._handed.clear()
            self._session.withdraw()
        self.write(self._session.reply(*given.messages))
        self._begin(self._given(now))

    async def _given(self, orders: Sequence[int]) -> None:
        try:
            await self._worklists.given(orders)
        except StoreError:
            return  # it is given again when asked for again

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
