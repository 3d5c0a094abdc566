"""Labels and numbers that lead to more than one: nothing leaves, whoever comes first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bench import START, Bench

from gateway.matching import Policy
from gateway.orders import patients
from gateway.orders.model import Identifier, Person
from gateway.store import Store
from gateway.store.moments import to_micros


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


async def placers(bench: Bench) -> list[str]:
    """ORC-2 of every message; empty where it names no order."""
    return [m["ORC"][2].partition("^")[0] if "ORC" in m else "" for m in await bench.sent()]


@pytest.mark.parametrize("first", ["MRN1", "MRN2"])
async def test_a_label_of_two_patients(store: Store, first: str) -> None:
    bench = Bench(store)
    second = "MRN2" if first == "MRN1" else "MRN1"
    await bench.order("A1", "L1", "GLU", number=first)
    await bench.order("A2", "L1", "GLU", number=second)
    await bench.result("L1", "GLU=90")
    assert await bench.reasons() == [["identity-conflict", "no-patient"]]
    assert await bench.sent() == []


async def test_a_number_of_two_patients(store: Store) -> None:
    """Two authorities gave it; the device does not say which it means."""
    bench = Bench(store, Policy.OPTIONAL)

    def register(connection: Any) -> None:
        for authority in ("EHR", "OTHER"):
            person = Person((Identifier("MRN1", authority, "MR"),), "DOE^JANE")
            patients.register(connection, person, to_micros(START))

    await store.engine.write(register)
    await bench.result("", "GLU=90", patient="MRN1")
    assert await bench.reasons() == [["identity-conflict"]]
    assert await bench.sent() == []


async def test_without_a_label_the_only_order_that_waits_is_meant(store: Store) -> None:
    bench = Bench(store)
    await bench.order("A1", "L1", "GLU")
    await bench.order("A2", "L2", "K")
    await bench.result("", "GLU=90", patient="MRN1")
    assert await placers(bench) == ["A1"]


async def test_without_a_label_an_order_that_is_done_is_not_meant(store: Store) -> None:
    bench = Bench(store)
    await bench.order("A1", "L1", "GLU")
    await bench.result("L1", "GLU=90")
    assert await placers(bench) == ["A1"]
    await bench.result("", "GLU=95", patient="MRN1", minute=30)
    assert await bench.reasons() == [["unknown-order"]]
    assert await placers(bench) == ["A1"]


@pytest.mark.parametrize("policy", [Policy.REQUIRED, Policy.OPTIONAL])
async def test_without_a_label_nobody_can_say_which_of_two(store: Store, policy: Policy) -> None:
    bench = Bench(store, policy)
    await bench.order("A1", "L1", "GLU")
    await bench.order("A2", "L2", "GLU")
    await bench.result("", "GLU=90", patient="MRN1")
    required = policy is Policy.REQUIRED
    assert await bench.reasons() == ([["unknown-order"]] if required else [])
    assert await placers(bench) == ([] if required else [""])
