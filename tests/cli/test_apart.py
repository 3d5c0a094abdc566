"""Work in a copy of the process: its outcome, its mistakes, and a copy that dies.

Each in a process of its own: pytest's has threads, and is not to be copied.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
from gateway.cli.apart import Apart
from gateway.errors import ConfigurationError

here = os.getpid()

def gives():
    return os.getpid() == here, {"a": (1, 2)}

def complains():
    raise ConfigurationError(["first", "second"])

def dies():
    if os.getpid() != here:
        os.kill(os.getpid(), signal.SIGKILL)
    return "done here"

def breaks():
    if os.getpid() != here:
        raise RuntimeError("our bug")
    return "done here"

apart = Apart(globals()[sys.argv[1]])
print("meanwhile", end=" ")
try:
    print(apart.outcome())
except ConfigurationError as error:
    print(error.mistakes)
"""


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("gives", "(False, {'a': (1, 2)})"),
        ("complains", "('first', 'second')"),
        ("dies", "done here"),
        ("breaks", "done here"),
    ],
)
def test_the_outcome(work: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, work],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"meanwhile {said}\n", "")
