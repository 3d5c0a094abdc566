"""Analyzers that send plain text: blocks, printer streams, silence; and RAPIDPoint's LIS3.

Most of them broadcast and want no answer; where a codec has one it is written after the commit.  A
device that calls first is told to go ahead only while the store takes data.  LIS3 results come only
when asked for: a notice is acknowledged with the request, the data after their commit.
"""

from __future__ import annotations

import asyncio
from typing import Final, assert_never

from gateway.drivers.link import Site
from gateway.drivers.message_link import MessageLink
from gateway.protocols import lis3
from gateway.protocols.events import (
    Enquiry,
    Event,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text import Framing, Receiver

TRIES: Final = 3
"""How often a LIS3 sample is asked for."""

_DATA: Final = ("_NEW_DATA", "_EDIT_DATA")


class TextLink(MessageLink[Event]):
    """One connection of a text-speaking analyzer."""

    protocol = "text"

    def __init__(
        self, site: Site, peer: str, loop: asyncio.AbstractEventLoop, framing: Framing
    ) -> None:
        self._session = Receiver(framing)
        super().__init__(site, peer, loop, self._session)

    def not_stored(self) -> bytes:
        return self._session.refuse()

    def on_event(self, event: Event) -> None:
        match event:
            case Enquiry():
                self.heard()
                accepting = self.site.journal.accepting
                self.write(self._session.accept() if accepting else self._session.refuse())
            case MessageReceived(raw, integrity):
                self.take(raw, checked=integrity is Integrity.CHECKED)
            case MessageDamaged(reason, raw):
                self.spoilt(raw, reason.value)
                self.write(self._session.refuse())
            case MessageIncomplete(reason, raw):
                self.spoilt(raw, reason.value, noise=False)
            case _:
                assert_never(event)


class Lis3Link(MessageLink[lis3.HostEvent]):
    """One connection of a RAPIDPoint or RAPIDLab."""

    protocol = "text"

    def __init__(self, site: Site, peer: str, loop: asyncio.AbstractEventLoop) -> None:
        self._session = lis3.Host()
        super().__init__(site, peer, loop, self._session)

    def not_stored(self) -> bytes:
        return self._session.refuse()

    def on_event(self, event: lis3.HostEvent) -> None:
        match event:
            case MessageReceived(raw):
                self._received(raw)
            case MessageDamaged(reason, raw):
                self.spoilt(raw, reason.value)
                self.write(self._session.refuse())
            case MessageIncomplete(reason, raw):
                self.spoilt(raw, reason.value, noise=False)
            case lis3.Acknowledged():
                self.heard()
            case lis3.Unanswered(_, tries):
                again = tries < TRIES
                self.write(self._session.accept() if again else self._session.refuse())
            case _:
                assert_never(event)

    def _received(self, raw: bytes) -> None:
        if lis3.decode(raw).name.endswith(_DATA):
            self.take(raw, checked=True)
            return
        self.heard()
        accepting = self.site.journal.accepting
        self.write(self._session.accept() if accepting else self._session.refuse())
