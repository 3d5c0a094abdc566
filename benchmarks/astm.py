"""ASTM receive: panels of 24 frames, every frame acknowledged, at 1, 50 and 500 links."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.processes import Site, gateway, lean, resident, yardstick
from benchmarks.python_astm import installed
from benchmarks.table import Row

LINKS = (1, 50, 500)
ROUNDS = 3
# senaite.astm beside a lean receiver on asyncio and beside python-astm's server in one run, 50
# links: it is not published where the benchmarks could install it.
SENAITE_OF_LEAN = 1384 / 3205
SENAITE_OF_PYTHON_ASTM = 1384 / 1496


@dataclass(frozen=True, slots=True)
class Round:
    """Messages a second, one receiver after the other; the gateway's also filed."""

    bare: float
    plain: float
    older: float
    synced: float
    taken: float
    filed: float
    wait: float
    slow: float
    rest: float


def measure(seconds: float) -> list[Row]:
    rows = [row for links in LINKS for row in _links(links, seconds)]
    return [*rows, _idle_link()]


def _links(links: int, seconds: float) -> list[Row]:
    rounds = [_round(links, seconds / 2) for _ in range(ROUNDS)]
    ours = median(each.taken for each in rounds)
    of_synced = median(each.taken / each.synced for each in rounds)
    rows = [
        Row(f"{links} links: lean receiver, nothing stored", _rate(e.bare for e in rounds)),
        Row(f"{links} links: lean receiver, a sync a message", _rate(e.synced for e in rounds)),
        Row(
            f"{links} links: gateway, every frame durable",
            f"{ours:,.0f} msg/s",
            f"{of_synced:.2f} of lean + sync",
            "0.8" if links == 50 else "",
        ),
        Row(f"{links} links: gateway, read and filed meanwhile", _rate(e.filed for e in rounds)),
        Row(
            f"{links} links: gateway, the rest filed after",
            f"{median(each.rest for each in rounds):.1f} s",
        ),
        Row(
            f"{links} links: gateway, wait for an ACK, p50 / p99",
            f"{median(e.wait for e in rounds):,.0f} / {median(e.slow for e in rounds):,.0f} us",
        ),
    ]
    return [*rows, *_beside_senaite(rounds)] if links == 50 else rows


def _beside_senaite(rounds: list[Round]) -> list[Row]:
    """Two estimates: the two yardsticks do not age alike."""
    by_lean = median(each.taken / (each.plain * SENAITE_OF_LEAN) for each in rounds)
    rows = [_scaled("a lean receiver on asyncio", by_lean)]
    if installed():
        rows.insert(0, Row("50 links: python-astm's server, nothing stored", _older(rounds)))
        by_older = median(each.taken / (each.older * SENAITE_OF_PYTHON_ASTM) for each in rounds)
        rows.append(_scaled("python-astm's server", by_older))
    return rows


def _scaled(yardstick: str, ratio: float) -> Row:
    what = f"50 links: senaite.astm raw, by {yardstick}"
    return Row(what, "", f"{ratio:.2f} of it (scaled)", "1.5")


def _older(rounds: list[Round]) -> str:
    return _rate(each.older for each in rounds)


def _rate(figures: Iterable[float]) -> str:
    return f"{median(figures):,.0f} msg/s"


def _round(links: int, seconds: float) -> Round:
    with lean() as port:
        bare, *_ = load(port, links, seconds)
    plain = older = 0.0
    if links == 50:
        with lean("asyncio") as port:
            plain, *_ = load(port, links, seconds)
    if links == 50 and installed():
        with yardstick("python_astm") as port:
            older, *_ = load(port, links, seconds)
    with lean("sync") as port:
        synced, *_ = load(port, links, seconds)
    with gateway() as site:
        started = time.perf_counter()
        taken, wait, slow = load(site.port, links, seconds)
        filed = site.filed() / (time.perf_counter() - started)
        rest = _settled(site)
    return Round(bare, plain, older, synced, taken, filed, wait, slow, rest)


def _settled(site: Site) -> float:
    """Seconds until no more reports are filed."""
    started = changed = time.perf_counter()
    count = site.filed()
    while time.perf_counter() - changed < 1.0:
        time.sleep(0.05)
        if (now := site.filed()) != count:
            count, changed = now, time.perf_counter()
    return changed - started


def load(port: int, links: int, seconds: float, *extra: str) -> tuple[float, float, float]:
    """Messages a second, p50 and p99 of a frame's wait in us."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), str(links), str(seconds), *extra]
    done = subprocess.run(command, capture_output=True, check=True, timeout=seconds * 5 + 60)
    rate, typical, slow = (float(word) for word in done.stdout.split())
    return rate, typical, slow


def _idle_link(count: int = 500) -> Row:
    async def hold(port: int, pid: int) -> int:
        before = resident(pid)
        writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(count)]
        await asyncio.sleep(1.0)
        grown = resident(pid) - before
        for writer in writers:
            writer.transport.abort()
        return grown

    with gateway() as site:
        grown = asyncio.run(hold(site.port, site.pid))
    return Row("memory of an idle link", f"{grown / count:.1f} KiB")
