"""Queues keep their order, lanes are fenced, and one row's damage stops nobody else."""

from __future__ import annotations

import asyncio
import resource
import tempfile
import tracemalloc
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import Clock, message, open_store, queue

from gateway.errors import StoreError
from gateway.notices import DeliveryParked, Notice
from gateway.store import MessageState, OutboxEntry, Store
from gateway.store.lanes import _QUEUED, _RIPE, BATCH_BYTES


async def due(store: Store, limit: int = 100, destination: str = "ehr") -> list[str]:
    entries = await store.outbox.due(destination, limit, store.engine.clock())
    return [entry.control_id.removeprefix("ID") for entry in entries]


async def test_first_in_first_out_for_each_destination(store: Store) -> None:
    await queue(store, *(message(n, "ehr" if n % 2 else "drop") for n in range(10)))
    assert await due(store) == ["1", "3", "5", "7", "9"]
    assert await due(store, 2) == ["1", "3"]
    assert await due(store, 1, "drop") == ["0"]
    assert await due(store, 1, "nowhere") == []


async def test_an_entry_is_what_was_queued(store: Store, clock: Clock) -> None:
    (number,) = await queue(store, message(1, lane="S1", body=b"\x00\xff"))
    (entry,) = await store.outbox.due("ehr", 1, clock())
    assert (entry.id, entry.lane, entry.body, entry.attempts) == (number, "S1", b"\x00\xff", 0)
    assert entry.created_at == clock()
    assert entry.state is MessageState.QUEUED
    assert entry.report is None


async def test_delivered_ones_are_gone_and_say_how(store: Store, clock: Clock) -> None:
    await queue(store, message(1), message(2))
    first, _ = await store.outbox.due("ehr", 9, clock())
    clock.pass_by(seconds=3)
    await store.outbox.mark_delivered(first, "AA")
    assert await due(store) == ["2"]
    entry = await store.outbox.get(first.id)
    assert entry is not None
    assert (entry.state, entry.answer, entry.attempts) == (MessageState.DELIVERED, "AA", 1)
    assert entry.first_try == entry.last_try == entry.finished_at == clock()


async def test_many_are_marked_at_once_each_with_its_answer(store: Store, clock: Clock) -> None:
    await queue(store, *(message(n) for n in range(5)))
    entries = await store.outbox.due("ehr", 9, clock())
    await store.outbox.postpone(entries[0], clock(), "AE")
    clock.pass_by(seconds=3)
    answers = ["AA", "CA", "AA", "sent"]
    await store.outbox.mark_all_delivered(list(zip(entries, answers, strict=False)))
    assert await due(store) == ["4"]
    marked = [await store.outbox.get(entry.id) for entry in entries[:4]]
    assert [one.answer for one in marked if one is not None] == answers
    assert {one.state for one in marked if one is not None} == {MessageState.DELIVERED}
    assert [one.attempts for one in marked if one is not None] == [2, 1, 1, 1]
    assert {one.finished_at for one in marked if one is not None} == {clock()}
    first = marked[0]
    assert first is not None
    assert first.next_at is None
    assert first.first_try == clock() - timedelta(seconds=3)


async def test_a_postponed_one_fences_its_lane_until_its_time(store: Store, clock: Clock) -> None:
    await queue(store, *(message(n, lane="AB"[n % 2]) for n in range(6)))
    first = (await store.outbox.due("ehr", 1, clock()))[0]
    await store.outbox.postpone(first, clock() + timedelta(seconds=20), "AE")
    assert await due(store) == ["1", "3", "5"]
    clock.pass_by(seconds=20)
    assert await due(store) == ["0", "1", "3", "5"]
    await store.outbox.mark_delivered(first, "AA")
    assert await due(store) == ["1", "2", "3", "4", "5"]


async def test_a_clock_put_back_does_not_make_anybody_wait(store: Store, clock: Clock) -> None:
    (number,) = await queue(store, message(1))
    await store.outbox.postpone(number, clock() + timedelta(seconds=20), "AE")
    assert await due(store) == []
    clock.pass_by(days=-2000)
    assert await due(store) == ["1"]


