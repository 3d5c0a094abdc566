"""Fifty analyzers that ask at once: from the end of a query to the whole answer, and to its ENQ.

Each asks for a tube of its own, again and again, while the EHR goes on placing orders.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from benchmarks.processes import LOINC, free_port, gateway
from benchmarks.table import Row
from gateway.protocols.astm import encode_frame

_LINKS = 50
_ORDERS = '[orders]\nlisten = "127.0.0.1:{port}"\n'
_END = b"\x1c\r"


class Device(asyncio.Protocol):
    """One analyzer; ``asked`` is when its query had ended."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._steps: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._asking = False
        self._heard = b""
        self.asked = 0.0
        self.offered = 0.0
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> asyncio.Future[bytes]:
        records = (r"H|\^&|||BENCH", f"Q|1|^{self._label}||ALL", "L|1|N")
        texts = [f"{record}\r".encode() for record in records]
        self._steps = [*(encode_frame(n, text) for n, text in enumerate(texts, 1)), b"\x04"]
        self._asking, self._heard = True, b""
        self.done = asyncio.get_running_loop().create_future()
        self._write(b"\x05")
        return self.done

    def data_received(self, data: bytes) -> None:
        if self._asking:
            self._say()
        elif data == b"\x05":
            self.offered = time.perf_counter()
            self._write(b"\x06")
        elif data.endswith(b"\x04"):
            self.done.set_result(self._heard)
        else:
            self._heard += data
            if data.endswith(b"\n"):
                self._write(b"\x06")

    def _say(self) -> None:
        self._write(self._steps.pop(0))
        if not self._steps:
            self._asking, self.asked = False, time.perf_counter()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def _place(port: int, first: int, count: int) -> None:
    """Orders, one connection, one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(first, first + count):
        segments = (
            rf"MSH|^~\&|EHR|C|GW|L|2026||ORM^O01|{number}|P|2.5",
            f"PID|1||M{number}^^^EHR^MR||DOE^JANE",
            f"ORC|NW|P{number}^EHR",
            f"OBR|1|P{number}^EHR|S{number}|{LOINC}",
        )
        writer.write(b"\x0b" + "".join(f"{one}\r" for one in segments).encode() + _END)
        answer = await reader.readuntil(_END)
        if b"MSA|AA" not in answer:
            raise SystemExit("an order was refused")
    writer.close()
    await writer.wait_closed()


async def _rounds(seconds: float) -> tuple[list[float], list[float]]:
    orders = free_port()
    with gateway(_ORDERS.format(port=orders)) as site:
        await _place(orders, 0, _LINKS)
        loop = asyncio.get_running_loop()
        devices = []
        for number in range(_LINKS):
            label = f"S{number}"
            _, device = await loop.create_connection(
                lambda label=label: Device(label), "127.0.0.1", site.port
            )
            devices.append(device)
        going_on = asyncio.ensure_future(_place(orders, 1_000, 1_000_000))
        offers, answers = [], []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            heard = await asyncio.gather(*(device.ask() for device in devices))
            now = time.perf_counter()
            if not all(f"|S{n}|".encode() in text for n, text in enumerate(heard)):
                raise SystemExit("an analyzer was told of somebody else's tube")
            offers += [device.offered - device.asked for device in devices]
            answers += [now - device.asked for device in devices]
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
    return sorted(offers), sorted(answers)


def measure(seconds: float) -> list[Row]:
    offers, answers = asyncio.run(_rounds(seconds))
    middle, last = len(offers) // 2, -1
    first = f"p50 {offers[middle] * 1e3:.0f}, longest {offers[last] * 1e3:.0f} ms"
    whole = f"p50 {answers[middle] * 1e3:.0f}, longest {answers[last] * 1e3:.0f} ms"
    return [
        Row("50 analyzers ask at once: query to the offer", first, "", "- / 2,000"),
        Row("the same, until all 50 have the whole answer", whole, "", "- / 2,000"),
    ]
