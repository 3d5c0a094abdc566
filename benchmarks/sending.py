"""MLLP out, one link: every message and every answer durable, beside senders that store nothing.

python-hl7 is measured in both of its uses.  Its blocking client takes bytes and returns whatever
the next read brings, unread.  Its asyncio streams, as its documentation shows them, write a
``Message`` and parse the answer; that one can tell whether its message was accepted, which is what
a sender of results must know.  The bound is the least a sender on an event loop can do: write,
compare MSA-2, write the next.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import cast

from benchmarks.codecs import message
from benchmarks.ehr import ward
from benchmarks.processes import run
from benchmarks.table import Row
from gateway.delivery.base import Patience
from gateway.delivery.courier import Courier
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.notices import Noticeboard
from gateway.store import OutboxMessage, Store

_ROUNDS = 3
_ACCEPTED = b"\rMSA|AA|"


def measure(seconds: float) -> list[Row]:
    """Round after round, so that a busy moment does not hit one of them alone."""
    text, share = message(), seconds / 4
    client, streams, lean, ours = [], [], [], []
    for _ in range(_ROUNDS):
        client.append(_with_ehr(lambda port: _python_hl7(port, text, share)))
        streams.append(_with_ehr(lambda port: _looped(_python_hl7_streams(port, text, share))))
        lean.append(_with_ehr(lambda port: run(_lean(port, text, share))))
        count = int(median(client) * share) or 1
        ours.append(_with_ehr(lambda port, n=count: run(_courier(port, text, n))))
    rate = median(ours)
    return [
        Row("MLLP out: lean event loop (bound)", f"{median(lean):,.0f} msg/s"),
        Row("MLLP out: python-hl7, bytes, answer unread", f"{median(client):,.0f} msg/s"),
        Row("MLLP out: python-hl7, Message, answer parsed", f"{median(streams):,.0f} msg/s"),
        Row(
            "MLLP out: courier with its outbox, one link",
            f"{rate:,.0f} msg/s",
            f"{rate / median(client):.2f} / {rate / median(streams):.2f} of those",
            "1",
        ),
    ]


def _with_ehr(measured: Callable[[int], float]) -> float:
    with ward() as ehr:
        return measured(ehr.port)


def _looped(work: Coroutine[None, None, float]) -> float:
    """On asyncio's own loop, where python-hl7's streams are at home."""
    return asyncio.run(work)


def _python_hl7(port: int, text: bytes, seconds: float) -> float:
    from hl7.client import MLLPClient

    count, start = 0, time.perf_counter()
    with MLLPClient("127.0.0.1", port) as client:
        while time.perf_counter() < start + seconds:
            client.send_message(_numbered(text, count))
            count += 1
    return count / (time.perf_counter() - start)


async def _python_hl7_streams(port: int, text: bytes, seconds: float) -> float:
    import hl7
    from hl7.mllp import open_hl7_connection

    sent = hl7.parse(text.decode())
    reader, writer = await open_hl7_connection("127.0.0.1", port)
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        control_id = f"C{count:08d}"
        sent["MSH"][0][10] = control_id
        writer.writemessage(sent)
        await writer.drain()
        answer = await reader.readmessage()
        if (answer["MSA.F1.R1"], answer["MSA.F2.R1"]) != ("AA", control_id):
            raise SystemExit("the EHR answered something else")
        count += 1
    writer.close()
    return count / (time.perf_counter() - start)


class _Lean(asyncio.Protocol):
    """Writes, compares, writes the next."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._write()

    def data_received(self, data: bytes) -> None:
        if _ACCEPTED + b"C%08d\r" % self.sent not in data:
            raise SystemExit(f"the EHR answered {data!r}")
        self.sent += 1
        self._write()

    def _write(self) -> None:
        self._transport.write(b"\x0b" + _numbered(self._text, self.sent) + b"\x1c\r")


async def _lean(port: int, text: bytes, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    transport, sender = await loop.create_connection(lambda: _Lean(text), "127.0.0.1", port)
    await asyncio.sleep(seconds)
    transport.abort()
    return sender.sent / seconds


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
        while courier.state.delivered < count:
            await asyncio.sleep(0.005)
        rate = count / (time.perf_counter() - started)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.aclose()
    return rate


def _numbered(text: bytes, number: int) -> bytes:
    """The message with a control id of its own."""
    fields = text.split(b"|", 10)
    return b"|".join((*fields[:9], b"C%08d" % number, fields[10]))
