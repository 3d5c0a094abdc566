"""``required`` waits for its order, ``hold`` for a person, ``optional`` for nobody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from bench import START, Bench

from gateway.matching import Policy
from gateway.orders import book
from gateway.orders.model import StatusChange
from gateway.store import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


async def test_required_waits_and_leaves_when_its_order_arrives(store: Store) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5")
    await bench.result("L2", "GLU=6.5")
    assert await bench.sent() == []
    assert await bench.order("P1", "L1") == 1
    (message,) = await bench.sent()
    assert message["ORC"][2] == message["OBR"][2] == "P1^EHR"
    assert message["PID"][3] == "MRN1^^^EHR^MR"
    assert (message["OBX"][5], message["OBX"][11], message["OBR"][25]) == ("5.5", "F", "F")
    assert len(await bench.reasons()) == 1
    (entry, *_) = await store.audit.list()
    assert (entry.actor, entry.action, entry.detail) == ("gateway", "release", "its order arrived")
    assert await bench.late.look() == 0
    assert await bench.balanced()


async def test_hold_waits_for_a_person_whatever_arrives(store: Store) -> None:
    bench = Bench(store, Policy.HOLD)
    await bench.result("L1", "GLU=5.5")
    assert await bench.order("P1", "L1") == 0
    assert await bench.reasons() == [["unknown-order", "no-patient"]]
    await bench.result("L1", "GLU=5.7", minute=5)  # its order is known by now
    assert [m["OBX"][5] for m in await bench.sent()] == ["5.7"]


async def test_optional_goes_without_an_order(store: Store) -> None:
    bench = Bench(store, Policy.OPTIONAL)
    await bench.order("P1", "L9")
    await bench.result("L1", "GLU=5.5", patient="MRN1")
    (message,) = await bench.sent()
    assert message["PID"][3] == "MRN1^^^EHR^MR"
    assert message["OBR"][2] == ""


@pytest.mark.parametrize(
    ("label", "code", "name"),
    [("L2", "GLU", ""), ("l1", "GLU", ""), ("L1", "K", ""), ("L1", "GLU", "ROE^RICHARD")],
)
async def test_an_order_that_does_not_match_exactly_frees_nothing(
    store: Store, label: str, code: str, name: str
) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5")
    assert await bench.order("P1", label, code, name) == 0
    assert await bench.sent() == []


async def test_a_cancelled_order_and_an_old_result_free_nothing(store: Store) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5")
    await bench.order("P1", "L9")
    await store.engine.write(lambda c: book.change_status(c, StatusChange("P1", "EHR", None), 1, 0))
    bench.now = START + timedelta(hours=25)
    assert await bench.order("P2", "L1") == 0
    bench.now = START + timedelta(hours=23)
    assert await bench.late.look() == 1


async def test_another_reason_keeps_it_held(store: Store) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5", "NEW=1")
    assert await bench.order("P1", "L1") == 0
    assert await bench.sent() == []


async def test_results_for_two_orders_leave_when_both_are_there(store: Store) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5", "K=4.1")
    assert await bench.order("P1", "L1") == 0
    assert await bench.order("P2", "L1", "K") == 2
    assert [(m["OBR"][2], m["OBX"][5]) for m in await bench.sent()] == [
        ("P1^EHR", "5.5"),
        ("P2^EHR", "4.1"),
    ]
    assert await bench.balanced()


async def test_the_last_revision_leaves_and_the_ones_before_it_count_no_more(
    store: Store,
) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5")
    await bench.result("L1", "GLU=5.6")
    assert len(await bench.reasons()) == 2
    assert await bench.order("P1", "L1") == 1
    (message,) = await bench.sent()
    assert (message["OBX"][5], message["OBX"][11], message["OBR"][25]) == ("5.6", "F", "F")
    assert await bench.reasons() == []
    assert await bench.balanced()
    await bench.result("L1", "GLU=5.7")
    (_, correction) = await bench.sent()
    assert (correction["OBX"][5], correction["OBX"][11]) == ("5.7", "C")
    assert correction["OBR"][3] == message["OBR"][3]


async def test_what_was_held_stays_readable_as_it_came(store: Store) -> None:
    bench = Bench(store, Policy.REQUIRED)
    await bench.result("L1", "GLU=5.5")
    await bench.order("P1", "L1")
    latest = (await store.reports.list())[0]
    first = await store.reports.get(latest.id, 1)
    assert first is not None
    assert (first.state.value, latest.revision) == ("replaced", 2)
    assert json.loads(first.body)["problems"]
