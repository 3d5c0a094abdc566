"""Whoever knows no token can neither keep others out nor ask under another name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from web_site import Clinic, clinic

from gateway.web import line

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, free_port) as made:
        yield made


@asynccontextmanager
async def connection(site: Clinic) -> AsyncIterator[Pair]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("beginning", [b"", b"GET /healthz HT"], ids=["silent", "half a head"])
async def test_three_hundred_connections_keep_nobody_out(site: Clinic, beginning: bytes) -> None:
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connection(site)) for _ in range(300)]
        for _, writer in held[-100:]:
            writer.write(beginning)
            await writer.drain()
        assert (await site.stranger.get("/healthz")).status_code == 200
        assert (await site.client.get("/api/v1/status")).status_code == 200


async def test_a_request_under_way_gives_its_place_to_nobody(site: Clinic) -> None:
    async with site.client.stream("GET", "/api/v1/events") as events:
        lines = events.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        async with AsyncExitStack() as stack:
            for _ in range(300):
                await stack.enter_async_context(connection(site))
            assert (await site.stranger.get("/healthz")).status_code == 200
        assert await anext(lines) == ""


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"])
async def test_a_head_that_drips_is_hung_up_on(
    site: Clinic, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the beginning of a connection as behind a request that was answered."""
    monkeypatch.setattr(line, "PATIENCE", 0.3)
    async with connection(site) as (reader, writer), asyncio.timeout(10):
        writer.write(before)
        if before:
            await reader.readuntil(b'{"store":"well"}')
        dripping = asyncio.create_task(_drip(writer))
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        finally:
            dripping.cancel()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"G")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080"])
async def test_metrics_are_open_under_this_machines_own_names(site: Clinic, host: str) -> None:
    assert (await site.stranger.get("/metrics", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["clinic.example", "127.0.0.1.example:8080", "", "[", "x@y:z"])
async def test_metrics_want_the_token_under_any_other_name(site: Clinic, host: str) -> None:
    """A page whose name was made to mean this machine, or a proxy on it."""
    assert (await site.stranger.get("/metrics", headers={"host": host})).status_code in (400, 401)
    if host == "clinic.example":
        assert (await site.client.get("/metrics", headers={"host": host})).status_code == 200
