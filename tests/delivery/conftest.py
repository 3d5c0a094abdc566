from __future__ import annotations

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


@pytest.fixture
def witness() -> Witness:
    return Witness()
