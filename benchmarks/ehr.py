"""An EHR that answers AA as fast as it can: ``python -m benchmarks.ehr``, a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from benchmarks.processes import run

_SPECIMEN = re.compile(rb"\rSPM\|1\|\^(S\d+)")


class Ehr(asyncio.Protocol):
    """Remembers when each specimen (else each control id) was acknowledged."""

    def __init__(self, times: dict[bytes, float]) -> None:
        self._times = times
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\x1c\r")) >= 0:
            message, self._pending = self._pending[1:end], self._pending[end + 2 :]
            control = message.split(b"|", 10)[9]
            ack = b"\x0bMSH|^~\\&|E|E|G|G|20260105||ACK|1|P|2.5.1\rMSA|AA|" + control + b"\r\x1c\r"
            self._transport.write(ack)
            specimen = _SPECIMEN.search(message)
            self._times[specimen[1] if specimen else control] = time.perf_counter()


class Ward:
    """The process as seen from outside; ``rate`` is known once the block has ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.rate = 0.0


@contextmanager
def ward() -> Iterator[Ward]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ehr"], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    found = Ward(int(process.stdout.readline()))
    try:
        yield found
    finally:
        out, _ = process.communicate(b"\n")
        found.rate = json.loads(out)["rate"]


async def serve() -> None:
    """Until a line arrives on stdin; then prints its rate while busy."""
    times: dict[bytes, float] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Ehr(times), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    moments = sorted(times.values())
    rate = len(moments) / (moments[-1] - moments[0]) if len(moments) > 1 else 0.0
    print(json.dumps({"rate": rate}))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run(serve())
