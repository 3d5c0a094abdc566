"""A running gateway holds neither decoders nor images."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from imaging_site import UNIT
from peers import associated
from samples import data_set

ROOT = Path(__file__).parents[3]
MIB = 1024 * 1024
CINE = 24 * MIB
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


@asynccontextmanager
async def running(folder: Path, port: int) -> AsyncIterator[Path]:
    """``gateway run`` with a node and nothing else; its folder below /proc."""
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
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        yield Path("/proc", str(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def peak(process: Path) -> int:
    return int((process / "status").read_text().split("VmHWM:")[1].split()[0]) * 1024


async def test_four_cine_loops_at_once_cost_some_blocks_and_no_decoder_is_there(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()

    async def send(number: int) -> None:
        async with associated(port) as peer:
            uid = f"1.2.{number}"
            assert await peer.store(uid, data_set(uid, pixels=bytes(CINE))) == 0
            await peer.release()

    async with running(tmp_path, port) as process:
        loaded = (process / "maps").read_text()
        assert "numpy" not in loaded
        assert "PIL" not in loaded
        assert "pydantic_core" in loaded
        idle = peak(process)
        await asyncio.gather(*(send(number) for number in range(4)))
        assert peak(process) - idle < 24 * MIB
