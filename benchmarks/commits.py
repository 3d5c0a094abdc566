"""Durable commits: the store's journal beside the disk's own pace."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.processes import run
from benchmarks.table import Row
from gateway.errors import StoreError
from gateway.store import Store

SIZE = 150


def measure(seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=Path.cwd()) as folder:
        bound = _raw(Path(folder) / "raw", seconds / 2)
        one, median = run(_journal(Path(folder) / "one", 1, seconds / 2))
        many, waited = run(_journal(Path(folder) / "many", 50, seconds / 2))
    return [
        Row("append and fdatasync, raw (bound)", f"{bound:,.0f}/s"),
        Row(
            "journal, 1 link", f"{one:,.0f}/s, p50 {median:,.0f} us", f"{one / bound:.2f} of bound"
        ),
        Row(
            "journal, 50 links",
            f"{many:,.0f}/s, p50 {waited:,.0f} us",
            f"{many / bound:.1f} x bound",
        ),
    ]


def _raw(path: Path, seconds: float) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    count, end = 0, time.perf_counter() + seconds
    start = time.perf_counter()
    while time.perf_counter() < end:
        os.write(descriptor, b"\0" * SIZE)
        os.fdatasync(descriptor)
        count += 1
    os.close(descriptor)
    return count / (time.perf_counter() - start)


async def _journal(folder: Path, links: int, seconds: float) -> tuple[float, float]:
    folder.mkdir()
    store = await Store.open(folder, clock=lambda: datetime.now(UTC))
    waits: list[float] = []
    running = True
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = links

    def link() -> None:
        nonlocal left
        number = store.open_transmission("bench", "astm", "bench")
        sent = 0.0

        def done(error: StoreError | None) -> None:
            nonlocal left, sent
            if error is not None:
                raise error
            now = time.perf_counter()
            waits.append(now - sent)
            if running:
                sent = now
                store.append(number, b"\0" * SIZE, done)
                return
            left -= 1
            if not left:
                finished.set_result(None)

        sent = time.perf_counter()
        store.append(number, b"\0" * SIZE, done)

    start = time.perf_counter()
    for _ in range(links):
        link()
    await asyncio.sleep(seconds)
    running = False
    elapsed = time.perf_counter() - start
    count = len(waits)
    await finished
    await store.aclose()
    return count / elapsed, sorted(waits)[len(waits) // 2] * 1e6
