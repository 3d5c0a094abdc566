"""The orders line of a gateway process, from outside: python-hl7's client, sockets written by hand,
five hundred connections, half messages, a kill in the middle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import hl7
from clinic import GatewayProcess, gateway, until
from hl7.client import MLLPClient
from test_orders_travel import END, configuration, message, order

CONNECTIONS = 500
MEGABYTE = 1024 * 1024


def one(number: int) -> bytes:
    return order(f"A{number}", f"P{number}", f"L{number}", f"{number}")


def memory(process: GatewayProcess) -> float:
    """The most the process ever held, in MiB."""
    assert process.process is not None
    status = Path(f"/proc/{process.process.pid}/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


class Line:
    """One connection; ``answers`` are whole acknowledgments by control id."""

    def __init__(self, answers: dict[int, bytes]) -> None:
        self.answers = answers
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, port: int, number: int) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self._streams
        writer.write(b"\x0b" + one(number) + END)
        answer = await asyncio.wait_for(reader.readuntil(END), 60)
        assert f"MSA|AA|{number}\r".encode() in answer
        self.answers[number] = answer
        return answer

    async def aclose(self) -> None:
        if self._streams is not None:
            await hung_up(self._streams[1])
            self._streams = None


async def hung_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_five_hundred_connections_and_a_kill(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    orders, device, nobody = free_port(), free_port(), free_port()
    config = configuration(tmp_path, nobody, device, orders)
    answers: dict[int, bytes] = {}
    lines = [Line(answers) for _ in range(CONNECTIONS)]

    async def stream(place: int) -> None:
        for turn in range(1_000):
            await lines[place].send(orders, turn * CONNECTIONS + place)

    async with gateway(config) as process:
        work = [asyncio.ensure_future(stream(place)) for place in range(CONNECTIONS)]
        await until(lambda: len(answers) > 2 * CONNECTIONS, within=120, what="orders of everybody")
        used = memory(process)
        process.kill()
        await process.ended()
        await asyncio.gather(*work, return_exceptions=True)
        await asyncio.gather(*(line.aclose() for line in lines))
        await process.start()
        known = dict(answers)
        again = Line({})
        for number, answer in known.items():
            assert await again.send(orders, number) == answer
        await again.aclose()
    assert used < 400
    assert len(known) > 2 * CONNECTIONS


async def test_half_messages_and_noise_do_not_fill_the_memory(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    orders, device, nobody = free_port(), free_port(), free_port()
    config = configuration(tmp_path, nobody, device, orders)
    async with gateway(config) as process:
        writers = []
        for number in range(150):
            _, writer = await asyncio.open_connection("127.0.0.1", orders)
            writers.append(writer)
            noise = b"\x00\xff" * (MEGABYTE // 2)
            writer.write(b"\x0bMSH|^~\\&|" + b"x" * MEGABYTE if number % 4 else noise)
        await asyncio.gather(*(w.drain() for w in writers), return_exceptions=True)
        line = Line({})
        await line.send(orders, 1)
        used = memory(process)
        await line.aclose()
        await asyncio.gather(*map(hung_up, writers))
    assert used < 500


async def test_python_hl7_s_own_client(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """Its blocking client, in a thread; a message of five megabytes among others."""
    orders, device, nobody = free_port(), free_port(), free_port()

    def talk() -> list[str]:
        big = message(
            *one(3).decode().split("\r")[1:-1],
            "NTE|1||" + "x" * (5 * MEGABYTE),
            kind="ORM^O01",
            control="3",
        )
        with MLLPClient("127.0.0.1", orders) as client:
            sent = [one(1), one(2), one(1), big, b"MSH|^~\\&|nonsense\r"]
            return [client.send_message(body).decode() for body in sent]

    async with gateway(configuration(tmp_path, nobody, device, orders)):
        answers = await asyncio.to_thread(talk)
    codes = [str(hl7.parse(answer.strip("\x0b\x1c\r")).segment("MSA")[1]) for answer in answers]
    assert codes == ["AA", "AA", "AA", "AA", "AE"]
    assert answers[0] == answers[2]
