"""The process is killed at random moments under load: what was acknowledged is delivered.

Each result goes out exactly once, or again with the same MSH-10 and the same bytes; none is lost
and none changed.  ``GATEWAY_KILLS`` sets how often (a short run by default).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from clinic import GatewayProcess, glucose, until

from gateway.protocols.astm import Dialect, Timers
from simulators.analyzer import Analyzer
from simulators.ehr import Ehr
from simulators.pipe import open_pipe

KILLS = int(os.environ.get("GATEWAY_KILLS", "6"))
LINKS = 4
SEED = int(os.environ.get("GATEWAY_KILL_SEED", "20260105"))


def configuration(folder: Path, ports: list[int], ehr: int) -> Path:
    devices = "".join(
        f"""
[devices.device-{n}]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{port}"
codes = {{ "GLU" = "2345-7" }}
"""
        for n, port in enumerate(ports)
    )
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "kill"
timezone = "UTC"
data_dir = "data"
{devices}
[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
""",
        encoding="utf-8",
    )
    return path


def fields(message: bytes, segment: bytes) -> list[bytes]:
    return next(s for s in message.split(b"\r") if s.startswith(segment + b"|")).split(b"|")


def specimen_of(message: bytes) -> str:
    """SPM-2: placer and filler number of the specimen; ours is the filler's."""
    return fields(message, b"SPM")[2].split(b"^")[1].decode()


async def feed(
    number: int, port: int, acknowledged: dict[str, str], stopping: asyncio.Event
) -> None:
    """One analyzer that sends results for ever; every acknowledged one is written down."""
    dialect = Dialect(timers=Timers().scaled(0.02))
    device = Analyzer(dialect, lambda: open_pipe(f"tcp:127.0.0.1:{port}"), retry=0.05)
    count = 0
    try:
        while not stopping.is_set():
            count += 1
            specimen, value = f"S{number}-{count}", f"{count}.{number}0"
            await device.send(glucose(specimen, f"MRN{number}", value))
            acknowledged[specimen] = value
    finally:
        await device.aclose()


@pytest.mark.timeout(max(180, KILLS * 20))
async def test_kill_at_random_moments(tmp_path: Path, free_port: Callable[[], int]) -> None:
    rng = random.Random(SEED)
    ehr = Ehr()
    ehr_port = await ehr.listen("127.0.0.1", 0)
    ports = [free_port() for _ in range(LINKS)]
    process = GatewayProcess(configuration(tmp_path, ports, ehr_port))
    acknowledged: dict[str, str] = {}
    stopping = asyncio.Event()
    await process.start()
    feeds = [
        asyncio.create_task(feed(n, port, acknowledged, stopping)) for n, port in enumerate(ports)
    ]
    try:
        for _ in range(KILLS):
            before = len(acknowledged)
            await until(lambda b=before: len(acknowledged) > b, what="a result")
            await asyncio.sleep(rng.uniform(0.0, 0.4))
            process.kill()
            await process.ended()
            await process.start()
        before = len(acknowledged)
        await until(lambda: len(acknowledged) > before + LINKS, what="traffic after the last kill")
        stopping.set()
        await asyncio.gather(*feeds)

        def delivered() -> set[str]:
            return {specimen_of(message) for message in ehr.inbox.messages}

        await until(lambda: acknowledged.keys() <= delivered(), what="delivery of everything")
        assert await process.stop() == 0
    finally:
        stopping.set()
        for task in feeds:
            task.cancel()
        await asyncio.gather(*feeds, return_exceptions=True)
        await process.stop()
        await ehr.aclose()

    check(ehr.inbox.messages, acknowledged)


def check(messages: list[bytes], acknowledged: dict[str, str]) -> None:
    by_specimen: dict[str, set[bytes]] = {}
    by_control: dict[bytes, set[bytes]] = {}
    for message in messages:
        specimen = specimen_of(message)
        by_specimen.setdefault(specimen, set()).add(fields(message, b"MSH")[9])
        by_control.setdefault(fields(message, b"MSH")[9], set()).add(message)
        number, count = specimen.removeprefix("S").split("-")
        assert fields(message, b"OBX")[5].decode() == f"{count}.{number}0", "a value changed"
    assert acknowledged.keys() <= by_specimen.keys(), "an acknowledged result is lost"
    assert all(len(ids) == 1 for ids in by_specimen.values()), "one result under two control ids"
    assert all(len(b) == 1 for b in by_control.values()), "a repeat with other bytes"