async def test_a_parked_one_fences_its_lane_until_a_person_decides(store: Store) -> None:
    numbers = await queue(store, *(message(n, lane="A") for n in range(3)), message("x"))
    await store.outbox.park(numbers[0], "AR")
    assert await due(store) == ["x"]
    await store.outbox.cancel(numbers[0], "tech", "wrong patient")
    assert await due(store) == ["1", "2", "x"]
    with pytest.raises(StoreError, match="cancelled"):
        await store.outbox.cancel(numbers[0], "tech", "again")
    assert [a.action for a in await store.audit.list()] == ["cancel"]


async def test_an_accepted_one_waits_apart_and_fences_nothing(store: Store) -> None:
    numbers = await queue(store, message(1, lane="A"), message(2, lane="A"))
    await store.outbox.mark_accepted(numbers[0], "CA")
    assert await due(store) == ["2"]
    found = await store.outbox.accepted("ehr", "ID1")
    assert found is not None
    assert found.id == numbers[0]
    assert await store.outbox.accepted("ehr", "ID2") is None
    await store.outbox.mark_delivered(found, "AA")
    assert await store.outbox.accepted("ehr", "ID1") is None


async def test_no_lane_no_fence(store: Store) -> None:
    numbers = await queue(store, message(1), message(2))
    await store.outbox.park(numbers[0], "AR")
    assert await due(store) == ["2"]


async def test_what_is_over_is_not_taken_up_again(store: Store, clock: Clock) -> None:
    numbers = await queue(store, message(1), message(2))
    await store.outbox.mark_delivered(numbers[0], "AA")
    await store.outbox.cancel(numbers[1], "tech", "no")
    for number in numbers:
        await store.outbox.postpone(number, clock(), "late answer")
        await store.outbox.park(number, "late answer")
        await store.outbox.mark_accepted(number, "CA")
    assert await due(store) == []
    await store.outbox.mark_delivered(numbers[1], "AA after all")
    entry = await store.outbox.get(numbers[1])
    assert entry is not None
    assert entry.state is MessageState.DELIVERED


async def test_a_parked_one_is_resent_in_its_place(store: Store) -> None:
    numbers = await queue(store, *(message(n, lane="A") for n in range(3)))
    await store.outbox.park(numbers[0], "AR")
    assert await store.outbox.resend(numbers[0], actor="tech") == numbers[0]
    assert await due(store) == ["0", "1", "2"]
    (entry,) = await store.audit.list()
    assert (entry.actor, entry.action) == ("tech", "resend")


async def test_a_delivered_one_is_resent_as_the_same_bytes(store: Store, clock: Clock) -> None:
    numbers = await queue(store, message(1, lane="A"), message(2, lane="A"))
    await store.outbox.mark_delivered(numbers[0], "AA")
    again = await store.outbox.resend(numbers[0], actor="tech")
    entries = await store.outbox.due("ehr", 9, clock())
    assert [e.id for e in entries] == [numbers[1], again]
    original = await store.outbox.get(numbers[0])
    assert original is not None
    assert original.state is MessageState.DELIVERED
    assert (entries[1].control_id, entries[1].body) == (original.control_id, original.body)
    assert entries[1].resend_of == numbers[0]


async def test_sent_as_new_it_takes_the_parked_ones_place(store: Store, clock: Clock) -> None:
    numbers = await queue(store, *(message(n, lane="A") for n in range(3)))
    await store.outbox.park(numbers[0], "AR")
    new = await store.outbox.resend(numbers[0], actor="tech", as_new=message("new", lane="A"))
    assert await due(store) == ["new", "1", "2"]
    await store.outbox.park(new, "AR")
    assert await due(store) == []
    old = await store.outbox.get(numbers[0])
    assert old is not None
    assert (old.state, old.answer) == (MessageState.CANCELLED, f"replaced by message {new}")
    with pytest.raises(StoreError, match="keeps its destination"):
        await store.outbox.resend(new, actor="tech", as_new=message("b", "drop", lane="A"))
    with pytest.raises(StoreError, match="no message"):
        await store.outbox.resend(99, actor="tech")


