"""A gateway with its HTTP listener, in this process, and a client that knows the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from gateway.app import Running, running
from gateway.config import parse
from gateway.notices import Noticeboard
from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.pipe import open_pipe


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Clinic:
    """``client`` sends the token; ``stranger`` does not."""

    parts: Running
    notices: Noticeboard
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    url: str
    token: str
    port: int
    analyzer_port: int

    async def send(self, *records: str) -> None:
        """One message of a generic analyzer; returns when it was acknowledged."""
        address = f"tcp:127.0.0.1:{self.analyzer_port}"
        device = Analyzer(Dialect(), lambda: open_pipe(address), retry=0.2)
        try:
            await device.send([f"{record}\r".encode("latin-1") for record in records])
        finally:
            await device.aclose()

    async def send_glucose(self, specimen: str, value: str = "5.5", code: str = "GLU") -> None:
        await self.send(
            r"H|\^&|||TEST^1||||||||LIS2-A2|20260105101130",
            "P|1||MRN1||DOE^JANE",
            f"O|1|{specimen}||^^^{code}",
            f"R|1|^^^{code}|{value}|mg/dL||N||F||||20260105101130",
            "L|1|N",
        )


async def until(condition: Callable[[], Any], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def clinic(
    folder: Path, free_port: Callable[[], int], more: str = ""
) -> AsyncIterator[Clinic]:
    port, analyzer = free_port(), free_port()
    text = f"""
[gateway]
site = "test"
timezone = "Europe/Berlin"
data_dir = "{folder}/data"
[http]
listen = "127.0.0.1:{port}"
[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{analyzer}"
codes = {{ "GLU" = "2345-7" }}
[destinations.drop]
type = "file"
directory = "{folder}/out"
{more}
"""
    (folder / "out").mkdir()
    notices = Noticeboard(now)
    url = f"http://127.0.0.1:{port}"
    async with running(parse(text, folder / "gateway.toml"), notices=notices, clock=now) as parts:
        token = (folder / "data" / "http.token").read_text().strip()
        head = {"authorization": f"Bearer {token}"}
        async with (
            httpx.AsyncClient(base_url=url, headers=head, timeout=60) as client,
            httpx.AsyncClient(base_url=url, timeout=60) as stranger,
        ):
            yield Clinic(parts, notices, client, stranger, url, token, port, analyzer)
