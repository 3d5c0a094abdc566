from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from delivery_bench import Witness, now

from gateway.store import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "store", clock=now)
    yield store
    await store.aclose()


@pytest_asyncio.fixture
async def calm_loop() -> AsyncIterator[None]:
    """Fails a test after which the event loop had something to complain about."""
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(repr(context)))
    gc.freeze()  # so that the collection below looks at this test's objects only
    yield
    gc.collect()
    gc.unfreeze()
    assert complaints == []


@pytest.fixture
def witness() -> Witness:
    return Witness()
