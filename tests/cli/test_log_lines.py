"""What the log says of a notice: numbers as numbers, and nothing but known keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from datetime import UTC, datetime
from gateway import logs
from gateway.notices import ClockDrifted, DeviceSilent, Posted

logs.configure()
for notice in ClockDrifted("one", 3600.5, True), DeviceSilent("one", 12.0):
    logs.note(Posted(datetime(2026, 1, 5, tzinfo=UTC), notice))
logs.get().info("odd", patient="MRN0001")
"""


def test_numbers_are_told_and_what_nobody_knows_is_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    drifted, silent, odd = map(json.loads, done.stderr.splitlines())
    assert (drifted["event"], drifted["ahead"], drifted["right"]) == ("clock.drifted", 3600.5, True)
    assert (silent["event"], silent["hours"]) == ("device.silent", 12.0)
    assert odd["patient"] == "str"


LIBRARY = """
import asyncio, logging
from gateway import logs

logs.configure()

class Fails(asyncio.Protocol):
    def data_received(self, data):
        raise ValueError("DOE^JANE")

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Fails, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x")
    await reader.read()
    server.close()

asyncio.run(main())
logging.getLogger("some.library").warning("patient %s", "DOE^JANE")
"""


def told(program: str) -> list[dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
    )
    assert "JANE" not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_of_what_libraries_say_kind_and_place_are_told() -> None:
    failed, warned = told(LIBRARY)
    assert failed["task"] == "asyncio"
    assert str(failed["failure"]).startswith("ValueError at ")
    assert (warned["event"], warned["task"]) == ("library", "some.library")


OFTEN = """
from datetime import UTC, datetime, timedelta
from gateway import logs
from gateway.notices import Delivered, FrameRefused, Posted

logs.configure()
at = datetime(2026, 1, 5, tzinfo=UTC)
for number in range(5000):
    logs.note(Posted(at, FrameRefused("one", "format")))
logs.note(Posted(at, FrameRefused("other", "format")))
for number in range(200):
    logs.note(Posted(at, Delivered("ehr", number, "r", "AA", 0.1)))
logs.note(Posted(at + timedelta(minutes=1), FrameRefused("one", "format")))
"""


def test_a_fault_that_repeats_itself_is_counted() -> None:
    lines = told(OFTEN)
    events = [line["event"] for line in lines]
    assert events == ["frame.refused"] * 101 + ["delivered"] * 200 + [
        "log.left-out",
        "frame.refused",
    ]
    assert (lines[-2]["device"], lines[-2]["count"]) == ("one", 4900)
