"""A load of analyzers in a process of its own: each link sends panels, stop and wait.

``python -m benchmarks.load PORT LINKS SECONDS [whole]`` prints messages a second, and the median
and 99th percentile of the wait for one frame's ACK in microseconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

from gateway.protocols.astm import encode_frame

ENQ, ACK, EOT = b"\x05", b"\x06", b"\x04"


def panel(number: int) -> list[str]:
    """24 records: H P O, 20 results, L."""
    results = [
        f"R|{n}|^^^T{n:02d}|{number % 90 + n}.{n:02d}|mmol/L||N||F||||20260105101130"
        for n in range(1, 21)
    ]
    return [
        r"H|\^&|||BENCH^1||||||||LIS2-A2|20260105101200",
        "P|1||MRN0001||DOE^JANE",
        f"O|1|S{number:08d}||^^^PANEL|R",
        *results,
        "L|1|N",
    ]


def frames(number: int, whole: bool) -> list[bytes]:
    records = [f"{record}\r".encode() for record in panel(number)]
    texts = [b"".join(records)] if whole else records
    return [encode_frame(n, text) for n, text in enumerate(texts, 1)]


class Link(asyncio.Protocol):
    """One analyzer that never rests."""

    def __init__(self, number: int, whole: bool, waits: list[float]) -> None:
        self.done = 0
        self._serial = number * 1_000_000
        self._whole = whole
        self._waits = waits
        self._next: list[bytes] = []
        self._at = 0
        self._sent = 0.0
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._begin()

    def data_received(self, data: bytes) -> None:
        if data[-1:] != ACK:
            raise SystemExit(f"the receiver answered {data!r}")
        now = time.perf_counter()
        if self._at:
            self._waits.append(now - self._sent)
        if self._at < len(self._next):
            self._sent = now
            self._transport.write(self._next[self._at])
            self._at += 1
            return
        self.done += 1
        self._transport.write(EOT)
        if not self.stopping:
            self._begin()

    def _begin(self) -> None:
        self._serial += 1
        self._next = frames(self._serial, self._whole)
        self._at = 0
        self._transport.write(ENQ)


async def drive(port: int, count: int, seconds: float, whole: bool) -> tuple[float, float, float]:
    """Messages a second, p50 and p99 of a frame's wait in us."""
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    links = [Link(n, whole, waits) for n in range(count)]
    for link in links:
        await loop.create_connection(lambda link=link: link, "127.0.0.1", port)
    await asyncio.sleep(min(1.0, seconds / 3))
    before, start = sum(link.done for link in links), time.perf_counter()
    waits.clear()
    await asyncio.sleep(seconds)
    rate = (sum(link.done for link in links) - before) / (time.perf_counter() - start)
    ordered = sorted(waits) or [0.0]
    for link in links:
        link.stopping = True
    return rate, ordered[len(ordered) // 2] * 1e6, ordered[int(len(ordered) * 0.99)] * 1e6


def main() -> None:
    port, links, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    rate, median, slow = run(drive(port, links, seconds, "whole" in sys.argv))
    print(f"{rate:.1f} {median:.1f} {slow:.1f}")


if __name__ == "__main__":
    main()
