"""Commands and the gateway that runs: when either goes away in the middle."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway import control
from gateway.errors import GatewayError

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(verb: str, _arguments: Mapping[str, Any]) -> Any:
    return verb


async def call(folder: Path) -> Line:
    with control._short(folder) as path:
        return await asyncio.open_unix_connection(path)


async def test_who_asks_nothing_is_hung_up_on_when_the_gateway_stops(tmp_path: Path) -> None:
    async with asyncio.timeout(10):
        async with control.serve(tmp_path, echo):
            reader, writer = await call(tmp_path)
            writer.write(b'{"verb": "status"}\n')
            assert await reader.readline() == b'{"answer": "status"}\n'
        assert await reader.read() == b""
        writer.close()


async def test_what_is_under_way_is_answered_before_it_stops(tmp_path: Path) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(verb: str, _arguments: Mapping[str, Any]) -> Any:
        begun.set()
        await go.wait()
        return verb

    async with asyncio.timeout(10), AsyncExitStack() as stack:
        await stack.enter_async_context(control.serve(tmp_path, slow))
        reader, writer = await call(tmp_path)
        writer.write(b'{"verb": "held.release"}\n')
        await begun.wait()
        stopping = asyncio.create_task(stack.pop_all().aclose())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stopping.done()
        go.set()
        assert await reader.readline() == b'{"answer": "held.release"}\n'
        assert await reader.read() == b""
        await stopping
        writer.close()


def test_half_an_answer_is_none(tmp_path: Path) -> None:
    """A gateway that was killed while it answered."""
    with control._short(tmp_path) as path, socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()

        def die() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                line.sendall(b'{"answer": [1, ')

        dying = threading.Thread(target=die)
        dying.start()
        with pytest.raises(GatewayError, match="closed the line"):
            control.ask_running(tmp_path, "status", {})
        dying.join(10)
