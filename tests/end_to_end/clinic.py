"""A gateway process and its surroundings for end-to-end tests."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

READY_SECONDS = 60.0


async def until(
    condition: Callable[[], Any], *, within: float = 30.0, what: str = "the condition"
) -> None:
    """Returns when ``condition()`` is true; fails after ``within`` seconds."""
    try:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"{what} did not come true within {within} s") from None


class GatewayProcess:
    """``gateway run`` as a process of its own."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.process: asyncio.subprocess.Process | None = None
        self.log = config.with_suffix(".log")

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway",
                "run",
                "-c",
                str(self.config),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await self.process.stdout.readline()
        except TimeoutError:
            line = b"(nothing)"
        if line != b"ready\n":
            raise AssertionError(f"the gateway said {line!r}: {self.log.read_text()[-3000:]}")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    async def ended(self) -> int:
        assert self.process is not None
        return await self.process.wait()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit status of a clean stop."""
        if self.process is None or self.process.returncode is not None:
            return 0 if self.process is None else int(self.process.returncode or 0)
        self.process.send_signal(number)
        try:
            async with asyncio.timeout(20):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError("the gateway did not stop") from None


@asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[GatewayProcess]:
    """A running gateway, stopped clean at the end."""
    process = GatewayProcess(config)
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


async def run_command(*arguments: str, stdin: bytes | None = None) -> tuple[int, str, str]:
    """``gateway ARGUMENTS``: exit status, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    out, err = await process.communicate(stdin)
    return int(process.returncode or 0), out.decode(), err.decode()


def unused_port() -> int:
    """A TCP port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def session(records: Iterable[str]) -> list[bytes]:
    """Records as bytes, for ``simulators.analyzer.Analyzer``."""
    return [f"{record}\r".encode("latin-1") for record in records]


def glucose(
    specimen: str,
    patient: str,
    value: str,
    at: str = "20260105101130",
    *,
    unit: str = "mg/dL",
) -> list[bytes]:
    """A message with one result, as any ASTM device might send it."""
    return session(
        (
            rf"H|\^&|||TEST^1||||||||LIS2-A2|{at}",
            f"P|1||{patient}||DOE^JANE",
            f"O|1|{specimen}||^^^GLU",
            f"R|1|^^^GLU|{value}|{unit}||N||F||||{at}",
            "L|1|N",
        )
    )
