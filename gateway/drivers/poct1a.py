"""A POCT1-A device on a line: greeted, asked for its observations, each acknowledged after commit.

Observations, events and vendor messages are journaled, with the greeting of the connection before
them: it alone says which device is speaking.  Handshakes (HEL, DST, EOT, KPA, END) carry no results
and are answered at once; while the store does not take data a greeting is refused, and the device
keeps what it has.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, assert_never

from gateway.drivers.link import Site
from gateway.drivers.message_link import MessageLink
from gateway.errors import StoreError
from gateway.notices import LinkChanged, LinkState
from gateway.protocols.poct1a import (
    Acknowledged,
    DataManager,
    Ended,
    Ending,
    Kind,
    Listing,
    ManagerEvent,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
    Mode,
    Silent,
    Verdict,
)

_HANDSHAKES: Final = frozenset(
    {
        *(Kind.HELLO, Kind.STATUS, Kind.KEEP_ALIVE, Kind.END_OF_TOPIC, Kind.END, Kind.ESCAPE),
        *(Kind.REQUEST, Kind.PATIENT_CHECK),
    }
)


_CODE: Final = re.compile("[0-9A-Za-z]{1,8}")
_PATIENCE: Final = 3  # conversations broken off over a list
_LIST_MOMENTS: Final = frozenset({Kind.STATUS, Kind.REQUEST})
_PATIENTS_ASKED: Final = "RPAT"
_PATIENT_LIST: Final = "PTL.R01"


class Lists:
    """What a device is given, looked up when it calls.

    A device that falls silent or hangs up over a list three times running gets none until the next
    start: its results matter more.
    """

    def __init__(self, look: Callable[[], Awaitable[tuple[Listing, ...]]]) -> None:
        self._look = look
        self._broken = 0

    @property
    def suspended(self) -> bool:
        return self._broken >= _PATIENCE

    def ended(self, *, broken: bool) -> bool:
        """How a conversation with lists in it ended; whether it was the last one with any."""
        self._broken = self._broken + 1 if broken else 0
        return self.suspended

    async def now(self) -> tuple[Listing, ...]:
        """StoreError when they cannot be read."""
        return () if self.suspended else await self._look()


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
        lists: Lists | None = None,
    ) -> None:
        self._session = DataManager(clock, mode=mode)
        super().__init__(site, peer, loop, self._session)
        self._greeting = b""
        self._lists = lists
        self._work: asyncio.Task[None] | None = None

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
            case Acknowledged():
                self._note(event)
                self.write(self._session.advance())
            case Silent():
                self.write(self._session.advance())
            case Ended(ending):
                self._over(ending)
                self.hang_up()
            case _:
                assert_never(event)

    def _over(self, ending: Ending) -> None:
        lists = self._lists
        if lists is None or lists.suspended:
            return
        broken = ending in (Ending.TIMEOUT, Ending.LOST) and self._session.listing
        if lists.ended(broken=broken):
            for name in self.site.candidates:
                text = "the device does not take lists; it gets none until the next start"
                self.site.notices.post(LinkChanged(name, LinkState.WAITING, text))

    def _note(self, answer: Acknowledged) -> None:
        """An error code in an answer, also beside AA: the device took it and yet complains."""
        refused = answer.verdict is Verdict.ERROR
        if not (refused or answer.warning):
            return
        code = answer.error if answer.error and _CODE.fullmatch(answer.error) else "unknown"
        words = "the device refused" if refused else "the device accepted with"
        for name in self.site.candidates:
            notice = LinkChanged(name, LinkState.UP, f"{words} error {code}")
            self.site.notices.post(notice)

    def _handshake(self, event: MessageReceived) -> None:
        self.heard()
        if event.kind is Kind.HELLO:
            self._greeting = event.raw
            if not self.site.journal.accepting:
                self.write(self._session.refuse())
                return
        if event.kind in _LIST_MOMENTS and self._lists is not None:
            self._waiting = True
            self._work = self._loop.create_task(self._with_lists(event, self._lists))
            return
        self.write(self._session.accept())

    async def _with_lists(self, event: MessageReceived, lists: Lists) -> None:
        """The device waits for its acknowledgment while its lists are looked up."""
        try:
            found = await lists.now()
        except StoreError:
            found = ()  # its results come first; lists come with the next call
        self._waiting = False
        if self._lost:
            self.peer_gone()
            return
        if event.kind is Kind.STATUS:
            self._session.give(found)
            self.write(self._session.accept())
        else:
            self.write(self._session.accept() + self._asked_for(event, found))
        self.go_on()

    def _asked_for(self, event: MessageReceived, lists: tuple[Listing, ...]) -> bytes:
        """The list of patients, for a device that asks whether it knows one."""
        wanted = event.message.at("REQ.request_cd")
        answers = [one for one in lists if wanted == _PATIENTS_ASKED and one.name == _PATIENT_LIST]
        return b"".join(self._session.answer(one) for one in answers[:1] if self._session.fits(one))
