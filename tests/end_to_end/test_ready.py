"""``ready`` means that every listener is open; one whose port is taken stops no other."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


async def acknowledged(port: int) -> bool:
    """Whether a device that asks there may send."""
    async with asyncio.timeout(60):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.write(b"\x05")
            answer = await reader.read(1)
            writer.close()
            await writer.wait_closed()
            return answer == b"\x06"


async def test_a_taken_port_delays_ready_and_nothing_else(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken, free = other.getsockname()[1], free_port()
        config = tmp_path / "gateway.toml"
        config.write_text(
            '[gateway]\nsite = "a"\ntimezone = "UTC"\ndata_dir = "data"\n'
            f'[devices.x]\nprofile = "vitros"\nstream = "tcp-listen:127.0.0.1:{taken}"\n'
            f'[devices.y]\nprofile = "vitros"\nstream = "tcp-listen:127.0.0.1:{free}"\n',
            encoding="utf-8",
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "run", "-c", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        assert process.stderr is not None
        said = asyncio.create_task(process.stdout.readline())
        async with asyncio.timeout(60):
            while b"another program has this port" not in await process.stderr.readline():
                pass
        assert await acknowledged(free)
        assert not said.done()
    assert await asyncio.wait_for(said, 90) == b"ready\n"
    assert await acknowledged(taken)
    process.terminate()
    await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
