"""Orders and results through a whole gateway: merges and cancels that race results, a query, a
process killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from clinic import gateway, glucose, until, unused_port

from gateway.app import Running, running
from gateway.config import load
from gateway.notices import Noticeboard
from gateway.protocols.astm import Dialect
from simulators.analyzer import Analyzer
from simulators.ehr import Ehr
from simulators.pipe import open_pipe

END = b"\x1c\r"


def message(*segments: str, kind: str, control: str) -> bytes:
    header = rf"MSH|^~\&|EHR|C|GW|L|20260105100000||{kind}|{control}|P|2.5"
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode()


def order(patient: str, placer: str, label: str, control: str) -> bytes:
    return message(
        f"PID|1||{patient}^^^EHR^MR||DOE^JANE||19700101|F",
        f"ORC|NW|{placer}^EHR",
        f"OBR|1|{placer}^EHR|{label}|2345-7^Glucose^LN",
        kind="ORM^O01",
        control=control,
    )


class Feed:
    """The EHR's side of the orders line."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def send(self, body: bytes) -> str:
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert self.reader is not None
        self.writer.write(b"\x0b" + body + END)
        answer = await asyncio.wait_for(self.reader.readuntil(END), 30)
        return answer.split(b"MSA|")[1][:2].decode()

    async def aclose(self) -> None:
        if self.writer is not None:
            self.writer.close()
            await self.writer.wait_closed()


def configuration(folder: Path, ehr: int, device: int, orders: int) -> Path:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{device}"
codes = {{ "GLU" = "2345-7" }}

[orders]
listen = "127.0.0.1:{orders}"

