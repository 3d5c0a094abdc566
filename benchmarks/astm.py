"""ASTM receive: panels of 24 frames, every frame acknowledged, at 1, 50 and 500 links."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from benchmarks.processes import gateway, lean, resident
from benchmarks.table import Row

LINKS = (1, 50, 500)
# senaite.astm beside a lean receiver in one run, 50 links (see docs/performance.md): it is not
# published where the benchmarks could install it.
SENAITE_OF_LEAN = 1384 / 3205


def measure(seconds: float) -> list[Row]:
    rows: list[Row] = []
    for links in LINKS:
        with lean() as port:
            bare, *_ = load(port, links, seconds)
        with lean("sync") as port:
            synced, *_ = load(port, links, seconds)
        with gateway() as (port, _):
            ours, median, slow = load(port, links, seconds)
        rows += [
            Row(f"{links} links: lean receiver, nothing stored", f"{bare:,.0f} msg/s"),
            Row(f"{links} links: lean receiver, a sync a message", f"{synced:,.0f} msg/s"),
            Row(
                f"{links} links: gateway, every frame durable, filed",
                f"{ours:,.0f} msg/s",
                f"{ours / synced:.2f} of lean + sync",
                "0.8" if links == 50 else "",
            ),
            Row(
                f"{links} links: gateway, wait for a frame's ACK", f"{median:,.0f} / {slow:,.0f} us"
            ),
        ]
        if links == 50:
            senaite = bare * SENAITE_OF_LEAN
            ratio = f"{ours / senaite:.2f} of senaite.astm raw (scaled)"
            rows.append(Row("50 links: beside senaite.astm", "", ratio, "1.5"))
    rows.append(_idle_link())
    return rows


def load(port: int, links: int, seconds: float, *extra: str) -> tuple[float, float, float]:
    """Messages a second, p50 and p99 of a frame's wait in us."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(links), str(seconds), *extra]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds * 5 + 60)
    rate, median, slow = (float(word) for word in done.stdout.split())
    return rate, median, slow


def _idle_link(count: int = 500) -> Row:
    async def hold(port: int, pid: int) -> int:
        before = resident(pid)
        writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(count)]
        await asyncio.sleep(1.0)
        grown = resident(pid) - before
        for writer in writers:
            writer.transport.abort()
        return grown

    with gateway() as (port, pid):
        grown = asyncio.run(hold(port, pid))
    return Row("memory of an idle link", f"{grown / count:.1f} KiB")
