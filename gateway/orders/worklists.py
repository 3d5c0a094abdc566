"""Answers devices that ask what to do, from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.errors import StoreError
from gateway.orders import book
from gateway.orders.answers import Job, Reply, jobs, reply
from gateway.orders.menu import Menu
from gateway.orders.query import Query, read_queries
from gateway.profiles import identify
from gateway.store import Store


@dataclass(frozen=True, slots=True)
class Asking:
    """A device that may ask; ``zone`` is its clock's."""

    menu: Menu
    zone: ZoneInfo


class Worklists:
    """``questions`` is quick and pure; ``answer`` reads the store."""

    def __init__(
        self, store: Store, devices: Mapping[str, Asking], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._devices = dict(devices)
        self._clock = clock

    def asks(self, candidates: tuple[str, ...]) -> bool:
        """Whether any of these devices may ask."""
        return any(name in self._devices for name in candidates)

    def questions(
        self, candidates: tuple[str, ...], payload: bytes
    ) -> tuple[Asking, tuple[Query, ...]] | None:
        """Who asks what; None when the transmission holds no query."""
        for name in candidates:
            asking = self._devices.get(name)
            if asking is None:
                continue
            profile = asking.menu.profile
            if len(candidates) > 1 and not identify(payload, profile).header_fits:
                continue
            queries = read_queries(payload, profile)
            return (asking, queries) if queries else None
        return None

    async def answer(self, asking: Asking, query: Query) -> Reply:
        """Within the device's patience; while the store cannot be read, no information."""
        now = self._clock()
        menu = asking.menu
        work: tuple[Job, ...] = ()
        with suppress(StoreError):
            work = await self._store.engine.read(lambda c: jobs(c, query, menu, now))
        return reply(work, menu.profile, now.astimezone(asking.zone))

    async def given(self, given: Reply) -> None:
        """The device has it."""
        if given.orders:
            now = self._clock()
            await self._store.engine.write(lambda c: book.begun(c, given.orders, now))