async def test_subscribers_are_told_after_the_commit(store: Store) -> None:
    woken: list[str] = []
    end = store.outbox.subscribe("ehr", lambda: woken.append("ehr"))
    store.outbox.subscribe("drop", lambda: woken.append("drop"))
    await queue(store, message(1), message(2))
    assert woken == ["ehr"]
    await queue(store, message(3, "drop"), message(4))
    assert sorted(woken[1:]) == ["drop", "ehr"]
    end()
    end_count = len(woken)
    await queue(store, message(5))
    assert len(woken) == end_count


async def test_queues_tell_how_much_waits_since_when(store: Store, clock: Clock) -> None:
    noon = clock()
    numbers = await queue(store, *(message(n) for n in range(6)), message("d", "drop"))
    clock.pass_by(hours=1)
    await queue(store, message("late"))
    await store.outbox.park(numbers[1], "AR")
    await store.outbox.mark_accepted(numbers[2], "CA")
    await store.outbox.postpone(numbers[3], clock(), "AE")
    await store.outbox.mark_delivered(numbers[6], "AA")
    (ehr,) = await store.outbox.queues()
    assert (ehr.destination, ehr.queued, ehr.accepted, ehr.parked) == ("ehr", 5, 1, 1)
    assert ehr.oldest == noon


@pytest.mark.parametrize("limit", [1, 2, 9])
async def test_a_damaged_message_is_parked_and_the_rest_flows(
    directory: Path, clock: Clock, limit: int
) -> None:
    notices: list[Notice] = []
    store = await open_store(directory, clock, notices.append)
    numbers = await queue(
        store, *(message(n, lane="A") for n in range(3)), *(message(n) for n in range(3, 6))
    )
    await store.engine.write(lambda c: c.execute("DROP TRIGGER outbox_stay") and None)
    flip = "UPDATE outbox SET body = CAST(replace(body, 'MSH', 'MSh') AS BLOB) WHERE id = ?"
    await store.engine.write(lambda c: c.execute(flip, (numbers[1],)) and None)
    sent: list[str] = []
    while entries := await store.outbox.due("ehr", limit, clock()):
        for entry in entries:
            sent.append(entry.control_id)
            await store.outbox.mark_delivered(entry, "AA")
    assert sent == ["ID0", "ID3", "ID4", "ID5"]
    assert notices == [DeliveryParked("ehr", numbers[1], "", "stored message is damaged")]
    (state,) = await store.outbox.queues()
    assert (state.parked, state.queued) == (1, 1)
    await store.aclose()


async def test_a_batch_is_bounded_in_bytes(store: Store, clock: Clock) -> None:
    big = bytes(BATCH_BYTES // 2 + 1)
    await queue(store, *(message(n, body=big) for n in range(3)), message(3, body=big * 3))
    assert await due(store) == ["0"]
    for number in range(1, 4):
        await store.outbox.mark_delivered(number, "AA")
    assert await due(store) == ["3"]


async def test_a_hundred_thousand_wait_in_little_memory(store: Store, clock: Clock) -> None:
    for start in range(0, 100_000, 5_000):
        numbers = range(start, start + 5_000)
        await queue(store, *(message(n, lane=f"S{n % 30_000}", body=bytes(500)) for n in numbers))
    for number in range(1, 500):
        await store.outbox.park(number, "AR")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    loop = asyncio.get_running_loop()
    worst = 0.0
    for _ in range(20):
        started = loop.time()
        entries = await store.outbox.due("ehr", 100, clock())
        worst = max(worst, loop.time() - started)
        assert len(entries) == 100
        await asyncio.gather(*(store.outbox.mark_delivered(e, "AA") for e in entries))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert worst < 1.0


async def test_looking_for_work_uses_the_indexes(store: Store) -> None:
    def plan(connection: apsw.Connection, query: str, bindings: Sequence[object]) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {query}", tuple(bindings))  # type: ignore[arg-type]
        return "; ".join(str(row[3]) for row in rows)

    for query, bindings in ((_QUEUED, ("ehr", 1)), (_RIPE, ("ehr", 1, 1, 1))):
        steps = await store.engine.read(lambda c, q=query, b=bindings: plan(c, q, b))
        assert "SCAN" not in steps
        assert "TEMP B-TREE" not in steps
        assert "outbox_by_state" in steps
        assert "outbox_blocked" in steps


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["queue", "deliver", "postpone", "park", "resend", "renew", "cancel"]),
        st.integers(0, 2),
    ),
    max_size=25,
)


