"""``gateway run`` with a node and nothing else, looked at from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from imaging_site import UNIT

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
DEADLINE = 60.0
CONFIGURATION = f"""
[gateway]
site = "clinic"
timezone = "UTC"
data_dir = "data"

[devices.us-room-2]
profile = "ultrasound"
ae_title = "{UNIT}"
address = "127.0.0.1/32"

[dicom]
listen = "127.0.0.1:{{port}}"
"""


@dataclass(frozen=True, slots=True)
class Running:
    """``process`` is its folder below /proc."""

    folder: Path
    port: int
    process: Path

    @property
    def peak(self) -> int:
        """Bytes of memory, at most so far."""
        return self._status("VmHWM")

    @property
    def resident(self) -> int:
        """Bytes of memory now."""
        return self._status("VmRSS")

    @property
    def descriptors(self) -> int:
        return len(list((self.process / "fd").iterdir()))

    @property
    def loaded(self) -> str:
        """Files mapped into it."""
        return (self.process / "maps").read_text()

    def stored(self) -> list[Path]:
        return sorted(self.folder.glob("data/archive/????-??-??/*.dcm"))

    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("data/archive/incoming/*"))

    def _status(self, name: str) -> int:
        text = (self.process / "status").read_text()
        return int(text.split(f"{name}:")[1].split()[0]) * 1024


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Running]:
    """Ready, and stopped clean at the end."""
    config = folder / "gateway.toml"
    config.write_text(CONFIGURATION.format(port=port))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "run", "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            assert await process.stdout.readline() == b"ready\n"
        yield Running(folder, port, Path("/proc", str(process.pid)))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(condition: Callable[[], bool], within: float = DEADLINE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)
