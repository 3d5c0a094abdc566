"""Answers devices that ask what to do, from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Final
from zoneinfo import ZoneInfo

import apsw

from gateway.errors import StoreError
from gateway.orders import book, hl7_answers, told
from gateway.orders.answers import Occasion, Reply, reply
from gateway.orders.hl7_answers import Given
from gateway.orders.jobs import Job, jobs
from gateway.orders.menu import Menu
from gateway.orders.query import Query, read_queries
from gateway.profiles import identify
from gateway.protocols.hl7device import Query as Hl7Query
from gateway.protocols.hl7device import Stamp
from gateway.store import Store


@dataclass(frozen=True, slots=True)
class Asking:
    """A device that may ask; ``zone`` is its clock's.  ``downloads``: it also takes orders it did
    not ask for."""

    name: str
    menu: Menu
    zone: ZoneInfo
    downloads: bool = False


class Telling(Enum):
    """Why a device is told of a tube it did not ask for."""

    NEW = "new"
    MORE = "more"
    """Further tests of a tube it knows."""
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Download:
    """One tube to tell ``device`` of."""

    device: str
    job: Job
    telling: Telling = Telling.NEW


_OCCASIONS: Final = {
    Telling.NEW: Occasion.LATE,
    Telling.MORE: Occasion.ADDED,
    Telling.CANCEL: Occasion.CANCELLED,
}


class Worklists:
    """``asker`` and ``questions`` are quick and pure; the answers read the store."""

    def __init__(
        self, store: Store, devices: Mapping[str, Asking], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._devices = dict(devices)
        self._clock = clock

    def asks(self, candidates: tuple[str, ...]) -> bool:
        """Whether any of these devices may ask."""
        return any(name in self._devices for name in candidates)

    def asker(self, candidates: tuple[str, ...], payload: bytes) -> Asking | None:
        """Who of those that may be calling this is from."""
        for name in candidates:
            asking = self._devices.get(name)
            if asking is None:
                continue
            if len(candidates) == 1 or identify(payload, asking.menu.profile).header_fits:
                return asking
        return None

    def questions(
        self, candidates: tuple[str, ...], payload: bytes
    ) -> tuple[Asking, tuple[Query, ...]] | None:
        """Who asks what in ASTM; None when the transmission holds no query."""
        asking = self.asker(candidates, payload)
        queries = read_queries(payload, asking.menu.profile) if asking else ()
        return (asking, queries) if asking and queries else None

    async def answer(self, asking: Asking, query: Query) -> Reply:
        """Within the device's patience; while the store cannot be read, no information."""
        now = self._clock()
        work = await self._work(asking, query, now)
        return reply(work, asking.menu, now.astimezone(asking.zone))

    def late(self, asking: Asking, download: Download) -> Reply:
        """The ASTM message that tells of it."""
        occasion = _OCCASIONS[download.telling]
        now = self._clock().astimezone(asking.zone)
        return reply((download.job,), asking.menu, now, occasion)

    async def hl7_answer(
        self, asking: Asking, query: Hl7Query, stamp: Callable[[], Stamp]
    ) -> Given:
        """As ``answer``, in HL7; ``stamp`` names each message."""
        work: Sequence[Job] = ()
        if not query.placed and not query.cancels:
            work = await self._work(asking, hl7_answers.wanted(query), self._clock())
        return hl7_answers.answer(query, work, asking.menu, lambda: _in(stamp(), asking.zone))

    async def _work(self, asking: Asking, query: Query, now: datetime) -> Sequence[Job]:
        with suppress(StoreError):
            return await self._store.engine.read(lambda c: jobs(c, query, asking.menu, now))
        return ()

    async def given(self, asking: Asking, work: Sequence[Job]) -> None:
        """The device has it."""
        now = self._clock()

        def write(connection: apsw.Connection) -> None:
            for job in work:
                book.begun(connection, job.orders, now)
                if asking.downloads:
                    told.note(connection, asking.name, job, told.State.GIVEN, now)

        if work:
            await self._store.engine.write(write)


def _in(stamp: Stamp, zone: ZoneInfo) -> Stamp:
    return replace(stamp, time=stamp.time.astimezone(zone))
