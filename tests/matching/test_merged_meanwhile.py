"""A patient is merged while results wait in the queue: they leave under the number that lives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from bench import START, Bench

from gateway.intake import Router, Sender
from gateway.intake.reissue import Reissue
from gateway.orders.applying import Effects, Withdrawal, apply
from gateway.orders.model import Identifier, Merge, Person
from gateway.store import MessageState, OutboxEntry, Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


async def merge(
    bench: Bench, prior: str, survivor: str, router: Router | None = None
) -> Withdrawal:
    change = Merge(Person((Identifier(survivor, "EHR", "MR"),)), (Identifier(prior, "EHR", "MR"),))
    effects = Effects(merged=Reissue(bench.store.engine, router or bench.router))
    keep = timedelta(days=14)
    return await bench.store.engine.write(lambda c: apply(c, [change], 1, bench.now, keep, effects))


async def entry(bench: Bench, number: int) -> OutboxEntry:
    found = await bench.store.outbox.get(number)
    assert found is not None
    return found


def cells(message: OutboxEntry) -> tuple[str, str, str, str, str]:
    """MSH-10, PID-3, OBR-3, OBX-5 and OBX-11."""
    lines = {line[:3]: line.split("|") for line in message.body.decode().split("\r")}
    msh, pid, obr, obx = (lines[name] for name in ("MSH", "PID", "OBR", "OBX"))
    return msh[9], pid[3], obr[3], obx[5], obx[11]


async def test_it_is_written_anew_in_its_place(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", number="MRN1")
    await bench.order("P2", "L2", number="MRN3")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L2", "GLU=7.7")
    assert await merge(bench, "MRN1", "MRN2") == Withdrawal((1,), frozenset({"ehr"}))
    old, other, new = [await entry(bench, number) for number in (1, 2, 3)]
    assert (old.state, old.answer) == (MessageState.CANCELLED, "patient merged; written anew")
    assert other.state is MessageState.QUEUED
    assert cells(other)[1] == "MRN3^^^EHR^MR"
    assert [e.id for e in await store.outbox.due("ehr", 9, bench.now)] == [3, 2]
    assert (new.resend_of, new.report, new.lane) == (1, old.report, old.lane)
    assert cells(old)[1] == "MRN1^^^EHR^MR"
    assert cells(new)[1:] == ("MRN2^^^EHR^MR", *cells(old)[2:])
    assert cells(new)[0] == new.control_id != old.control_id
    assert await bench.balanced()


async def test_each_merge_of_a_chain_writes_it_anew(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", number="MRN1")
    await bench.result("L1", "GLU=5.5")
    await merge(bench, "MRN1", "MRN2")
    await merge(bench, "MRN2", "MRN3")
    (due,) = await store.outbox.due("ehr", 9, bench.now)
    assert (due.id, due.position, cells(due)[1]) == (3, 1, "MRN3^^^EHR^MR")
    assert len({(await entry(bench, number)).control_id for number in (1, 2, 3)}) == 3


async def test_a_correction_stays_one(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", number="MRN1")
    await bench.result("L1", "GLU=5.5")
    await store.outbox.mark_delivered(1, "AA")
    await bench.result("L1", "GLU=5.9:C")
    before = cells(await entry(bench, 2))
    assert before[3:] == ("5.9", "C")
    await merge(bench, "MRN1", "MRN2")
    delivered, after = await entry(bench, 1), await entry(bench, 3)
    assert delivered.state is MessageState.DELIVERED
    assert cells(after)[1:] == ("MRN2^^^EHR^MR", *before[2:])


async def test_one_that_cannot_be_written_waits_for_a_person(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", number="MRN1")
    await bench.result("L1", "GLU=5.5")
    nowhere = Router([], Sender("GATEWAY", "a"), store.site_key, bench.clock)
    assert (await merge(bench, "MRN1", "MRN2", nowhere)).messages == (1,)
    left = await entry(bench, 1)
    assert left.state is MessageState.PARKED
    assert left.answer == "patient merged; cannot be written anew"
    assert await store.outbox.due("ehr", 9, bench.now) == []
