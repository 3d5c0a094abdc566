"""A gateway that is told to stop while it starts: at once, clean, and the next one starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.app import serve
from gateway.config import Configuration, parse
from gateway.intake import Intake
from gateway.notices import Noticeboard
from gateway.store import Store

ROOT = Path(__file__).parents[2]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def configuration(tmp_path: Path, free_port: Callable[[], int]) -> Configuration:
    text = f"""
[gateway]
site = "a"
timezone = "UTC"
data_dir = "data"
[http]
listen = "127.0.0.1:{free_port()}"
[orders]
listen = "127.0.0.1:{free_port()}"
[dicom]
listen = "127.0.0.1:{free_port()}"
[devices.x]
profile = "vitros"
stream = "tcp-listen:127.0.0.1:{free_port()}"
[destinations.drop]
type = "file"
directory = "out"
"""
    return parse(text, tmp_path / "gateway.toml")


async def test_a_stop_ends_a_recovery_that_takes_long(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping, recovering = asyncio.Event(), asyncio.Event()

    async def recover(_intake: Intake) -> int:
        recovering.set()
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(Intake, "recover", recover)
    notices = Noticeboard(now)
    serving = asyncio.create_task(
        serve(configuration, notices=notices, clock=now, stopping=stopping, ready=print)
    )
    async with asyncio.timeout(20):
        await recovering.wait()
        stopping.set()
        await serving
    store = await Store.open(configuration.gateway.data_dir, clock=now)
    await store.aclose()


@pytest.mark.parametrize("milliseconds", [0, 2, 5, 10, 20, 40, 60, 80, 110, 150, 200, 300])
async def test_whenever_it_is_told_to_stop_it_leaves_nothing_open(
    configuration: Configuration, milliseconds: int
) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().call_later(milliseconds / 1000, stopping.set)
    async with asyncio.timeout(30):
        await serve(
            configuration,
            notices=Noticeboard(now),
            clock=now,
            stopping=stopping,
            ready=lambda _: None,
        )
    assert len(asyncio.all_tasks()) == 1
    store = await Store.open(configuration.gateway.data_dir, clock=now)
    await store.aclose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_the_configuration_is_read_ends_it_clean(
    tmp_path: Path, number: signal.Signals
) -> None:
    config = tmp_path / "gateway.toml"
    os.mkfifo(config)  # nobody finishes reading it before it is closed
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "run", "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    async with asyncio.timeout(30):
        with await asyncio.to_thread(config.open, "wb"):
            process.send_signal(number)
        assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
