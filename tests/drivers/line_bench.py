"""A gateway's end of a line on a loopback port, with a journal that does as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from gateway.drivers import DeviceLink, Noise, Site
from gateway.errors import StoreError
from gateway.intake import Arrival
from gateway.lines import link_for
from gateway.notices import Noticeboard
from gateway.profiles import AnalyzerProfile
from gateway.transports.budget import Budget

NOW = datetime(2026, 1, 5, 9, 15, tzinfo=UTC)
Done = Callable[[StoreError | None], None]


class ToldJournal:
    """Commits at once, never, or with an error, as ``fail`` and ``hold`` say."""

    def __init__(self) -> None:
        self.accepting = True
        self.hold = False
        self.fail = 0
        self.entries: dict[int, list[bytes]] = {}
        self.kept: list[bytes] = []
        self.waiting: list[Done] = []
        self._last = 0

    def open_transmission(self, device: str, protocol: str, peer: str) -> int:
        self._last += 1
        return self._last

    def append(
        self, transmission: int, entry: bytes, done: Done, *, evidence: bool = False
    ) -> None:
        if self.fail:
            self.fail -= 1
            asyncio.get_running_loop().call_soon(done, StoreError("the disk is full"))
            return
        self.entries.setdefault(transmission, []).append(entry)
        if self.hold:
            self.waiting.append(done)
        else:
            asyncio.get_running_loop().call_soon(done, None)

    def evidence(self, transmission: int, entry: bytes) -> None:
        self.kept.append(entry)


class Inbox:
    """What closed transmissions end up as."""

    def __init__(self) -> None:
        self.whole: list[Arrival] = []
        self.broken: list[tuple[bytes, str]] = []

    def complete(self, arrival: Arrival) -> None:
        self.whole.append(arrival)

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        self.broken.append((arrival.payload, reason))


class Bench:
    """``port`` is where the device dials."""

    def __init__(self, profile: AnalyzerProfile) -> None:
        self.profile = profile
        self.journal = ToldJournal()
        self.inbox = Inbox()
        self.links: list[DeviceLink] = []
        self.port = 0
        self._site = Site(
            "lab-1", ("lab-1",), self.journal, self.inbox, Noticeboard(lambda: NOW), Noise(limit=1)
        )

    def bounded(self, limit: int) -> Budget:
        """What connections from now on may hold together."""
        budget = Budget(limit)
        self._site = replace(self._site, budget=budget)
        return budget

    def connect(self) -> DeviceLink:
        loop = asyncio.get_running_loop()
        self.links.append(link_for([self.profile], self._site, "peer", loop))
        return self.links[-1]

    async def settled(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Until ``condition`` holds."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def bench(profile: AnalyzerProfile) -> AsyncIterator[Bench]:
    found = Bench(profile)
    server = await asyncio.get_running_loop().create_server(found.connect, "127.0.0.1", 0)
    found.port = int(server.sockets[0].getsockname()[1])
    try:
        yield found
    finally:
        server.close()
        for link in found.links:
            link.close()
        await asyncio.sleep(0)
