"""An open store and its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from store_samples import Clock, open_store

from gateway.store import Store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest_asyncio.fixture
async def store(directory: Path, clock: Clock) -> AsyncIterator[Store]:
    store = await open_store(directory, clock)
    yield store
    await store.aclose()
