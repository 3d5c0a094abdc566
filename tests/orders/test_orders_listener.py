"""The EHR's line: python-hl7's client and sockets written by hand, good, slow, broken and many."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import hl7
import hl7.mllp
from ehr_side import Ehr, ehr, message, ordered, pid

from gateway.orders import book
from gateway.orders.acknowledging import Answer
from gateway.orders.dropbox import Dropbox, split
from gateway.orders.listener import Budget, EhrLink

END = b"\x1c\r"


@asynccontextmanager
async def listening(side: Ehr, budget: Budget | None = None) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    shared = budget or Budget()
    server = await loop.create_server(
        lambda: EhrLink(side.inbox.receive, "test", shared, side.notices, loop), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def test_python_hl7_s_client(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:
        reader, writer = await hl7.mllp.open_hl7_connection("127.0.0.1", port)
        for number in range(20):
            body = message(
                *ordered("1", f"P{number}", f"L{number}"), kind="ORM^O01", control=f"{number}"
            )
            writer.writemessage(hl7.parse(body.decode()))
            await writer.drain()
            answer = await asyncio.wait_for(reader.readmessage(), 10)
            assert str(answer.segment("MSA")[1]) == "AA"
            assert str(answer.segment("MSA")[2]) == f"{number}"
        await closed(writer)


async def test_line_feeds_no_start_and_many_at_once(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        one = message(pid("1"), kind="ADT^A04", control="1").replace(b"\r", b"\n")
        two = message(pid("2"), kind="ADT^A04", control="2").replace(b"\r", b"\r\n")
        three = message(pid("3"), kind="ADT^A04", control="3")
        writer.write(b"\x0b" + one + END + two + END + b"\r\n\x0b" + three + b"\x1c")
        got = b""
        while got.count(END) < 3:
            got += await asyncio.wait_for(reader.read(4096), 10)
        assert [part.split(b"MSA|")[1][:4] for part in got.split(END)[:3]] == [
            b"AA|1",
            b"AA|2",
            b"AA|3",
        ]
        await closed(writer)


async def test_any_slicing_gives_the_same_answers(tmp_path: Path) -> None:
    rng = random.Random(7)
    async with ehr(tmp_path) as side, listening(side) as port:
        for turn in range(10):
            body = message(pid(f"{turn}"), kind="ADT^A04", control=f"{turn}")
            data = b"\x0b" + body + END
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            while data:
                cut = rng.randint(1, len(data))
                writer.write(data[:cut])
                await writer.drain()
                data = data[cut:]
            answer = await asyncio.wait_for(reader.readuntil(END), 10)
            assert f"MSA|AA|{turn}".encode() in answer
            await closed(writer)


async def test_five_megabytes(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:
        note = "NTE|1||" + "x" * (5 * 1024 * 1024)
        body = message(*ordered("1", "P1", "L1"), note, kind="ORM^O01", control="1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x0b" + body + END)
        answer = await asyncio.wait_for(reader.readuntil(END), 20)
        assert b"MSA|AA|1" in answer
        await closed(writer)


async def test_garbage_and_half_messages_leave_the_line_usable(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x0bMSH|^~\\&|half")  # given up, and begun again
        writer.write(b"\x0bnothing like HL7" + END)
        assert b"MSA|AR" in await asyncio.wait_for(reader.readuntil(END), 10)
        writer.write(b"\x0b" + message(pid("1"), kind="ADT^A04", control="1") + END)
        assert b"MSA|AA|1" in await asyncio.wait_for(reader.readuntil(END), 10)
        await closed(writer)


async def test_unfinished_messages_have_a_common_budget(tmp_path: Path) -> None:
    budget = Budget(1024 * 1024)
    async with ehr(tmp_path) as side, listening(side, budget) as port:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
        for _, writer in pairs:
            writer.write(b"\x0bMSH|^~\\&|" + b"x" * 300_000)
            await writer.drain()
        gone = [asyncio.ensure_future(reader.read()) for reader, _ in pairs]
        await asyncio.wait(gone, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert any(future.done() for future in gone)
        assert budget.used <= budget.limit
        for future in gone:
            future.cancel()
        await asyncio.gather(*gone, return_exceptions=True)
        for _, writer in pairs:
            writer.transport.abort()


async def test_five_hundred_connections(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:

        async def one(number: int) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            body = message(
                *ordered(f"{number}", f"P{number}", f"L{number}"),
                kind="ORM^O01",
                control=f"{number}",
            )
            writer.write(b"\x0b" + body + END)
            answer = await asyncio.wait_for(reader.readuntil(END), 60)
            await closed(writer)
            return answer

        answers = await asyncio.gather(*(one(number) for number in range(500)))
        assert all(f"MSA|AA|{number}\r".encode() in a for number, a in enumerate(answers))
        count = "SELECT COUNT(*) FROM orders"
        assert await side.store.engine.read(lambda c: c.execute(count).get) == 500


async def test_files_are_taken_once_and_only_when_they_are_finished(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    async with ehr(tmp_path / "store") as side:
        dropbox = Dropbox(folder, side.inbox.receive, side.notices)
        first = message(*ordered("1", "P1", "L1"), kind="ORM^O01", control="1")
        second = message(*ordered("1", "P2", "L2"), kind="ORM^O01", control="2")
        (folder / "orders.hl7").write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + first)
        (folder / "later.part").write_bytes(second)
        assert await dropbox.look() == 0
        (folder / "orders.hl7").write_bytes(b"FHS|^~\\&\rBHS|^~\\&\r" + first + second + b"BTS|2\r")
        assert await dropbox.look() == 0
        assert await dropbox.look() == 1
        (folder / "orders.hl7").write_bytes(first)  # dropped again
        (folder / "bad.hl7").write_bytes(b"nonsense")
        await dropbox.look()
        assert await dropbox.look() == 2
        assert {path.name for path in (folder / "taken").glob("*.hl7")} == {
            "orders.hl7",
            "orders-2.hl7",
        }
        assert {path.name for path in (folder / "refused").glob("*.hl7")} == {"bad.hl7"}
        assert b"MSA|AR" in (folder / "refused" / "bad.hl7.ack").read_bytes()
        assert len(await side.store.engine.read(lambda c: book.labelled(c, "L2"))) == 1
        assert [path.name for path in folder.iterdir() if path.is_file()] == ["later.part"]


def test_a_batch_is_cut_into_messages() -> None:
    one, two = (message(pid(n), kind="ADT^A04", control=n) for n in "12")
    assert split(b"FHS|^~\\&\r\n" + one.replace(b"\r", b"\n") + two + b"FTS\r") != ()
    assert split(one + two) == (one, two)
    assert split((one + two).replace(b"\r", b"\n")) == (one, two)


class Pipe(asyncio.Transport):
    """Takes everything."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@dataclass(slots=True)
