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
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from gateway.drivers.giving import Giving
from gateway.drivers.hl7 import Hl7Link
from gateway.drivers.link import Site
from gateway.drivers.pushing import Pushing
from gateway.errors import StoreError
from gateway.orders.downloads import Downloads
from gateway.orders.hl7_answers import Given, work_order
from gateway.orders.worklists import Asking, Download, Telling, Worklists
from gateway.protocols.hl7device import (
    Acknowledged,
    Dialect,
    Event,
    Header,
    MessageReceived,
    Query,
    QueryForm,
    QueryReceived,
    Unanswered,
    read_header,
)

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
        downloads: Downloads | None = None,
    ) -> None:
        super().__init__(site, peer, loop, dialect, clock, ids)
        self._worklists = worklists
        self._query: Query | None = None
        self._handed: dict[str, Callable[[], None]] = {}
        self._offered = ""  # the order nobody asked for, last written
        self._giving = Giving(worklists, loop)
        self._pushing = Pushing(site, downloads, loop, self._push)
        self._parties = ("", "", "", "")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._pushing.begin()

    def on_event(self, event: Event) -> None:
        self._query = None
        match event:
            case QueryReceived(query):
                self._query = query
                self._heard_from(query.header)
            case MessageReceived(header):
                self._heard_from(header)
            case Acknowledged(final=True):
                self._answered(event)
            case Unanswered():
                self._handed.pop(event.control_id, None)
                self._pushing.over(taken=False)
        super().on_event(event)

    def committed(self, error: StoreError | None) -> None:
        query, self._query = self._query, None
        if error is not None or query is None:
            super().committed(error)
            return
        (raw, checked), self._pending = self._pending, (b"", False)
        self.site.recipient.complete(self.arrival(raw, checked=checked))
        self._waiting = True
        self._giving.begin(self._answer(query, raw))

    def peer_gone(self) -> None:
        self._handed.clear()
        self._pushing.end()
        super().peer_gone()

    def _heard_from(self, header: Header) -> None:
        """MSH-3 to 6 of what is sent to this device."""
        fields = (header.at(number) or "" for number in (5, 6, 3, 4))
        self._parties = (next(fields), next(fields), next(fields), next(fields))

    def _answered(self, event: Acknowledged) -> None:
        confirm = self._handed.pop(event.control_id, None)
        if confirm is None:
            return
        taken = event.code.accepted and not _UNABLE.search(event.raw)
        if taken:
            confirm()
        else:
            self.refused("did not take its work")
        self._pushing.over(taken=taken)

    async def _answer(self, query: Query, raw: bytes) -> None:
        """A mistake of ours ends the connection: the device asks again on the next one."""
        try:
            await self._reply(query, raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, the line must not go dead
            self.refused(f"could not be answered ({type(error).__name__})")
            self._waiting = False
            self.close()
            return
        self._waiting = False
        self.go_on()

    async def _reply(self, query: Query, raw: bytes) -> None:
        asking = self._worklists.asker(self.site.candidates, raw)
        session = self._session
        if asking is None:
            self.write(session.refuse())
            return
        given = await self._worklists.hl7_answer(asking, query, lambda: session.stamp)
        self._hand(asking, query, given)

    def _hand(self, asking: Asking, query: Query, given: Given) -> None:
        (_, *later), (now, *work) = given.messages, given.work
        if query.form is QueryForm.QRY_Q02:  # it asks anew: it will not acknowledge the last one
            self._session.withdraw()
            if self._offered in self._handed:  # nor an order nobody asked for: that is told again
                self._pushing.over(taken=False)
        for message, jobs in zip(later, work, strict=True):
            self._handed[read_header(message).control_id] = partial(
                self._giving.given, asking, jobs
            )
        self.write(self._session.reply(*given.messages))
        self._giving.given(asking, now)

    def _push(self, download: Download, asking: Asking) -> None:
        """A tube nobody asked for, or one taken back."""
        stamp = self._session.stamp
        local = replace(stamp, time=stamp.time.astimezone(asking.zone))
        control = "CA" if download.telling is Telling.CANCEL else "NW"
        message = work_order(self._parties, download.job, asking.menu, local, control=control)
        self._offered = stamp.control_id
        self._handed[self._offered] = partial(self._told, download)
        self.write(self._session.send(message))
        self.set_timeout(self._session.timeout)

    def _told(self, download: Download) -> None:
        self._giving.begin(self._pushing.taken(download))
