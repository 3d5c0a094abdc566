"""A dead TCP link is noticed, and told apart from a quiet device, over a real cable of sorts."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest
from transport_probes import peer_program

LAB = Path(__file__).with_name("dead_link_lab.py")
ROOTS = (["unshare", "-r", "-n"], ["sudo", "-n", "unshare", "-n"])


class Lab:
    """The running laboratory; remembers everything it told."""

    def __init__(self, root: list[str]) -> None:
        self._process = subprocess.Popen(
            [*root, sys.executable, str(LAB)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        self.told: list[dict[str, object]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def order(self, command: str) -> None:
        assert self._process.stdin is not None
        self.told.clear()
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def wait_for(self, condition: Callable[[list[dict[str, object]]], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition(self.told):
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"waited in vain; told: {self.told}") from None
            self.told.append(json.loads(line))

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(10) == 0
        finally:
            self._process.kill()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()


def may_have_namespaces(root: list[str]) -> bool:
    try:
        return subprocess.run([*root, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def lab() -> Iterator[Lab]:
    peer_program("ip")
    root = next((root for root in ROOTS if may_have_namespaces(root)), None)
    if root is None:
        pytest.skip("this machine lets nobody make a network namespace (a locked container)")
    laboratory = Lab(root)
    yield laboratory
    laboratory.end()


def both(event: str) -> Callable[[list[dict[str, object]]], bool]:
    """Holds when the dialled and the accepted connection have told of ``event``."""

    def holds(told: list[dict[str, object]]) -> bool:
        return {one["role"] for one in told if one["event"] == event} == {"dial", "listen"}

    return holds


@pytest.mark.peer
@pytest.mark.parametrize("accident", ["cut", "mute"])
def test_a_quiet_device_stays_and_a_dead_one_is_noticed(lab: Lab, accident: str) -> None:
    """Quiet: two keep-alive probes are answered.  Dead: the cable is out, or nobody answers."""
    lab.wait_for(both("up"))
    lab.wait_for(both("probed"))
    assert not any(one["event"] == "lost" for one in lab.told)
    began = time.monotonic()
    lab.order(accident)
    lab.wait_for(both("lost"))
    assert 1.0 < time.monotonic() - began < 8.0
    assert all(one["dead"] for one in lab.told if one["event"] == "lost")
    lab.wait_for(lambda told: any(
        one["event"] == "retrying" and "no longer answers" in str(one["text"]) for one in told
    ))  # fmt: skip
    lab.wait_for(lambda told: any(
        one["event"] == "waiting" and "no longer answers" in str(one["text"]) for one in told
    ))  # fmt: skip
    lab.order("mend")
    lab.wait_for(lambda told: any(
        one["event"] == "up" and one["role"] == "dial" for one in told
    ))  # fmt: skip
