"""Keeps an agenda filled from the outbox, a little ahead of what is being sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gateway.delivery.agenda import Agenda
from gateway.delivery.base import Outbox, Patience
from gateway.delivery.calendar import Calendar
from gateway.errors import StoreError
from gateway.store.messages import MessageState, OutboxEntry


class ReadAhead:
    """``wake`` is called when there may be something to send; it decides whether to ``fetch``."""

    def __init__(
        self,
        name: str,
        outbox: Outbox,
        clock: Callable[[], datetime],
        patience: Patience,
        wake: Callable[[], None],
        *,
        strict: bool,
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._clock = clock
        self._patience = patience
        self._wake = wake
        self._strict = strict
        self._longest = max((*patience.refused, patience.backoff.limit))
        # After a restart nothing waits for its next try: the first look is this far ahead.
        self._ahead = timedelta(seconds=self._longest)
        self._calendar = Calendar(self._ripened, self._longest)
        self._later: asyncio.TimerHandle | None = None
        self._end: Callable[[], None] | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what was read; the outbox knows it."""
        self.agenda = Agenda(strict=self._strict)
        self._more = True
        self._ripe = False
        self._fetching = False
        self._fetched = 0
        self._newest = 0
        self._caught_up = False

    def start(self) -> None:
        self.reset()
        self._end = self._outbox.subscribe(self._name, self.look_again, self._take)
        # Entries postponed before a restart that the first look does not bring.
        loop = asyncio.get_running_loop()
        self._later = loop.call_later(self._longest, self.look_again)

    def stop(self) -> None:
        if self._end is not None:
            self._end()
        if self._later is not None:
            self._later.cancel()
        self._calendar.cancel()

    def look_again(self) -> None:
        """Something may be due: queued, or released by a person."""
        self._more = True
        self._wake()

    def _take(self, entries: Sequence[OutboxEntry]) -> bool:
        """What was queued just now need not be read back where nothing older may be due and not
        known here, as long as it is little."""
        knows_all = self._caught_up and not (self._more or self._ripe or self._fetching)
        little = len(self.agenda) + len(entries) <= self._patience.prefetch // 6
        if not (knows_all and little and entries[0].id > self._newest):
            return False
        self._newest = entries[-1].id
        self.agenda.add(entries)
        self._wake()
        return True

    def postponed(self, until: datetime) -> None:
        self._calendar.add(until)

    def finished(self, entry: OutboxEntry, *, fenced: bool) -> None:
        """The entry's new state is on disk; its lane goes on, or waits in the outbox (fenced)."""
        self.agenda.finish(entry, fenced=fenced)
        used_up = self._fetched > 0 and not self.agenda.busy and not len(self.agenda)
        if used_up or fenced or entry.state is MessageState.POSTPONED:
            self._more = True

    def something_waits(self) -> bool:
        """Also sets the alarm for what is postponed."""
        postponed = self._calendar.watch(self._clock())
        return bool(self.agenda.busy or len(self.agenda) or self._more or postponed)

    def wanted(self) -> bool:
        """Whether to ``fetch`` now; before all is sent, as the outbox is slower than the wire."""
        few = self._more and len(self.agenda) <= self._patience.prefetch // 6
        if self._fetching or not (few or self._ripe):
            return False
        self._fetching, self._more, self._ripe = True, False, False
        self.agenda.begin_fetch()
        return True

    async def fetch(self) -> None:
        """To be run when ``wanted`` said so.  While the store fails it tries again slowly."""
        limit = self._patience.prefetch + self.agenda.busy
        now, ahead, self._ahead = self._clock(), self._ahead, timedelta()
        try:
            entries = await self._outbox.due(self._name, limit, now + ahead)
            self.agenda.fill(entries)
            self._fetched = len(entries)
            self._caught_up = not entries
            self._newest = max((self._newest, *(entry.id for entry in entries)))
            self._more = self._more or len(entries) >= limit
        except StoreError:
            self._more = True
            await asyncio.sleep(self._patience.backoff.first)
        finally:
            self._fetching = False
            self._wake()

    def _ripened(self) -> None:
        """Something postponed is due, and older than what was read ahead."""
        self._ripe = True
        self._wake()
