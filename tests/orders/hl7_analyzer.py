"""The device's end of an HL7 line on a loopback port, written by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from ehr_side import Ehr

from gateway.drivers import Hl7AskingLink, Noise, Site
from gateway.orders.downloads import Downloads
from gateway.orders.menu import Menu
from gateway.orders.worklists import Asking, Worklists
from gateway.profiles import catalogue
from gateway.protocols.hl7device import Dialect

END = b"\x1c\r"
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CODES = {"GLU": "2345-7", "CRP": "1988-5", "FLUA": "80382-5"}


class Filed:
    """Whatever arrives is kept."""

    def __init__(self) -> None:
        self.whole: list[Any] = []

    def complete(self, arrival: Any) -> None:
        self.whole.append(arrival)

    def incomplete(self, arrival: Any, reason: str) -> None:
        raise AssertionError(reason)


class Analyzer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def say(self, *segments: str) -> None:
        body = "".join(f"{segment}\r" for segment in segments).encode()
        self._writer.write(b"\x0b" + body + END)

    async def hear(self) -> list[str]:
        """The next message, segment by segment."""
        block = await asyncio.wait_for(self._reader.readuntil(END), 20)
        assert block[:1] == b"\x0b"
        return block[1 : -len(END)].decode().strip("\r").split("\r")

    async def ask(self, *segments: str) -> list[str]:
        self.say(*segments)
        return await self.hear()

    def acknowledge(self, message: list[str], kind: str, *more: str, code: str = "AA") -> None:
        control = message[0].split("|")[9]
        self.say(rf"MSH|^~\&|dev||||||{kind}|a{control}|P|2.3.1", f"MSA|{code}|{control}", *more)

    async def aclose(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def listening(
    side: Ehr,
    profile: str,
    names: Mapping[str, str] | None = None,
    *,
    late: bool = False,
) -> AsyncIterator[tuple[int, Filed]]:
    """The gateway's end: the port, and what was journaled and handed on."""
    loop = asyncio.get_running_loop()
    menu = Menu(catalogue()[profile], CODES, {}, names or {})
    asking = {"dev": Asking("dev", menu, ZoneInfo("UTC"), late)}
    worklists = Worklists(side.store, asking, side.clock)
    downloads = Downloads(side.store, asking, side.clock) if late else None
    if downloads is not None:
        side.changes.append(downloads.changed)
    filed = Filed()
    site = Site("dev", ("dev",), side.store, filed, side.notices, Noise(1))
    numbers = count(1)
    links: list[Hl7AskingLink] = []

    def connect() -> Hl7AskingLink:
        links.append(
            Hl7AskingLink(
                *(site, "test", loop, Dialect()),
                *(lambda: NOW, lambda: f"H{next(numbers)}", worklists, downloads),
            )
        )
        return links[-1]

    server = await loop.create_server(connect, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], filed
    finally:
        server.close()
        for link in links:
            link.close()
        await server.wait_closed()


async def dial(port: int) -> Analyzer:
    return Analyzer(*await asyncio.open_connection("127.0.0.1", port))