class LaneModel:
    """What a lane's deliveries may look like: in the order of the places in the queue."""

    def __init__(self) -> None:
        self.delivered: dict[str, list[int]] = {}

    def deliver(self, entry: OutboxEntry) -> None:
        assert entry.lane is not None
        self.delivered.setdefault(entry.lane, []).append(entry.position)


@given(ACTIONS)
@settings(max_examples=25, deadline=None)
def test_nothing_overtakes_in_its_lane(actions: list[tuple[str, int]]) -> None:
    asyncio.run(_play(actions))


async def _play(actions: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = await open_store(Path(folder), clock)
        model = LaneModel()
        try:
            for n, (action, pick) in enumerate(actions):
                await _act(store, clock, model, action, pick, n)
            await _drain(store, clock, model)
        finally:
            await store.aclose()
    for positions in model.delivered.values():
        assert positions == sorted(positions)


async def _act(
    store: Store, clock: Clock, model: LaneModel, action: str, pick: int, n: int
) -> None:
    if action == "queue":
        await queue(store, message(n, lane=f"lane-{pick}"))
        return
    if action in ("resend", "renew", "cancel"):
        parked = await store.outbox.list("ehr", MessageState.PARKED)
        if len(parked) > pick:
            entry = parked[pick]
            if action == "cancel":
                await store.outbox.cancel(entry, "tech", "")
            else:
                new = message(f"new-{n}", lane=entry.lane) if action == "renew" else None
                await store.outbox.resend(entry, actor="tech", as_new=new)
        return
    for entry in (await store.outbox.due("ehr", 9, clock()))[: pick + 1]:
        if action == "deliver":
            await store.outbox.mark_delivered(entry, "AA")
            model.deliver(entry)
        elif action == "postpone":
            await store.outbox.postpone(entry, clock() + timedelta(seconds=5), "AE")
            clock.pass_by(seconds=pick * 3)
            return
        else:
            await store.outbox.park(entry, "AR")
            return


async def _drain(store: Store, clock: Clock, model: LaneModel) -> None:
    clock.pass_by(hours=1)
    for entry in await store.outbox.list("ehr", MessageState.PARKED):
        await store.outbox.resend(entry, actor="tech")
    while entries := await store.outbox.due("ehr", 2, clock()):
        for entry in entries:
            await store.outbox.mark_delivered(entry, "AA")
            model.deliver(entry)
    assert await store.outbox.queues() == []


async def test_what_a_person_decides_wakes_its_destination_alone(store: Store) -> None:
    woken: list[str] = []
    for name in ("ehr", "lab"):
        store.outbox.subscribe(name, lambda name=name: woken.append(name))  # type: ignore[misc]
    first, second = await queue(store, message(1), message(2))
    for number in (first, second):
        await store.outbox.park(number, "refused")
    woken.clear()
    await store.outbox.cancel(first, "tech", "twice")
    assert woken == ["ehr"]
    await store.outbox.resend(second, actor="tech")
    assert woken == ["ehr", "ehr"]
    assert store.outbox.withdrawn == set()
    await store.outbox.resend(second, actor="tech", as_new=message("2b"))
    assert woken == ["ehr", "ehr", "ehr"]
    assert store.outbox.withdrawn == {second}
