"""A result that came before under another patient, or under none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest_asyncio

from gateway.intake import Arrival, EhrRoute, Intake, Known, Router, Sender
from gateway.messages import DESTINATION_PROFILES
from gateway.notices import Noticeboard
from gateway.profiles import catalogue
from gateway.store import ReportState, Store

NOW = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)


def glucose(patient: str, value: str, at: str = "20260105101130") -> bytes:
    records = (
        r"H|\^&|||TEST^1||||||||LIS2-A2",
        f"P|1|{patient}",
        "O|1|S1||^^^GLU",
        f"R|1|^^^GLU|{value}|mg/dL||N||F||||{at}",
        "L|1|N",
    )
    return "".join(f"{record}\r" for record in records).encode()


class Bench:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOW
        route = EhrRoute("ehr", DESTINATION_PROFILES["oru-2.5.1"])
        router = Router([route], Sender("GATEWAY", "a"), store.site_key, lambda: self.now)
        device = Known("bench", catalogue()["generic-astm"], ZoneInfo("UTC"), {"GLU": "2345-7"})
        notices = Noticeboard(lambda: self.now)
        self.intake = Intake(store, {"bench": device}, router, notices, lambda: self.now)

    async def take(self, *texts: bytes) -> None:
        for text in texts:
            number = self.store.open_transmission("bench", "astm", "test")
            failed: list[Any] = []
            self.store.append(number, text, failed.append)
            self.intake.complete(Arrival(number, ("bench",), "astm", text, True, "test"))
            await self.intake.drained()
            assert failed == [None]

    async def sent(self) -> list[tuple[str, str, str]]:
        """Patient, value and OBX-11 of each message."""
        found = []
        for entry in reversed(await self.store.outbox.list("ehr")):
            lines = {line[:3]: line.split("|") for line in entry.body.decode().split("\r")}
            found.append((lines["PID"][3], lines["OBX"][5], lines["OBX"][11]))
        return found

    async def held(self) -> list[list[str]]:
        holds = await self.store.holds.list()
        return [[p.code.value for p in hold.problems if p.hold] for hold in holds]


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await Store.open(tmp_path, clock=lambda: NOW)
    yield Bench(store)
    await store.aclose()


async def test_the_same_under_another_patient_is_no_repeat(bench: Bench) -> None:
    await bench.take(glucose("MRN1", "5.4"), glucose("MRN2", "5.4"))
    assert await bench.sent() == [("MRN1", "5.4", "F")]
    assert await bench.held() == [["identity-conflict"]]


async def test_another_value_under_another_patient_is_no_correction(bench: Bench) -> None:
    await bench.take(glucose("MRN1", "5.4"), glucose("MRN2", "7.8"))
    assert await bench.sent() == [("MRN1", "5.4", "F")]
    assert await bench.held() == [["identity-conflict"]]


async def test_without_times_shortly_after_it_is_in_doubt(bench: Bench) -> None:
    await bench.take(glucose("MRN1", "5.4", ""), glucose("MRN2", "5.4", ""))
    assert await bench.held() == [["identity-conflict"]]
    bench.now = NOW + timedelta(hours=1)
    await bench.take(glucose("MRN3", "5.5", ""))
    assert len(await bench.held()) == 1
    assert await bench.sent() == [("MRN1", "5.4", "F"), ("MRN3", "5.5", "F")]


async def test_the_next_patient_with_that_number_has_measurements_of_his_own(bench: Bench) -> None:
    await bench.take(glucose("MRN1", "5.4"), glucose("MRN2", "5.4", "20260105102000"))
    assert await bench.held() == []
    assert [patient for patient, *_ in await bench.sent()] == ["MRN1", "MRN2"]


async def test_what_was_discarded_says_nothing(bench: Bench) -> None:
    await bench.take(glucose("MRN1", "5.4"), glucose("MRN2", "5.4"))
    (hold,) = await bench.store.holds.list()
    await bench.store.holds.discard(hold.id, actor="ada", reason="wrong patient")
    await bench.take(glucose("MRN1", "5.6"))
    assert await bench.sent() == [("MRN1", "5.4", "F"), ("MRN1", "5.6", "C")]


async def test_a_patient_named_later_lets_the_result_go(bench: Bench) -> None:
    await bench.take(glucose("", "5.4"))
    assert await bench.held() == [["no-patient"]]
    await bench.take(glucose("MRN1", "5.4"))
    assert await bench.held() == []
    assert await bench.sent() == [("MRN1", "5.4", "F")]
    states = [report.state for report in await bench.store.reports.list()]
    assert ReportState.QUEUED in states
    await bench.take(glucose("", "5.4"), glucose("MRN1", "5.4"))
    assert await bench.sent() == [("MRN1", "5.4", "F")]


async def test_the_books_balance(bench: Bench) -> None:
    await bench.take(
        glucose("", "5.4"), glucose("MRN1", "5.4"), glucose("MRN2", "5.4"), glucose("MRN1", "5.6")
    )
    day = datetime(2026, 1, 5, tzinfo=UTC)
    (books,) = await bench.store.books.between(day, day + timedelta(days=1))
    assert books.balanced
    assert books.held == 2