[destinations.ehr]
type = "mllp"
address = "127.0.0.1:{ehr}"
""",
        encoding="utf-8",
    )
    return path


@asynccontextmanager
async def clinic(folder: Path, ehr: Ehr) -> AsyncIterator[tuple[Running, Feed, Analyzer]]:
    port = await ehr.listen("127.0.0.1", 0)

    def clock() -> datetime:
        return datetime.now(UTC)

    loaded = load(configuration(folder, port, unused_port(), unused_port()))
    try:
        async with running(loaded, notices=Noticeboard(clock), clock=clock) as parts:
            feed = Feed(parts.reception.port or 0)
            device = parts.lines.listening["bench"].port
            analyzer = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
            try:
                yield parts, feed, analyzer
            finally:
                await analyzer.aclose()
                await feed.aclose()
    finally:
        await ehr.aclose()


def fields(body: bytes) -> dict[str, list[str]]:
    return {line[:3]: line.split("|") for line in body.decode().split("\r") if line}


async def test_the_result_comes_back_under_the_placers_number(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        assert await feed.send(order("MRN1", "P1", "26S0042", "1")) == "AA"
        await analyzer.send(glucose("26S0042", "MRN1", "5.50"))
        await analyzer.send(glucose("26S0043", "MRN1", "5.70"))
        await until(lambda: ehr.inbox.messages, what="the result")
        got = fields(ehr.inbox.messages[0])
        assert got["ORC"][2] == got["OBR"][2] == "P1^EHR"
        assert got["OBR"][4] == "2345-7^Glucose^LN"
        assert got["PID"][3] == "MRN1^^^EHR^MR"
        held = await parts.desk.ask("held.list", {})
        while not held:
            held = await parts.desk.ask("held.list", {})
        assert [p["code"] for p in held[0]["problems"] if p["hold"]] == ["unknown-order"]
        shown = await parts.desk.ask("held.show", {"id": held[0]["id"]})
        assert [one["placer"] for one in shown["suggestions"]] == ["P1"]
        release = {"id": held[0]["id"], "order": "P1", "user": "tech", "reason": "label read"}
        await parts.desk.ask("held.release", release)
        await until(lambda: len(ehr.inbox.messages) == 2, what="the released result")
        assert fields(ehr.inbox.messages[1])["ORC"][2] == "P1^EHR"
        (entry, *_) = await parts.store.audit.list()
        assert (entry.actor, entry.action) == ("tech", "release")
        assert "P1" in entry.detail


async def test_an_order_that_comes_after_its_result_lets_it_go(tmp_path: Path) -> None:
    ehr = Ehr()
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        await analyzer.send(glucose("26S0042", "MRN1", "5.50"))
        async with asyncio.timeout(30):
            while await parts.store.holds.count() == 0:
                await asyncio.sleep(0.01)
        assert await feed.send(order("MRN1", "P1", "26S0042", "1")) == "AA"
        await until(lambda: ehr.inbox.messages, what="the result")
        assert fields(ehr.inbox.messages[0])["ORC"][2] == "P1^EHR"
        assert await parts.store.holds.count() == 0


def merge(prior: str, survivor: str, control: str) -> bytes:
    return message(
        f"PID|1||{survivor}^^^EHR^MR||DOE^JANE",
        f"MRG|{prior}^^^EHR^MR",
        kind="ADT^A40",
        control=control,
    )


def cancel(number: int) -> bytes:
    return message(
        f"PID|1||A{number}^^^EHR^MR",
        f"ORC|CA|P{number}^EHR",
        kind="ORM^O01",
        control=f"c{number}",
    )


def changes(number: int) -> list[tuple[str, bytes]]:
    """What the EHR says of one patient, and which number is dead from then on: a cancel, a merge,
    a chain of two, a merge said three times (the same message again, and in another)."""
    a, b, c = (f"{letter}{number}" for letter in "ABC")
    first = merge(a, b, f"m{number}")
    match number % 4:
        case 0:
            return [("", cancel(number))]
        case 1:
            return [(a, first)]
        case 2:
            return [(a, first), (b, merge(b, c, f"n{number}"))]
        case _:
            return [(a, first), (a, first), (a, merge(a, b, f"n{number}"))]


async def settled(parts: Running, transmissions: int) -> None:
    """So many transmissions are filed, and nothing waits to be sent."""
    query = "SELECT COUNT(*) FROM transmissions"
    async with asyncio.timeout(120):
        while await parts.store.engine.browse(lambda c: c.execute(query).get) < transmissions:
            await asyncio.sleep(0.05)
        while await parts.store.outbox.queues():
            await asyncio.sleep(0.05)


async def test_merges_and_cancels_racing_results(tmp_path: Path) -> None:
    """500 patients' merges and cancels: after one is acknowledged nothing leaves for the dead
    number, whether the result was there before or comes later; judged at the EHR alone, where a
    result's value tells whose it is."""
    rng = random.Random(5)
    ehr = Ehr(delay=0.002)
    dead_at: dict[str, int] = {}
    count = 500
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        for number in range(count):
            sent = await feed.send(order(f"A{number}", f"P{number}", f"L{number}", f"o{number}"))
            assert sent == "AA"

        async def results() -> None:
            for number in range(count):
                await analyzer.send(glucose(f"L{number}", f"A{number}", f"{number}.5"))

        async def say(number: int) -> None:
            for dead, body in changes(number):
                assert await feed.send(body) == "AA"
                if dead:
                    dead_at.setdefault(dead, len(ehr.inbox.messages))

        async def everything() -> None:
            for number in rng.sample(range(count), count):
                await say(number)

        await asyncio.gather(results(), everything())
        await settled(parts, count)
        first = len(ehr.inbox.messages)
        held = await parts.store.holds.count()
        for number in range(0, count, 5):  # corrections that still name the old patient
            await analyzer.send(glucose(f"L{number}", f"A{number}", f"{number}.7"))
        await settled(parts, count + count // 5)
        books = (await parts.desk.ask("status", {}))["books"]["devices"]["bench"]
        assert books["balanced"]

    values: dict[int, set[str]] = {}
    for place, body in enumerate(ehr.inbox.messages):
        got = fields(body)
        number, _, part = got["OBX"][5].partition(".")
        patient = got["PID"][3].split("^")[0]
        assert patient[1:] == number, "a result under somebody else"
        assert got["ORC"][2] == f"P{number}^EHR"
        # one message may have been on its way when the merge was acknowledged
        assert place <= dead_at.get(patient, place), f"{patient} was dead"
        assert place < first or patient not in dead_at
        values.setdefault(int(number), set()).add(part)
    delivered = {number for number, parts_seen in values.items() if "5" in parts_seen}
    assert len(delivered) + held == count
    corrected = {number for number, parts_seen in values.items() if "7" in parts_seen}
    # what was delivered before its order was cancelled is corrected, what was held is not
    assert corrected == {n for n in range(0, count, 5) if n in delivered}


async def test_a_person_releasing_races_the_merge(tmp_path: Path) -> None:
    """Results under mistyped labels, released to the right order while its patient is merged."""
    ehr = Ehr()
    dead_at: dict[str, int] = {}
    count = 60
    async with clinic(tmp_path, ehr) as (parts, feed, analyzer):
        for number in range(count):
            body = order(f"A{number}", f"P{number}", f"L{number}", f"o{number}")
            assert await feed.send(body) == "AA"
            await analyzer.send(glucose(f"X{number}", f"A{number}", f"{number}.5"))
        async with asyncio.timeout(30):
            while await parts.store.holds.count() < count:
                await asyncio.sleep(0.01)
        held = await parts.desk.ask("held.list", {})

        async def release(number: int) -> None:
            said = {"order": f"P{number}", "user": "ada", "reason": "label read"}
            await parts.desk.ask("held.release", {"id": held[number]["id"], **said})

        async def change(number: int) -> None:
            assert await feed.send(merge(f"A{number}", f"B{number}", f"m{number}")) == "AA"
            dead_at[f"A{number}"] = len(ehr.inbox.messages)

        async def releases() -> None:
            for number in range(count):
                await release(number)

        async def merges() -> None:
            for number in range(count):
                await change(number)

        await asyncio.gather(releases(), merges())
        await settled(parts, count)
        statuses = await parts.store.engine.read(
            lambda c: c.execute("SELECT DISTINCT status FROM orders").fetchall()
        )
    assert statuses == [("done",)]
    assert len({fields(body)["OBX"][5] for body in ehr.inbox.messages}) == count
    for place, body in enumerate(ehr.inbox.messages):
        got = fields(body)
        patient = got["PID"][3].split("^")[0]
        assert patient[1:] == got["OBX"][5].split(".")[0]
        assert place <= dead_at.get(patient, place), f"{patient} was dead"


async def test_nothing_acknowledged_is_lost_when_the_gateway_is_killed(
    tmp_path: Path, free_port: object
) -> None:
    assert callable(free_port)
    orders, device = free_port(), free_port()
    ehr = Ehr()
    port = await ehr.listen("127.0.0.1", 0)
    config = configuration(tmp_path, port, device, orders)
    acknowledged: list[int] = []
    try:
        async with gateway(config) as process:
            feed = Feed(orders)

            async def sending() -> None:
                for number in range(10_000):
                    body = order(f"A{number}", f"P{number}", f"L{number}", f"{number}")
                    assert await feed.send(body) == "AA"
                    acknowledged.append(number)

            work = asyncio.ensure_future(sending())
            await until(lambda: len(acknowledged) > 100, what="some orders")
            process.kill()
            await process.ended()
            await asyncio.gather(work, return_exceptions=True)
            await process.start()
            again = Feed(orders)
            last = acknowledged[-1]
            body = order(f"A{last}", f"P{last}", f"L{last}", f"{last}")
            assert await again.send(body) == "AA"
            await again.aclose()
            pipe = Analyzer(Dialect(), lambda: open_pipe(f"tcp:127.0.0.1:{device}"))
            for number in (acknowledged[0], last):
                await pipe.send(glucose(f"L{number}", f"A{number}", "5.5"))
            await pipe.aclose()
            await until(lambda: len(ehr.inbox.messages) == 2, what="the results")
        placers = [fields(body)["ORC"][2] for body in ehr.inbox.messages]
        assert placers == [f"P{acknowledged[0]}^EHR", f"P{last}^EHR"]
    finally:
        if feed.writer is not None:
            feed.writer.transport.abort()
        await ehr.aclose()


async def test_order_placed_analyzer_asks_result_comes_back(
    tmp_path: Path, free_port: object
) -> None:
    """The simulators by their commands: an EHR with a scenario, an analyzer that asks."""
    assert callable(free_port)
    results, orders, device = free_port(), free_port(), free_port()
    scenario = tmp_path / "orders.toml"
    scenario.write_text(
        """
[[step]]
patient = { id = "MRN1", name = "DOE^JANE", birth = "19700101", sex = "F" }
[[step]]
order = { placer = "P1", patient = "MRN1", specimen = "26S0042", tests = ["2345-7"] }
[[step]]
order = { placer = "P2", patient = "MRN1", specimen = "26S0043", tests = ["2345-7"] }
[[step]]
cancel = { placer = "P2", patient = "MRN1" }
[[step]]
merge = { prior = "MRN1", survivor = "MRN2" }
""",
        encoding="utf-8",
    )
    async with gateway(configuration(tmp_path, results, device, orders)):
        ehr = await simulator(
            *("ehr", "--mllp", f"127.0.0.1:{results}", "--record", str(tmp_path / "got")),
            *("--orders", str(scenario), "--orders-to", f"127.0.0.1:{orders}"),
        )
        assert ehr.stdout is not None
        assert b"listening" in await asyncio.wait_for(ehr.stdout.readline(), 30)
        assert await asyncio.wait_for(ehr.stdout.readline(), 30) == b"5 messages accepted\n"
        analyzer = await simulator(
            *("analyzer", "--profile", "generic-astm", "--scenario", "query"),
            *("--to", f"tcp:127.0.0.1:{device}", "--sent", str(tmp_path / "sent")),
        )
        assert await asyncio.wait_for(analyzer.wait(), 60) == 0
        (sent,) = map(json.loads, (tmp_path / "sent").read_text(encoding="utf-8").splitlines())
        assert (sent["specimen"], sent["patient"], sent["code"]) == ("26S0042", "MRN2", "GLU")
        folder = tmp_path / "got"
        await until(lambda: folder.is_dir() and any(folder.iterdir()), what="the result")
        ehr.terminate()
        await ehr.wait()
    (body,) = (path.read_bytes() for path in folder.iterdir())
    got = fields(body)
    assert got["ORC"][2] == "P1^EHR"
    assert got["PID"][3] == "MRN2^^^EHR^MR"
    assert got["SPM"][2] == "26S0042^26S0042"


async def simulator(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