class Alarm:
    """What ``call_later`` gives."""

    stopped: bool = False

    def cancel(self) -> None:
        self.stopped = True


@dataclass(slots=True)
class Alarms:
    """A loop whose timers only ring when they are looked at."""

    loop: asyncio.AbstractEventLoop
    set: list[Alarm] = field(default_factory=list)

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.loop.create_task(work)

    def call_later(self, *_: object) -> Alarm:
        self.set.append(Alarm())
        return self.set[-1]


async def test_each_message_has_its_own_time_to_end(tmp_path: Path) -> None:
    """An EHR that sends without a pause has always begun the next; it was cut off after minutes."""
    one, two = (message(pid("1"), kind="ADT^A04", control=number) for number in "12")
    async with ehr(tmp_path) as side:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()
        alarms = Alarms(loop)

        async def receive(body: bytes, source: str) -> Answer:
            answered.set()
            return await side.inbox.receive(body, source)

        ours = cast("asyncio.AbstractEventLoop", alarms)
        link = EhrLink(receive, "test", Budget(), side.notices, ours)
        link.connection_made(Pipe())
        link.data_received(b"\x0b" + one[:20])
        link.data_received(one[20:] + END + b"\x0b" + two[:20])
        await answered.wait()
        first, second = alarms.set
        assert (first.stopped, second.stopped) == (True, False)
        link.connection_lost(None)
        assert second.stopped
        while link._work is not None:  # it is filed all the same
            await asyncio.sleep(0)


async def test_an_ehr_that_half_closes_behind_its_messages_is_answered(tmp_path: Path) -> None:
    async with ehr(tmp_path) as side, listening(side) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(3):
            body = message(*ordered("1", f"P{number}", f"L{number}"), kind="ORM^O01", control="7")
            writer.write(b"\x0b" + body.replace(b"|7|", b"|%d|" % number) + END)
        writer.write_eof()
        answers = await asyncio.wait_for(reader.read(), 10)
        assert [answers.count(b"MSA|AA|%d\r" % number) for number in range(3)] == [1, 1, 1]
        await closed(writer)
