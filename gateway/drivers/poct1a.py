"""A POCT1-A device on a line: greeted, asked for its observations, each acknowledged after commit.

Observations, events and vendor messages are journaled, with the greeting of the connection before
them: it alone says which device is speaking.  Handshakes (HEL, DST, EOT, KPA, END) carry no results
and are answered at once; while the store does not take data a greeting is refused, and the device
keeps what it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final, assert_never

from gateway.drivers.link import Site
from gateway.drivers.message_link import MessageLink
from gateway.protocols.poct1a import (
    Acknowledged,
    DataManager,
    Ended,
    Kind,
    ManagerEvent,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Mode,
    Silent,
)

_HANDSHAKES: Final = frozenset(
    {
        *(Kind.HELLO, Kind.STATUS, Kind.KEEP_ALIVE, Kind.END_OF_TOPIC, Kind.END, Kind.ESCAPE),
        *(Kind.REQUEST, Kind.PATIENT_CHECK),
    }
)


class Poct1aLink(MessageLink[ManagerEvent]):
    """One connection of a POCT1-A device."""

    protocol = "poct1a"

    def __init__(
        self,
        site: Site,
        peer: str,
        loop: asyncio.AbstractEventLoop,
        mode: Mode,
        clock: Callable[[], datetime],
    ) -> None:
        self._session = DataManager(clock, mode=mode)
        super().__init__(site, peer, loop, self._session)
        self._greeting = b""

    def not_stored(self) -> bytes:
        return self._session.refuse()

    def on_event(self, event: ManagerEvent) -> None:
        match event:
            case MessageReceived() if event.kind in _HANDSHAKES:
                self._handshake(event)
            case MessageReceived():
                self.take(self._greeting + event.raw, checked=True)
            case MessageDamaged(reason, raw):
                self.spoilt(raw, reason.value)
                self.write(self._session.refuse())
            case MessageIncomplete(reason, raw):
                self.spoilt(raw, reason.value, noise=False)
            case Acknowledged() | Silent():
                self.write(self._session.advance())
            case Ended():
                self.hang_up()
            case _:
                assert_never(event)

    def _handshake(self, event: MessageReceived) -> None:
        self.heard()
        if event.kind is Kind.HELLO:
            self._greeting = event.raw
            if not self.site.journal.accepting:
                self.write(self._session.refuse())
                return
        self.write(self._session.accept())
