"""Two who want the store at once: the second waits for the first, but not for a gateway."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import control, standing
from gateway.app import serve
from gateway.cli import asking
from gateway.config import Configuration, parse
from gateway.errors import StoreInUse
from gateway.notices import Noticeboard
from gateway.store import Store
from gateway.store.lock import DirectoryLock


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    text = '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "data"\n'
    return parse(text, tmp_path / "gateway.toml")


async def made(configuration: Configuration) -> DirectoryLock:
    """A store that somebody has open."""
    store = await Store.open(configuration.gateway.data_dir, clock=now)
    await store.aclose()
    return DirectoryLock(configuration.gateway.data_dir)


def test_a_command_waits_for_another(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = asyncio.run(made(configuration))
    monkeypatch.setattr(asking, "pause", lock.release)
    assert asking.ask(configuration, "status")["site"] == "a"


def test_a_command_does_not_wait_for_ever(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = asyncio.run(made(configuration))
    monkeypatch.setattr(asking, "PATIENCE", -1.0)
    with pytest.raises(StoreInUse, match="in use by another gateway"):
        asking.ask(configuration, "status")
    lock.release()


async def test_a_gateway_waits_for_a_command(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, stopping = await made(configuration), asyncio.Event()
    waited: list[bool] = []

    async def pause() -> None:
        waited.append(True)
        lock.release()

    monkeypatch.setattr(standing, "pause", pause)
    async with asyncio.timeout(20):
        await serve(
            configuration,
            notices=Noticeboard(now),
            clock=now,
            stopping=stopping,
            ready=lambda _: stopping.set(),
        )
    assert waited == [True]


async def test_a_gateway_does_not_wait_for_another(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        return

    lock = await made(configuration)
    monkeypatch.setattr(standing, "pause", lambda: pytest.fail("waited"))
    async with control.serve(configuration.gateway.data_dir, nothing):
        with pytest.raises(StoreInUse, match="stop it first"):
            await serve(
                configuration,
                notices=Noticeboard(now),
                clock=now,
                stopping=asyncio.Event(),
                ready=lambda _: None,
            )
    lock.release()
