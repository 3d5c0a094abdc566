"""The whole way: from an analyzer's last frame to the EHR's ACK, and how many a second."""

from __future__ import annotations

import asyncio
import random
import time
from typing import cast

from benchmarks.astm import load
from benchmarks.ehr import Ehr, ward
from benchmarks.load import frames
from benchmarks.processes import gateway
from benchmarks.table import Row

EHR = """
[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{port}"
"""
_PATIENCE = 30.0


class Analyzer(asyncio.Protocol):
    """Sends panels one at a time; ``last`` is when the last frame was written."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.last = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def send(self, number: int) -> asyncio.Future[None]:
        self._frames = [*frames(number, whole=False), b"\x04"]
        self.done = asyncio.get_running_loop().create_future()
        self._transport.write(b"\x05")
        return self.done

    def data_received(self, data: bytes) -> None:
        frame = self._frames.pop(0)
        if len(self._frames) == 1:
            self.last = time.perf_counter()
        self._transport.write(frame)
        if not self._frames:
            self.done.set_result(None)


async def _one(port: int, times: dict[bytes, float], until: float, first: int) -> list[float]:
    """One analyzer, a panel after the other once the EHR has the last one; seconds of each."""
    loop = asyncio.get_running_loop()
    transport, analyzer = await loop.create_connection(Analyzer, "127.0.0.1", port)
    waits: list[float] = []
    number = first
    while time.perf_counter() < until:
        number += 1
        await analyzer.send(number)
        waits.append(await _acknowledged(times, b"S%08d" % number) - analyzer.last)
        await asyncio.sleep(random.uniform(0.0, 1.0) if first else 0)
    transport.abort()
    return waits


async def _acknowledged(times: dict[bytes, float], specimen: bytes) -> float:
    async with asyncio.timeout(_PATIENCE):
        while specimen not in times:
            await asyncio.sleep(0.0005)
    return times[specimen]


async def _latency(seconds: float, links: int) -> tuple[float, float]:
    """p50 and p99 in ms; many links pause half a second between panels."""
    times: dict[bytes, float] = {}
    server = await asyncio.get_running_loop().create_server(lambda: Ehr(times), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with gateway(EHR.format(port=port)) as site:
        until = time.perf_counter() + seconds
        firsts = [0] if links == 1 else [n * 100_000 for n in range(1, links + 1)]
        found = await asyncio.gather(*(_one(site.port, times, until, n) for n in firsts))
    server.close()
    ordered = sorted(wait for waits in found for wait in waits[max(1, len(waits) // 10) :])
    return ordered[len(ordered) // 2] * 1e3, ordered[int(len(ordered) * 0.99)] * 1e3


def measure(seconds: float) -> list[Row]:
    alone, slow = asyncio.run(_latency(seconds, 1))
    among, slowest = asyncio.run(_latency(seconds, 50))
    with ward() as ehr, gateway(EHR.format(port=ehr.port)) as site:
        taken, *_ = load(site.port, 50, seconds)
    return [
        Row(
            "last frame to the EHR's ACK, one link",
            f"p50 {alone:.1f}, p99 {slow:.1f} ms",
            "",
            "5 / 20",
        ),
        Row(
            "the same, 50 links, 80 to 100 panels a second",
            f"p50 {among:.1f}, p99 {slowest:.1f} ms",
            "",
            "20 / -",
        ),
        Row("50 links that never rest: taken in", f"{taken:,.0f} msg/s"),
        Row("50 links that never rest: delivered meanwhile", f"{ehr.rate:,.0f} msg/s"),
    ]
