"""The whole way: from an analyzer's last frame to the EHR's ACK, and how many a second."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from typing import cast

from benchmarks.astm import load
from benchmarks.load import frames
from benchmarks.processes import free_port, gateway
from benchmarks.table import Row

EHR = """
[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{port}"
"""


class Ehr(asyncio.Protocol):
    """Answers AA as fast as it can; remembers when each specimen was acknowledged."""

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
            specimen = re.search(rb"\rSPM\|1\|\^(S\d+)", message)
            self._times[specimen[1] if specimen else control] = time.perf_counter()


class Analyzer(asyncio.Protocol):
    """Sends one panel; ``last`` is when its last frame was written."""

    def __init__(self, number: int) -> None:
        self._frames = [*frames(number, whole=False), b"\x04"]
        self.last = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"\x05")

    def data_received(self, data: bytes) -> None:
        frame = self._frames.pop(0)
        if len(self._frames) == 1:
            self.last = time.perf_counter()
        self._transport.write(frame)
        if not self._frames:
            self.done.set_result(None)


async def _latency(seconds: float) -> tuple[float, float]:
    """p50 and p99 in ms, one panel at a time."""
    loop = asyncio.get_running_loop()
    times: dict[bytes, float] = {}
    server = await loop.create_server(lambda: Ehr(times), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    waits: list[float] = []
    with gateway(EHR.format(port=port)) as (device, _):
        end, number = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            number += 1
            transport, analyzer = await loop.create_connection(
                lambda n=number: Analyzer(n), "127.0.0.1", device
            )
            await analyzer.done
            specimen = b"S%08d" % number
            while specimen not in times:
                await asyncio.sleep(0.0005)
            transport.abort()
            waits.append(times[specimen] - analyzer.last)
    server.close()
    ordered = sorted(waits[len(waits) // 10 :])
    return ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3


def _throughput(seconds: float) -> tuple[float, float]:
    """Messages a second in and out, 50 links."""
    port = free_port()
    script = (
        "import asyncio, sys\nfrom benchmarks.journey import serve\n"
        "asyncio.run(serve(int(sys.argv[1])))"
    )
    ehr = subprocess.Popen(
        [sys.executable, "-c", script, str(port)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert ehr.stdout is not None
    ehr.stdout.readline()
    try:
        with gateway(EHR.format(port=port)) as (device, _):
            taken, *_ = load(device, 50, seconds)
    finally:
        out, _ = ehr.communicate(b"\n")
    return taken, json.loads(out)["rate"]


async def serve(port: int) -> None:
    """An EHR until a line arrives on stdin; prints its rate while busy."""
    times: dict[bytes, float] = {}
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Ehr(times), "127.0.0.1", port)
    print("listening", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    moments = sorted(times.values())
    rate = len(moments) / (moments[-1] - moments[0]) if len(moments) > 1 else 0.0
    print(json.dumps({"rate": rate}))


def measure(seconds: float) -> list[Row]:
    median, slow = asyncio.run(_latency(seconds))
    taken, delivered = _throughput(seconds)
    return [
        Row(
            "last frame to EHR's ACK, one panel",
            f"p50 {median:.1f}, p99 {slow:.1f} ms",
            "",
            "5 / 20",
        ),
        Row("50 busy links: taken in", f"{taken:,.0f} msg/s"),
        Row("50 busy links: delivered meanwhile", f"{delivered:,.0f} msg/s"),
    ]
