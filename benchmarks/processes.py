"""Servers under measurement: each a process of its own, told apart by the port it prints."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gateway.store.connection import DATABASE, open_reader

T = TypeVar("T")
CONFIGURATION = """
[gateway]
site = "bench"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{port}"
codes = {{ {codes} }}
{destinations}
"""
LOINC = "14749-6"


@contextmanager
def yardstick(module: str, *arguments: str) -> Iterator[int]:
    """A receiver of this folder; its port."""
    command = [sys.executable, "-W", "ignore", "-m", f"benchmarks.{module}", *arguments]
    with _process(command) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


def lean(*arguments: str) -> AbstractContextManager[int]:
    """The least of all receivers; its port."""
    return yardstick("lean", *arguments)


class Site(NamedTuple):
    """A running gateway: where its analyzers dial, its process, its data."""

    port: int
    pid: int
    data: Path

    def filed(self) -> int:
        """Reports on disk."""
        connection = open_reader(self.data / DATABASE)
        try:
            return int(connection.execute("SELECT COUNT(*) FROM reports").get)
        finally:
            connection.close()


@contextmanager
def gateway(destinations: str = "") -> Iterator[Site]:
    """``gateway run`` with one device."""
    port = free_port()
    codes = ", ".join(f'"T{n:02d}" = "{LOINC}"' for n in range(1, 21))
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=Path.cwd()) as folder:
        config = Path(folder) / "gateway.toml"
        text = CONFIGURATION.format(port=port, codes=codes, destinations=destinations)
        config.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "gateway", "run", "-c", str(config)]
        with _process(command) as process:
            assert process.stdout is not None
            if process.stdout.readline() != b"ready\n":
                raise SystemExit("the gateway did not start")
            yield Site(port, process.pid, Path(folder) / "data")


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def run(work: Coroutine[Any, Any, T]) -> T:
    """On uvloop where it is installed, as ``gateway run`` does."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident(pid: int) -> int:
    """KiB of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])
