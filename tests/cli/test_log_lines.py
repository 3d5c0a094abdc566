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
