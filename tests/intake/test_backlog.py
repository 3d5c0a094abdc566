"""What waits to be read: by whom it is read changes neither what is filed nor the order."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

from gateway.errors import StoreError
from gateway.intake import Arrival, Attribution, EhrRoute, Intake, Known, MqttRoute, Router, Sender
from gateway.intake.backlog import Backlog
from gateway.intake.drafting import Draft, Drafter, Setup, setup_of
from gateway.intake.drafting_process import DraftingProcess
from gateway.intake.interpreter import Interpreter
from gateway.intake.planning import Meaning
from gateway.messages import DESTINATION_PROFILES, PatientData
from gateway.notices import Noticeboard
from gateway.orders.operators import Certification, Operator, by_id
from gateway.profiles import catalogue
from gateway.store import Store

NOW = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
TEXT = (
    b"H|\\^&|||H-500^1||||||||LIS2-A2|20260105101200\r"
    b"P|1||MRN1||DOE^JANE\rO|1|%s||^^^GLU\rR|1|^^^%s|%s|mg/dL||N||F||||20260105101130\rL|1|N\r"
)
DEVICES = {"bench": Known("bench", catalogue()["generic-astm"], ZoneInfo("UTC"), {"GLU": "2345-7"})}
DIES = """
import sys
asked, answers = sys.stdin.buffer, sys.stdout.buffer
asked.read(int.from_bytes(asked.read(4), "big"))
answers.write(bytes.fromhex("00000004 80044e2e"))  # a pickled None
answers.flush()
asked.read(4)
"""


def router(key: bytes = b"k" * 32) -> Router:
    routes = (
        EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"]),
        MqttRoute("events", PatientData.NONE),
    )
    return Router(routes, Sender("GATEWAY", "clinic-a"), key, lambda: NOW)


def setup() -> Setup:
    found = setup_of(DEVICES, router())
    assert found is not None
    return found


def arrival(number: int, specimen: bytes, value: bytes = b"5.50", test: bytes = b"GLU") -> Arrival:
    text = TEXT % (specimen, test, value)
    return Arrival(number, ("bench",), "astm", text, True, "peer", NOW)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not condition():
            await asyncio.sleep(0.01)


class Desk:
    """A backlog whose filings are remembered."""

    def __init__(self, program: str | None = None, cost: float | None = None) -> None:
        self.time, self.cost = 0.0, cost or 0.0
        clock = perf_counter if cost is None else lambda: self.time
        self.here: list[int] = []
        self.filed: list[tuple[int, type]] = []
        self.threads: list[bool] = []
        self._interpreter = Interpreter(Attribution(DEVICES), lambda: NOW)
        self.backlog = Backlog(self._interpret, self._file, lambda: NOW, setup(), clock)
        assert self.backlog.process is not None
        self.process = self.backlog.process
        if program is not None:
            self.process = self.backlog.process = DraftingProcess(
                setup(), self.backlog.go_on, program=program
            )

    def _interpret(self, one: Arrival) -> Meaning:
        self.here.append(one.transmission)
        self.time += self.cost
        self.threads.append(threading.current_thread() is threading.main_thread())
        return self._interpreter.attempt(one)

    async def _file(self, one: Arrival, read: Draft | Meaning) -> None:
        await asyncio.sleep(0)
        self.filed.append((one.transmission, type(read)))

    async def started(self) -> None:
        self.process.start()
        await until(lambda: self.process.ready)

    async def finished(self) -> None:
        await until(lambda: not self.backlog.tasks())


@asynccontextmanager
async def desk(program: str | None = None, cost: float | None = None) -> AsyncIterator[Desk]:
    """``cost``: the seconds that reading one takes, on a clock that stands still otherwise."""
    made = Desk(program, cost)
    try:
        yield made
    finally:
        await made.backlog.close()


async def test_another_process_makes_the_same_drafts() -> None:
    asked = [arrival(1, b"S1"), arrival(2, b"S2", test=b"XYZ"), arrival(3, b"", b"?")]
    strange = Arrival(4, ("bench",), "astm", b"H|\\^&\rL|1\r", True, "peer", NOW)
    mine = Drafter(setup()).drafts([*asked, strange], NOW)
    assert [draft is not None for draft in mine] == [True, True, True, False]
    async with desk() as one:
        await one.started()
        told: list[Draft | None] = []
        one.process.ask([*asked, strange], NOW, told.extend)
        await until(lambda: bool(told))
    assert told == mine


async def test_a_large_exported_file_is_read_beside_the_lines() -> None:
    async with desk() as one:
        for number, text in ((1, b"x" * 50_000), (2, b"x")):
            one.backlog.add(Arrival(number, ("bench",), "file", text, False, "peer", NOW))
        one.backlog.add(arrival(3, b"S3"))
        await one.finished()
    assert [number for number, _ in one.filed] == [1, 2, 3]
    assert one.threads == [False, True, True]


async def test_a_backlog_is_read_elsewhere_and_keeps_its_order() -> None:
    async with desk() as one:
        await one.started()
        for number in range(1, 201):
            one.backlog.add(arrival(number, b"S%d" % number))
        assert len(one.backlog) == 200
        await one.finished()
        assert [number for number, _ in one.filed] == list(range(1, 201))
        assert [kind for _, kind in one.filed[:64]] == [Draft] * 64
        assert len(one.backlog) == 0


async def test_a_burst_is_read_before_a_second_process_would_run() -> None:
    async with desk(cost=0.0) as one:
        for number in range(100):
            one.backlog.add(arrival(number, b"S%d" % number))
        await one.finished()
        assert one.here == list(range(100))
        assert not one.process.promising
        assert not one.process.ready


async def test_reading_that_fills_the_time_starts_one() -> None:
    async with desk(cost=0.1) as one:
        for number in range(100):
            one.backlog.add(arrival(number, b"S%d" % number))
        await until(lambda: one.process.ready)
        await one.finished()
        assert [number for number, _ in one.filed] == list(range(100))


async def test_in_a_flood_one_commit_follows_the_other() -> None:
    """While hundreds wait and more come, nothing joins a group that is being filed."""
    interpreter = Interpreter(Attribution(DEVICES), lambda: NOW)
    begun: list[int] = []
    under_way: set[int] = set()
    closing = False
    joined: list[int] = []

    async def file(one: Arrival, _: Draft | Meaning) -> None:
        nonlocal closing
        if closing and under_way:
            joined.append(one.transmission)
        closing = closing and bool(under_way)
        begun.append(one.transmission)
        under_way.add(one.transmission)
        for _round in range(one.transmission % 3 * 4 + 1):
            await asyncio.sleep(0)
        under_way.discard(one.transmission)
        closing = True

    backlog = Backlog(interpreter.attempt, file, lambda: NOW, None, lambda: 0.0)
    for number in range(600):
        backlog.add(arrival(number, b"S%d" % number))
    await until(lambda: not backlog.tasks())
    assert begun == list(range(600))
    assert [number for number in joined if number < 600 - 256 - 8] == []


async def test_a_flood_does_not_wait_for_what_was_filed_before_it() -> None:
    """However long filing had gone on without a rest."""
    interpreter = Interpreter(Attribution(DEVICES), lambda: NOW)
    moment = 0.0
    begun: list[int] = []
    may_end = asyncio.Semaphore(0)

    async def file(one: Arrival, _: Draft | Meaning) -> None:
        begun.append(one.transmission)
        await may_end.acquire()

    backlog = Backlog(interpreter.attempt, file, lambda: NOW, None, lambda: moment)
    for number in range(9):
        backlog.add(arrival(number, b"S%d" % number))
    await until(lambda: len(begun) == 8)
    moment = 100.0
    may_end.release()
    await until(lambda: len(begun) == 9)
    for _ in range(400):
        may_end.release()
    await until(lambda: not backlog.tasks())
    for number in range(9, 400):
        backlog.add(arrival(number, b"S%d" % number))
    await until(lambda: not backlog.tasks())
    assert begun == list(range(400))


async def test_a_single_transmission_is_read_here() -> None:
    async with desk() as one:
        await one.started()
        one.backlog.add(arrival(1, b"S1"))
        await one.finished()
        assert one.here == [1]


async def test_what_a_killed_process_had_is_read_here() -> None:
    async with desk() as one:
        await one.started()
        pid = one.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        for number in range(1, 101):
            one.backlog.add(arrival(number, b"S%d" % number))
        await until(lambda: one.process.outstanding == 2)
        os.kill(pid, signal.SIGKILL)
        await one.finished()
        assert [number for number, _ in one.filed] == list(range(1, 101))
        assert set(range(1, 65)) <= set(one.here)


async def test_a_process_that_dies_again_and_again_is_left_alone() -> None:
    async with desk(DIES) as one:
        for round_ in range(5):
            one.process.start()
            await until(lambda: one.process.ready or one.process.exhausted)
            for number in range(100 * round_, 100 * round_ + 100):
                one.backlog.add(arrival(number, b"S%d" % number))
            await one.finished()
        assert one.process.exhausted
        assert [number for number, _ in one.filed] == list(range(500))


async def test_an_idle_process_ends() -> None:
    changes: list[bool] = []
    process = DraftingProcess(setup(), lambda: changes.append(process.ready), idle=0.05)
    process.start()
    await until(lambda: changes[-2:] == [True, False])
    assert process.pid is None
    await process.close()


async def filed(directory: Path, *, elsewhere: bool) -> list[tuple[object, ...]]:
    """What a store holds after the same day: repeats, corrections, holds, unread ones."""
    store = await Store.open(directory, clock=lambda: NOW, randomness=lambda n: b"k" * n)
    intake = Intake(store, DEVICES, router(store.site_key), Noticeboard(lambda: NOW), lambda: NOW)
    if elsewhere:
        process = intake.backlog.process
        assert process is not None
        process.start()
        await until(lambda: process.ready)
    try:
        for number in range(200):
            specimen, value = b"S%d" % (number % 60), b"%d.50" % (number % 7)
            test = b"XYZ" if number % 11 == 5 else b"GLU"
            payload = TEXT % (specimen, test, value)
            if number % 23 == 7:
                payload = b"H|\\^&\rL|1|N\r"
            opened = store.open_transmission("bench", "astm", "peer")
            store.append(opened, payload, _must_succeed)
            intake.complete(Arrival(opened, ("bench",), "astm", payload, True, "peer"))
        if elsewhere:
            await until(lambda: intake.unread == 0)
        await intake.drained()
        rows = await store.engine.read(
            lambda c: [
                *c.execute(
                    "SELECT id, revision, transmission, specimen, body FROM reports "
                    "ORDER BY transmission, id, revision"
                ),
                *c.execute("SELECT id, outcome, duplicate_of FROM transmissions ORDER BY id"),
                *c.execute("SELECT transmission, problems FROM holds ORDER BY transmission"),
                *c.execute("SELECT lane, control_id, body FROM outbox ORDER BY lane, control_id"),
            ]
        )
        assert store.unfinished() == []
    finally:
        await intake.ended()
        await store.aclose()
    return rows


async def test_the_same_is_filed_whoever_reads(tmp_path: Path) -> None:
    here = await filed(tmp_path / "here", elsewhere=False)
    there = await filed(tmp_path / "there", elsewhere=True)
    assert here == there
    assert len(here) > 500


def _must_succeed(error: StoreError | None) -> None:
    if error is not None:
        raise error


def test_another_process_knows_the_site_s_columns_and_operators() -> None:
    known = Known(
        "files",
        catalogue()["file-drop"],
        ZoneInfo("UTC"),
        {"GLU": "2345-7"},
        certification=Certification(by_id([Operator("OP1")]), hold=True),
        columns=(("ID", "specimen"),),
    )
    found = setup_of({"files": known}, router())
    assert found is not None
    drafter = Drafter(pickle.loads(pickle.dumps(found)))
    table = (
        b"ID,MRN,Test,Result,Unit,Operator\r\n"
        b"26S1,M1,GLU,5.4,mg/dL,OP1\r\n26S2,M2,GLU,5.5,mg/dL,OP2\r\n"
    )
    (draft,) = drafter.drafts([Arrival(1, ("files",), "file", table, False, "peer", NOW)], NOW)
    assert draft is not None
    assert [(r.specimen, bool(r.held)) for r in draft.filing.reports] == [
        ("26S1", False),
        ("26S2", True),
    ]
