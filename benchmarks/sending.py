"""MLLP out: one link, every message and every answer durable, beside python-hl7's sender."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.codecs import message
from benchmarks.ehr import ward
from benchmarks.processes import run
from benchmarks.table import Row
from gateway.delivery.base import Patience
from gateway.delivery.courier import Courier
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.notices import Noticeboard
from gateway.store import OutboxMessage, Store


def measure(seconds: float) -> list[Row]:
    text = message()
    rates = []
    for _ in range(2):
        with ward() as ehr:
            peer = _python_hl7(ehr.port, text, seconds / 2)
        with ward() as ehr:
            ours = run(_courier(ehr.port, text, int(peer * seconds / 2) or 1))
        rates.append((ours, peer))
    ours, peer = max(rates, key=lambda pair: pair[0] / pair[1])
    return [
        Row("MLLP out: python-hl7, nothing stored", f"{peer:,.0f} msg/s"),
        Row(
            "MLLP out: courier with its outbox, one link",
            f"{ours:,.0f} msg/s",
            f"{ours / peer:.2f} of python-hl7",
            "1",
        ),
    ]


def _python_hl7(port: int, text: bytes, seconds: float) -> float:
    from hl7.client import MLLPClient

    count, start = 0, time.perf_counter()
    with MLLPClient("127.0.0.1", port) as client:
        while time.perf_counter() < start + seconds:
            client.send_message(_numbered(text, count))
            count += 1
    return count / (time.perf_counter() - start)


async def _courier(port: int, text: bytes, count: int) -> float:
    """``count`` messages of as many specimens, from a full outbox to an empty one."""

    def now() -> datetime:
        return datetime.now(UTC)

    notices = Noticeboard(now)
    with tempfile.TemporaryDirectory(prefix="gateway-bench-", dir=Path.cwd()) as folder:
        store = await Store.open(Path(folder), clock=now)
        for start in range(0, count, 500):
            await store.outbox.enqueue(
                [
                    OutboxMessage("ehr", f"S{n}", f"C{n:08d}", "hl7", _numbered(text, n))
                    for n in range(start, min(start + 500, count))
                ]
            )
        courier = Courier(
            "ehr",
            store.outbox,
            MllpSender(MllpOptions("127.0.0.1", port)),
            clock=now,
            random=random.random,
            notices=notices,
            patience=Patience(),
        )
        started = time.perf_counter()
        task = asyncio.create_task(courier.run())
        while await store.outbox.queues():
            await asyncio.sleep(0.02)
        rate = count / (time.perf_counter() - started)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.aclose()
    return rate


def _numbered(text: bytes, number: int) -> bytes:
    """The message with a control id of its own."""
    fields = text.split(b"|", 10)
    return b"|".join((*fields[:9], b"C%08d" % number, fields[10]))
