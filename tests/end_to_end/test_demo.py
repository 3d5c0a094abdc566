"""The demonstration, as a newcomer runs it: results, an order that comes back, nothing left."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from clinic import until

ROOT = Path(__file__).parents[2]


def descendants(pid: int) -> set[int]:
    """Processes that ``pid`` started, directly or not."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.timeout(120)
async def test_results_of_three_analyzers_arrive_and_ctrl_c_ends_it() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        "demo",
        "--seed",
        "7",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    lines: list[str] = []

    async def read(stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            lines.append(line.decode())

    reading = asyncio.create_task(read(process.stdout))
    try:

        def seen(pattern: str) -> bool:
            return any(re.search(pattern, line) for line in lines)

        for device in ("haematology", "chemistry", "hba1c-desk"):
            await until(
                lambda d=device: seen(rf"{d}\s+patient: \d+ results? on disk"),
                within=60,
                what=device,
            )
        await until(lambda: seen(r"ehr\s+AA after"), within=60, what="the EHR's answer")
        await until(
            lambda: seen(r"ehr\s+order P\d+: \d tests? of tube"), within=60, what="an order"
        )
        await until(
            lambda: seen(r"immunology\s+asked what to do, was told: 26W\d+"),
            within=60,
            what="a work list",
        )
        await until(
            lambda: seen(r"ehr\s+result of order P\d+ is here"),
            within=60,
            what="the result under the placer's number",
        )
        await until(
            lambda: seen(r"us-room-1\s+study of \d+ images, matched"),
            within=60,
            what="a study of an order",
        )
        await until(
            lambda: seen(r"ehr\s+result of order U\d+ is here"),
            within=60,
            what="the study under the placer's number",
        )
        await until(lambda: seen(r"mqtt\s+result"), within=60, what="a result on MQTT")
        left = descendants(process.pid)
        started = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        async with asyncio.timeout(10):
            status = await process.wait()
        assert status == 0, (await process.stderr.read()).decode()
        assert time.monotonic() - started < 3
        assert not [pid for pid in left if Path(f"/proc/{pid}").exists()]
        assert (await process.stderr.read()).decode() == ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading
