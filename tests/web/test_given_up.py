"""A request that is given up in the middle: what is on disk by then stays whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.types import Message
from test_dicomweb import file_bytes, related

from gateway.archive import Archive, Filed, Index, Reception
from gateway.archive.reception import Arrived
from gateway.notices import Heard, Posted
from gateway.store import SpacePolicy, Store
from gateway.web.dicomweb.multipart import Reader
from gateway.web.dicomweb.store import _received
from gateway.web.events import Bulletin

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SPACE = SpacePolicy(share=0.0, most=0, ballast=0)


@pytest_asyncio.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    store = await Store.open(tmp_path, clock=lambda: NOW, space=SPACE, post=lambda _: None)
    try:
        opened = await Archive.open(
            tmp_path / "archive", store, clock=lambda: NOW, token=lambda: "t", space=SPACE
        )
        yield opened
        await opened.aclose()
    finally:
        await store.aclose()


def storing(archive: Archive) -> asyncio.Task[object]:
    """STOW-RS of one image, on its way."""
    body, _ = related([file_bytes("examples_palette.dcm")])

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    return asyncio.ensure_future(
        _received(request, Reader("BOUND"), archive, None, "", lambda _: None)
    )


async def test_an_image_that_has_its_row_keeps_its_file(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, written = asyncio.Event(), Index.file

    async def unheard(index: Index, arrived: Arrived) -> Filed:
        filed = await written(index, arrived)
        committed.set()
        await asyncio.get_running_loop().create_future()
        return filed

    monkeypatch.setattr(Index, "file", unheard)
    task = storing(archive)
    await committed.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    [instance] = await archive.index.after(0, 10)
    assert archive.shelves.path(instance.path).is_file()


async def test_nothing_is_discarded_while_it_is_written(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A descriptor closed under a write may be another file's by then."""
    order: list[str] = []
    loop, writing = asyncio.get_running_loop(), asyncio.Event()
    go = threading.Event()
    write, discard = Reception.write, Reception.discard

    def slow(reception: Reception, pieces: Sequence[memoryview]) -> None:
        loop.call_soon_threadsafe(writing.set)
        assert go.wait(10)
        write(reception, pieces)
        order.append("written")

    def removed(reception: Reception) -> None:
        order.append("discarded")
        discard(reception)

    monkeypatch.setattr(Reception, "write", slow)
    monkeypatch.setattr(Reception, "discard", removed)
    task = storing(archive)
    await writing.wait()
    task.cancel()
    await archive.run(lambda: None)  # whatever the task has put into the pool has begun
    await archive.run(lambda: None)
    go.set()
    await asyncio.gather(task, return_exceptions=True)
    assert order == ["written", "discarded"]
    assert archive.shelves.parts() == []


async def events(bulletin: Bulletin, last: str | None, count: int) -> list[bytes]:
    stream = bulletin.stream(last)
    try:
        return [await anext(stream) for _ in range(count)]
    finally:
        await stream.aclose()


async def test_who_comes_back_after_a_new_start_is_told_of_the_gap() -> None:
    before, after = Bulletin("aaaa"), Bulletin("bbbb")
    for bulletin in (before, after):
        bulletin.see(Posted(NOW, Heard("bench")))
    _, told, event = await events(after, "aaaa-1", 3)
    assert told == b"event: gap\ndata: {}\n\n"
    assert event.startswith(b"id: bbbb-1\n")
