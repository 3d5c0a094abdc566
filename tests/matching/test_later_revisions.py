"""Corrections of results whose orders changed in between: to whom the original went, or held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from bench import START, Bench

from gateway.orders import book, patients
from gateway.orders.model import Identifier, Merge, Person, StatusChange
from gateway.store import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


async def cancel(store: Store, placer: str) -> None:
    change = StatusChange(placer, "EHR", None)
    await store.engine.write(lambda c: book.change_status(c, change, 1, 0))


async def test_a_correction_follows_its_original_though_the_order_was_cancelled(
    store: Store,
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    await cancel(store, "P1")
    await bench.result("L1", "GLU=5.7")
    original, correction = await bench.sent()
    assert (correction["OBX"][5], correction["OBX"][11]) == ("5.7", "C")
    assert correction["PID"][3] == original["PID"][3]
    assert correction["ORC"][2:4] == original["ORC"][2:4]
    await bench.result("L1", "GLU=6.0", minute=30)  # a new measurement of a cancelled order
    assert len(await bench.sent()) == 2
    assert await bench.reasons() == [["order-mismatch"]]


async def test_what_was_never_sent_is_not_sent_for_a_cancelled_order(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await cancel(store, "P1")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L1", "GLU=5.7")
    assert await bench.sent() == []
    assert await bench.reasons() == [["order-mismatch"], ["order-mismatch"]]


async def test_a_result_that_could_not_be_read_is_replaced_when_it_is_sent_again(
    store: Store,
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5..5")
    assert await bench.sent() == []
    await bench.result("L1", "GLU=5.5")
    (message,) = await bench.sent()
    assert (message["OBX"][5], message["OBX"][11]) == ("5.5", "F")
    assert await bench.reasons() == []
    assert await bench.balanced()


async def test_a_label_that_is_somebody_elses_by_now_corrects_nobody(store: Store) -> None:
    """The EHR placed the label anew, for another patient: neither of them may get it unasked."""
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    await cancel(store, "P1")
    await bench.order("P2", "L1", number="MRN2")
    await bench.result("L1", "GLU=5.7")
    assert [m["OBX"][5] for m in await bench.sent()] == ["5.5"]
    assert await bench.reasons() == [["identity-conflict"]]


async def test_a_merge_in_between_is_the_same_person(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    change = Merge(Person((Identifier("MRN9", "EHR", "MR"),)), (Identifier("MRN1", "EHR", "MR"),))

    def merge(connection: Any) -> None:
        patients.merge(connection, change, 1, 1)

    await store.engine.write(merge)
    await bench.result("L1", "GLU=5.7", patient="MRN1")
    assert [(m["PID"][3], m["OBX"][11]) for m in await bench.sent()] == [
        ("MRN1^^^EHR^MR", "F"),
        ("MRN9^^^EHR^MR", "C"),
    ]
