"""Transports are tried on the stock event loop and on uvloop."""

from __future__ import annotations

import asyncio
import os
import pty
import random
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from transport_probes import Observed, PtyPair, start_socat


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"stock": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def observed() -> Observed:
    return Observed()


@pytest_asyncio.fixture
async def keep() -> AsyncIterator[Callable[[Awaitable[None]], asyncio.Task[None]]]:
    """Runs an endless coroutine for the length of the test; it must end when cancelled.

    An error that only the event loop hears of fails the test, too.
    """
    tasks: list[asyncio.Task[None]] = []
    unheard: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unheard.append(context))

    def start(endless: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(endless)
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
    if tasks:
        _, stuck = await asyncio.wait(tasks, timeout=3)
        assert not stuck, "still running 3 s after it was cancelled"
        for task in tasks:
            with suppress(asyncio.CancelledError):
                task.result()
    assert not unheard


@pytest.fixture
def rng() -> random.Random:
    return random.Random(1)


@pytest.fixture
def pty_pair() -> Iterator[PtyPair]:
    """A virtual serial cable of which the test holds the device's end."""
    device, gateway = pty.openpty()
    tty.setraw(device)
    pair = PtyPair(device, os.ttyname(gateway))
    os.close(gateway)
    yield pair
    pair.unplug()


@pytest.fixture
def socat(tmp_path: Path) -> Iterator[Callable[[], tuple[Path, Path, Callable[[], None]]]]:
    """Makes a virtual serial cable between two named ports with an independent program."""
    stops: list[Callable[[], None]] = []

    def plug_in() -> tuple[Path, Path, Callable[[], None]]:
        near, far = tmp_path / "near", tmp_path / "far"
        stops.append(start_socat(near, far))
        return near, far, stops[-1]

    yield plug_in
    for stop in stops:
        stop()
