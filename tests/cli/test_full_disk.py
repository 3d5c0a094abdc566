"""Commands on a full disk: one line, status 1."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.store.lock import DirectoryLock

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", [["profiles"], ["profiles", "--json"], ["--help"]])
def test_what_cannot_be_printed_is_one_line(command: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *command],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"gateway: No space left on device\n")


def test_a_lock_is_taken_though_its_owner_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    DirectoryLock(tmp_path).release()
