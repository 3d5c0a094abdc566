"""An analyzer that speaks HL7 v2, in MLLP or bare, whichever end dialled.

AA (or CA) is written after the commit, AE when the message could not be stored.  A question for
orders is journaled like a result and, where nobody sends orders, answered "no order": some devices
do nothing until they have an answer.  Keep-alive bytes between messages cost nothing and mean
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from gateway.drivers.link import Site
from gateway.drivers.message_link import MessageLink
from gateway.protocols.hl7 import ErrorCode
from gateway.protocols.hl7device import (
    Acknowledged,
    Dialect,
    Event,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Peer,
    QueryReceived,
    Unanswered,
)


class Hl7Link(MessageLink[Event]):
    """One connection of an HL7-speaking analyzer.  ``ids`` names our acknowledgments."""

    protocol = "hl7"

    def __init__(
        self,
        site: Site,
        peer: str,
        loop: asyncio.AbstractEventLoop,
        dialect: Dialect,
        clock: Callable[[], datetime],
        ids: Callable[[], str],
    ) -> None:
        self._session = Peer(clock, ids, dialect)
        super().__init__(site, peer, loop, self._session)
        self._question = False

    def accepted(self) -> bytes:
        return self._session.refuse() if self._question else self._session.accept()

    def not_stored(self) -> bytes:
        """A question goes without its answer then: "no order" would not be true."""
        if not self._question:
            return self._session.refuse(ErrorCode.INTERNAL_ERROR)
        self._session.refuse()
        return b""

    def on_event(self, event: Event) -> None:
        match event:
            case MessageReceived(_, raw):
                self._question = False
                self.take(raw, checked=True)
            case QueryReceived(_, raw):
                self._question = True
                self.take(raw, checked=True)
            case MessageDamaged(reason, raw):
                self.spoilt(raw, reason.value)
                self.write(self._session.refuse())
            case MessageIncomplete(reason, raw):
                self.spoilt(raw, reason.value, noise=False)
            case Acknowledged():
                self.write(self._session.advance())
            case Unanswered():
                self.write(self._session.refuse())
            case _:
                assert_never(event)
