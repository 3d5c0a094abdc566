from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from delivery_bench import (
    AA,
    QUICK,
    Answer,
    Scripted,
    Talking,
    Witness,
    always,
    courier_of,
    enqueue,
    in_turn,
    message,
    now,
    running,
    states,
)

from gateway.delivery.base import Backoff, Receipt, Unreadable
from gateway.delivery.stall import StallWatch
from gateway.errors import Ambiguous, Refused, StoreFull, Unreachable
from gateway.notices import DeliveryParked, DeliveryPostponed, DestinationChanged, LaneStopped
from gateway.store import MessageState, OutboxEntry, OutboxMessage, Store

SILENT = Ambiguous("nobody answered in time")
GARBAGE = Unreadable("its answer is no acknowledgment")
LATER = Refused("answered AE", again=True)
NEVER = Refused("answered AE, error 101")


def names(count: int) -> list[str]:
    return [f"M{number:05d}" for number in range(count)]


def only(
    control_id: str, answer: Answer, otherwise: Answer = AA
) -> Callable[[OutboxEntry], Answer]:
    return lambda entry: answer if entry.control_id == control_id else otherwise


async def test_what_was_queued_before_the_start_is_delivered_in_order(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(300)])
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        notices = await witness.delivered(300)
    assert destination.arrived == destination.tries == names(300)
    assert set((await states(store)).values()) == {MessageState.DELIVERED}
    assert [notice.answer for notice in notices] == ["AA"] * 300


async def test_what_is_queued_later_wakes_the_courier(store: Store, witness: Witness) -> None:
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        for name in names(20):
            await enqueue(store, [message(name)])
            await witness.delivered(int(name[1:]) + 1)
    assert destination.arrived == names(20)


async def test_one_at_a_time_and_at_most_twenty(store: Store, witness: Witness) -> None:
    await enqueue(store, [message(name) for name in names(200)])
    one, twenty = Scripted(always(AA)), Scripted(always(AA), concurrency=20)
    async with running(store, one, witness):
        await witness.delivered(200)
    await enqueue(store, [message(name, destination="mqtt") for name in names(200)])
    async with running(store, twenty, witness, name="mqtt"):
        await witness.delivered(400)
    assert one.most_in_flight == 1
    assert twenty.most_in_flight == 20


async def test_a_lane_is_one_at_a_time_whatever_the_concurrency(
    store: Store, witness: Witness
) -> None:
    batch = [message(name, lane=f"S{int(name[1:]) % 3}") for name in names(60)]
    await enqueue(store, batch)
    destination = Scripted(always(AA), concurrency=20)
    async with running(store, destination, witness):
        await witness.delivered(60)
    for lane in range(3):
        assert [n for n in destination.arrived if int(n[1:]) % 3 == lane] == names(60)[lane::3]
    assert destination.most_in_flight <= 3


async def test_while_a_destination_is_down_no_message_is_touched(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(50)])
    destination = Scripted(always(AA))
    destination.closed = Unreachable("nobody listens there")
    async with running(store, destination, witness):
        change = await witness.became(up=False)
        await witness.until(lambda: destination.opened >= 5)
        assert destination.tries == []
        assert len(witness.of(DestinationChanged)) == 1
        destination.closed = None
        await witness.delivered(50)
        assert await witness.became(up=True)
    assert change.detail == "nobody listens there"
    assert destination.arrived == names(50)


async def test_a_destination_that_comes_and_goes_keeps_the_order(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(120)])
    count = 0

    def answer(_entry: OutboxEntry) -> Answer:
        nonlocal count
        count += 1
        return (AA, AA, Unreachable("gone"), SILENT)[count % 4]

    destination = Scripted(answer)
    async with running(store, destination, witness) as courier:
        await witness.delivered(120)
        assert courier.state.possibly_twice > 0
    assert destination.arrived == names(120)


async def test_ten_thousand_messages_wait_out_an_outage_in_order(
    store: Store, witness: Witness
) -> None:
    expected = names(10_000)
    destination = Scripted(always(AA))
    destination.closed = Unreachable("nobody listens there")
    async with running(store, destination, witness) as courier:
        for start in range(0, 10_000, 500):
            await enqueue(store, [message(n, lane=n) for n in expected[start : start + 500]])
        assert len(courier._reading.agenda) == 0
        destination.closed = None
        destination.answer = _largest_agenda(courier._reading.agenda, sizes := [0])
        await witness.until(lambda: courier.state.delivered == 10_000, seconds=60)
    assert destination.arrived == expected
    assert sizes[0] <= QUICK.prefetch + QUICK.unsettled + 1


async def test_a_doubtful_message_is_sent_again_first_and_unchanged(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(3)])
    destination = Scripted(in_turn(SILENT, SILENT, AA))
    async with running(store, destination, witness) as courier:
        await witness.delivered(3)
        assert courier.state.possibly_twice == 2
    assert destination.tries == ["M00000"] * 3 + ["M00001", "M00002"]
    entry = (await store.outbox.list("ehr", None, limit=3))[-1]
    assert (entry.control_id, entry.attempts, entry.body) == ("M00000", 3, message("M00000").body)


async def test_silence_to_one_message_lets_the_others_pass_and_parks_it(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name, lane=name) for name in names(10)])
    destination = Scripted(only("M00000", SILENT))
    async with running(store, destination, witness):
        await witness.delivered(9)
        for extra in range(10, 40):
            await enqueue(store, [message(f"M{extra:05d}")])
            await witness.until(lambda n=extra: f"M{n:05d}" in destination.arrived)
            if witness.of(DeliveryParked):
                break
            destination.tries.clear()
            await witness.until(lambda: bool(destination.tries or witness.of(DeliveryParked)))
        await witness.parked()
    assert (await states(store))["M00000"] is MessageState.PARKED


async def test_in_a_black_hole_few_messages_become_doubtful(store: Store, witness: Witness) -> None:
    await enqueue(store, [message(name) for name in names(500)])
    destination = Scripted(always(SILENT))
    async with running(store, destination, witness):
        await witness.until(lambda: len(witness.of(DeliveryPostponed)) >= 60)
    assert len(set(destination.tries)) <= 10
    ups = [change.up for change in witness.of(DestinationChanged)]
    assert ups[0] is True
    assert set(ups[1:]) == {False}, "that it can be opened does not make it well"
    assert set((await states(store)).values()) <= {MessageState.QUEUED, MessageState.POSTPONED}


async def test_a_refusal_is_tried_three_times_more_and_then_parked(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message("BAD", lane="S1"), message("GOOD", lane="S2")])
    destination = Scripted(only("BAD", LATER))
    async with running(store, destination, witness):
        await witness.parked()
    assert destination.tries == ["BAD", "GOOD", "BAD", "BAD", "BAD"]
    assert [n.retry_in for n in witness.of(DeliveryPostponed)] == list(QUICK.refused)
    assert await states(store) == {"BAD": MessageState.PARKED, "GOOD": MessageState.DELIVERED}


async def test_a_parked_message_fences_its_lane_only(store: Store, witness: Witness) -> None:
    await enqueue(
        store,
        [
            message("POISON", lane="S1"),
            message("OTHER-1", lane="S2"),
            message("CORRECTION", lane="S1"),
            message("OTHER-2", lane="S2"),
            message("NO-LANE"),
        ],
    )
    destination = Scripted(only("POISON", NEVER))
    async with running(store, destination, witness):
        await witness.delivered(3)
        assert destination.arrived == ["OTHER-1", "OTHER-2", "NO-LANE"]
        [parked] = await witness.parked()
        assert parked.reason == "answered AE, error 101"
        destination.answer = always(AA)
        await store.outbox.resend(parked.entry, actor="tester")
        await witness.delivered(5)
    assert destination.arrived[3:] == ["POISON", "CORRECTION"]


async def test_cancelling_a_parked_message_frees_its_lane(store: Store, witness: Witness) -> None:
    await enqueue(store, [message("POISON", lane="S1"), message("NEXT", lane="S1")])
    destination = Scripted(only("POISON", NEVER))
    async with running(store, destination, witness):
        [parked] = await witness.parked()
        await store.outbox.cancel(parked.entry, "tester", "wrong patient")
        await witness.delivered(1)
    assert destination.arrived == ["NEXT"]


async def test_a_refusal_of_everything_stops_until_a_person_resumes(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(5)])
    destination = Scripted(in_turn(AA, Refused("answered AR", stop=True), AA))
    async with running(store, destination, witness) as courier:
        stopped = await witness.stopped()
        await enqueue(store, [message("M00005")])
        assert courier.state.stopped == stopped.reason == "answered AR"
        assert destination.tries == ["M00000", "M00001"]
        courier.resume()
        await witness.delivered(6)
        assert courier.state.stopped is None
    assert destination.arrived == names(6)
    assert len(witness.of(LaneStopped)) == 1


async def test_unreadable_answers_park_two_messages_and_then_stop(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(10)])
    destination = Scripted(always(GARBAGE))
    async with running(store, destination, witness):
        stopped = await witness.stopped()
    assert "in a row" in stopped.reason
    assert [destination.tries.count(name) for name in names(4)] == [5, 5, 5, 0]
    assert len(witness.of(DeliveryParked)) == 2


async def test_pausing_and_resuming(store: Store, witness: Witness) -> None:
    destination = Scripted(always(AA))
    async with running(store, destination, witness) as courier:
        courier.pause("the EHR is being upgraded")
        await enqueue(store, [message("M00000")])
        assert (await witness.stopped()).reason == "the EHR is being upgraded"
        assert destination.tries == []
        courier.resume()
        await witness.delivered(1)


async def test_resume_does_not_wait_for_the_next_try(store: Store, witness: Witness) -> None:
    patient = replace(QUICK, backoff=Backoff(first=3600, limit=3600))
    destination = Scripted(always(AA))
    destination.closed = Unreachable("nobody listens there")
    await enqueue(store, [message("M00000")])
    async with running(store, destination, witness, patience=patient) as courier:
        await witness.became(up=False)
        destination.closed = None
        courier.resume()
        await witness.delivered(1)


async def test_a_restart_does_not_wait_for_a_postponed_try(store: Store, witness: Witness) -> None:
    patient = replace(QUICK, refused=(3600.0,))
    await enqueue(store, [message("M00000", lane="S1"), message("M00001", lane="S1")])
    destination = Scripted(in_turn(LATER, AA))
    async with running(store, destination, witness, patience=patient):
        await witness.until(lambda: bool(witness.of(DeliveryPostponed)))
        await _state(store, "M00000", MessageState.POSTPONED)
    async with running(store, destination, witness, patience=patient):
        await witness.delivered(2)
    assert destination.arrived == names(2)


async def test_a_clock_put_back_keeps_nothing_waiting(tmp_path: Path, witness: Witness) -> None:
    put_back = timedelta()

    def clock() -> datetime:
        return now() - put_back

    store = await Store.open(tmp_path / "store", clock=clock)
    await enqueue(store, [message("M00000")])
    destination = Scripted(in_turn(LATER, AA))
    patience = replace(QUICK, refused=(0.2,))
    async with running(store, destination, witness, patience=patience, clock=clock):
        await _state(store, "M00000", MessageState.POSTPONED)
        put_back = timedelta(hours=1)
        await witness.delivered(1)
    await store.aclose()


async def test_a_clean_stop_lets_the_message_in_flight_arrive(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(2)])
    destination = Scripted(always(AA))
    destination.hold = asyncio.Event()
    async with running(store, destination, witness):
        await witness.until(lambda: bool(destination.tries))
        asyncio.get_running_loop().call_soon(destination.hold.set)
    assert await states(store) == {"M00000": MessageState.DELIVERED, "M00001": MessageState.QUEUED}
    assert destination.served == 0


async def test_a_stop_does_not_wait_for_ever_and_the_message_stays_queued(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message("M00000")])
    destination = Scripted(always(AA))
    destination.hold = asyncio.Event()
    async with running(store, destination, witness, patience=replace(QUICK, grace=0.05)):
        await witness.until(lambda: bool(destination.tries))
    assert await states(store) == {"M00000": MessageState.QUEUED}
    destination.hold = None
    async with running(store, destination, witness):
        await witness.delivered(1)


async def test_two_destinations_do_not_know_of_each_other(store: Store, witness: Witness) -> None:
    both = ("ehr", "mqtt")
    await enqueue(store, [message(n, destination=d, lane="S1") for n in names(20) for d in both])
    dead, alive = Scripted(always(SILENT)), Scripted(always(AA))
    async with (
        running(store, dead, witness, name="ehr"),
        running(store, alive, witness, name="mqtt"),
    ):
        await witness.delivered(20)
    assert alive.arrived == names(20)
    assert dead.arrived == []


async def test_the_final_answer_comes_after_the_commit(store: Store, witness: Witness) -> None:
    final: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    destination = Scripted(in_turn(Receipt("CA", final), AA))
    await enqueue(store, [message("M00000", lane="S1"), message("M00001", lane="S1")])
    async with running(store, destination, witness):
        await witness.delivered(1)
        assert (await states(store))["M00000"] is MessageState.ACCEPTED
        [overdue] = await witness.parked()
        assert "has not answered" in overdue.reason
        assert (await states(store))["M00000"] is MessageState.ACCEPTED
        final.set_result(AA)
        await witness.delivered(2)
    assert destination.tries == names(2)
    assert (await states(store))["M00000"] is MessageState.DELIVERED


async def test_the_application_may_refuse_after_the_commit(store: Store, witness: Witness) -> None:
    final: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
    await enqueue(store, [message("M00000")])
    async with running(store, Scripted(always(Receipt("CA", final))), witness):
        await _state(store, "M00000", MessageState.ACCEPTED)
        final.set_exception(NEVER)
        await witness.until(lambda: any("101" in n.reason for n in witness.of(DeliveryParked)))
    assert await states(store) == {"M00000": MessageState.PARKED}


async def test_after_a_restart_the_final_answer_is_still_expected(
    store: Store, witness: Witness
) -> None:
    [number] = await enqueue(store, [message("M00000")])
    await store.outbox.mark_accepted(number, "CA")
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        await witness.until(lambda: bool(destination.expected or witness.of(DeliveryParked)))
        destination.expected["M00000"].set_result(AA)
        await witness.delivered(1)
    assert destination.tries == []


async def test_a_stall_is_noticed_once_for_each_limit(store: Store, witness: Witness) -> None:
    patient = replace(QUICK, stalls=(0.02, 0.05))
    await enqueue(store, [message("M00000")])
    destination = Scripted(always(SILENT))
    async with running(store, destination, witness, patience=patient):
        await witness.until(lambda: len(_stalls(witness)) == 2)
        destination.answer = always(AA)
        await witness.delivered(1)
    assert len(_stalls(witness)) == 2


async def test_a_delivery_is_progress(store: Store, witness: Witness) -> None:
    await enqueue(store, [message(name) for name in names(2)])
    destination = Scripted(always(AA))
    destination.hold = asyncio.Event()
    async with running(store, destination, witness) as courier:
        await witness.until(lambda: courier._stalls._since is not None and destination.in_flight)
        before = courier._stalls._since
        destination.hold.set()
        destination.hold = asyncio.Event()
        await witness.delivered(1)
        await witness.until(lambda: destination.in_flight == 1)
        assert courier._stalls._since > before
        destination.hold.set()
        await witness.delivered(2)


async def test_an_idle_destination_never_stalls(store: Store, witness: Witness) -> None:
    async with running(store, Scripted(always(AA)), witness) as courier:
        await enqueue(store, [message("M00000")])
        await witness.delivered(1)
        await witness.until(lambda: courier._stalls._timer is None)


async def test_a_destination_that_goes_away_by_itself_is_opened_again(
    store: Store, witness: Witness
) -> None:
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        await witness.became(up=True)
        assert destination.lost is not None
        destination.lost("the connection to the broker was lost")
        assert (await witness.became(up=False)).detail == "the connection to the broker was lost"
        await witness.became(up=True)
    assert destination.opened == 2


class Failing:
    """An outbox whose disk is full for a while."""

    def __init__(self, store: Store, failures: int) -> None:
        self._outbox = store.outbox
        self.failures = failures

    def __getattr__(self, name: str) -> object:
        return getattr(self._outbox, name)

    async def assign(self, entry: OutboxEntry, placer: str | None, filler: str | None) -> None:
        await self._outbox.assign(entry, placer, filler)

    async def mark_all_delivered(self, answered: Sequence[tuple[OutboxEntry, str]]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreFull("no room left")
        await self._outbox.mark_all_delivered(answered)


async def test_a_full_disk_delays_the_note_and_repeats_no_message(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message(name) for name in names(200)])
    destination = Scripted(always(AA))
    outbox = Failing(store, 20)
    async with running(outbox, destination, witness) as courier:
        await witness.until(lambda: courier.state.delivered == 200)
    assert destination.tries == names(200)


async def test_while_nothing_can_be_noted_little_is_sent(store: Store, witness: Witness) -> None:
    await enqueue(store, [message(name) for name in names(200)])
    destination = Scripted(always(AA))
    outbox = Failing(store, 10**9)
    async with running(outbox, destination, witness) as courier:
        await witness.until(lambda: not courier._ledger.has_room and not courier.state.in_flight)
        assert len(destination.tries) == QUICK.unsettled
        outbox.failures = 0
        await witness.until(lambda: courier.state.delivered == 200)
    assert destination.tries == names(200)


async def test_a_damaged_row_is_never_sent(tmp_path: Path, witness: Witness) -> None:
    store = await Store.open(tmp_path / "store", clock=now, post=witness.board.post)
    await enqueue(store, [message(name, lane=name) for name in names(3)])
    await store.engine.write(_damage)
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        await witness.delivered(2)
        await witness.parked()
    assert destination.arrived == ["M00000", "M00002"]
    await store.aclose()


def _damage(connection: object) -> None:
    execute = connection.execute
    execute("DROP TRIGGER outbox_stay")
    execute(
        "UPDATE outbox SET body = replace(body, X'7C317C', X'7C397C') WHERE control_id='M00001'"
    )


def _stalls(witness: Witness) -> list[DestinationChanged]:
    return [n for n in witness.of(DestinationChanged) if "nothing was acknowledged" in n.detail]


def _largest_agenda(agenda: object, sizes: list[int]) -> Callable[[OutboxEntry], Answer]:
    def answer(_entry: OutboxEntry) -> Answer:
        sizes[0] = max(sizes[0], len(agenda))
        return AA

    return answer


async def _state(store: Store, control_id: str, state: MessageState) -> None:
    async with asyncio.timeout(10):
        while (await states(store))[control_id] is not state:
            pass


async def test_our_own_bug_is_told_to_the_supervisor_and_parks_the_message(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message("BUG", lane="S1"), message("M00001"), message("NEXT", lane="S1")])
    destination = Scripted(only("BUG", ValueError))
    courier = courier_of(store, destination, witness, patience=replace(QUICK, grace=0.05))
    with pytest.raises(ExceptionGroup) as caught:
        await courier.run()
    assert isinstance(caught.value.exceptions[0], TypeError)
    again = asyncio.create_task(courier.run())
    [parked] = await witness.parked()
    assert parked.reason == "the gateway failed on it (TypeError)"
    await witness.delivered(1)
    again.cancel()
    with suppress(asyncio.CancelledError):
        await again
    assert destination.arrived == ["M00001"]
    assert (await states(store))["NEXT"] is MessageState.QUEUED


async def test_two_destinations_one_dead_two_hundred_times(store: Store, witness: Witness) -> None:
    """The living one gets every message while the other fails in every way there is."""
    ways = [SILENT, GARBAGE, LATER, NEVER, Unreachable("gone"), Refused("AR", stop=True)]
    dead = Scripted(in_turn(*(ways * 40)))
    alive = Scripted(always(AA))
    async with (
        running(store, dead, witness, name="dead") as courier,
        running(store, alive, witness, name="alive"),
    ):
        for number in range(200):
            pair = [message(f"M{number:05d}", destination=d) for d in ("dead", "alive")]
            await enqueue(store, pair)
            await witness.until(lambda n=number: len(alive.arrived) > n)
            courier.resume()
    assert alive.arrived == names(200)
    assert dead.arrived == []


async def test_batches_that_end_early_because_of_their_size(store: Store, witness: Witness) -> None:
    """The outbox gives at most 8 MiB at a time."""
    large = b"x" * 3_000_000
    await enqueue(store, [message(name, body=large) for name in names(10)])
    destination = Scripted(always(AA))
    async with running(store, destination, witness):
        await witness.delivered(10)
    assert destination.arrived == names(10)


async def test_a_retry_that_is_due_does_not_wait_for_what_was_read_ahead(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message("LATER", lane="S1"), *(message(name) for name in names(200))])
    script = in_turn(LATER, AA)

    def answer(entry: OutboxEntry) -> Answer:
        if entry.control_id == "M00002":
            destination.hold = asyncio.Event()
        return script(entry)

    destination = Scripted(answer)
    async with running(store, destination, witness) as courier:
        await witness.until(lambda: destination.hold is not None)
        reading = courier._reading
        await witness.until(
            lambda: (
                reading._ripe
                or any(entry.control_id == "LATER" for entry in reading.agenda._ready)
                or destination.tries.count("LATER") > 1
            )
        )
        destination.hold.set()
        await witness.until(lambda: "LATER" in destination.arrived)
        assert len(destination.arrived) < 200
        await witness.delivered(201)


async def test_a_lane_goes_on_after_its_retry_while_another_message_takes_long(
    store: Store, witness: Witness
) -> None:
    batch = [message("SLOW", lane="S0"), message("LATER", lane="S1"), message("NEXT", lane="S1")]
    await enqueue(store, batch)
    slow, tries = asyncio.Event(), in_turn(LATER, AA)

    class Slow(Scripted):
        async def deliver(self, entry: OutboxEntry) -> Receipt:
            if entry.control_id == "SLOW":
                await slow.wait()
            return await super().deliver(entry)

    destination = Slow(lambda e: tries(e) if e.control_id == "LATER" else AA, concurrency=2)
    patience = replace(QUICK, backoff=Backoff(first=0.002, limit=60.0))
    async with running(store, destination, witness, patience=patience):
        await witness.delivered(2)
        assert destination.arrived == ["LATER", "NEXT"]
        slow.set()
        await witness.delivered(3)


async def test_progress_begins_the_wait_for_a_stall_again(monkeypatch: pytest.MonkeyPatch) -> None:
    alarms: list[float] = []
    watch = StallWatch((5.0, 30.0), alarms.append)
    loop = asyncio.get_running_loop()
    began = time = loop.time()
    monkeypatch.setattr(loop, "time", lambda: time)

    def pass_by(seconds: float) -> None:
        nonlocal time
        time += seconds
        watch._look()

    watch.waiting()
    pass_by(4.9)
    watch.progress()
    pass_by(4.9)
    assert alarms == []
    watch.waiting()
    pass_by(0.1)
    pass_by(24.9)
    assert alarms == [5.0]
    pass_by(0.1)
    assert alarms == [5.0, 30.0]
    assert watch._timer is None
    watch.progress()
    assert watch._timer is not None
    pass_by(5.0)
    assert alarms == [5.0, 30.0, 5.0]
    watch.idle()
    pass_by(100.0)
    assert len(alarms) == 3
    time = began


# a destination that converses


async def test_a_clean_stop_waits_for_the_answer_in_a_conversation(
    store: Store, witness: Witness
) -> None:
    await enqueue(store, [message("M00000")])
    destination = Talking(always(AA))
    async with running(store, destination, witness):
        await witness.until(lambda: bool(destination.tries))
    assert await states(store) == {"M00000": MessageState.DELIVERED}
    assert destination.abandoned == 0


async def test_a_stop_gives_up_an_answer_that_does_not_come(store: Store, witness: Witness) -> None:
    await enqueue(store, [message("M00000")])
    destination = Talking(always(AA))
    destination.silent = True
    impatient = replace(QUICK, grace=0.01)
    async with running(store, destination, witness, patience=impatient) as courier:
        await witness.until(lambda: courier.state.in_flight == 1)
    assert destination.abandoned == 1
    assert courier.state.in_flight == 0
    assert await states(store) == {"M00000": MessageState.QUEUED}


async def test_a_mistake_of_ours_when_an_answer_comes_ends_the_run(
    store: Store, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever supervises must hear of it; the next run goes on from what is on disk."""
    await enqueue(store, [message("M00000"), message("M00001")])
    destination = Talking(always(AA))
    courier = courier_of(store, destination, witness)
    with monkeypatch.context() as patched:
        patched.setattr(StallWatch, "progress", _fails)
        with pytest.raises(ExceptionGroup) as caught:
            await courier.run()
    assert caught.value.split(LookupError)[1] is None
    task = asyncio.create_task(courier.run())
    await witness.delivered(2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert destination.arrived == ["M00000", "M00000", "M00001"]


def _fails(_stalls: StallWatch) -> None:
    raise LookupError("a mistake")


# what was queued just now, handed over by the outbox


class Handing:
    """An outbox that hands over what it queues; ``looks`` counts how often it was read."""

    def __init__(self, store: Store) -> None:
        self._outbox = store.outbox
        self.looks = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._outbox, name)

    async def due(self, destination: str, limit: int, now: datetime) -> Sequence[OutboxEntry]:
        self.looks += 1
        return await self._outbox.due(destination, limit, now)

    async def queue(self, *batch: OutboxMessage) -> None:
        """As the store does after a filing."""
        ready = []
        for number in await self._outbox.enqueue(batch):
            entry = await self._outbox.get(number)
            assert entry is not None
            ready.append(entry)
        self._outbox.announce(frozenset({"ehr"}), ready)


class Quiet(Handing):
    """One that says nothing when something is queued but what it hands over."""

    async def queue(self, *batch: OutboxMessage) -> None:
        said, self._outbox._subscribers = self._outbox._subscribers, {}
        numbers = await self._outbox.enqueue(batch)
        self._outbox._subscribers = said
        ready = [entry for n in numbers if (entry := await self._outbox.get(n)) is not None]
        self._outbox.announce(frozenset({"ehr"}), ready)


async def test_what_is_handed_over_is_sent_without_being_read_back(
    store: Store, witness: Witness
) -> None:
    destination, outbox = Talking(always(AA)), Quiet(store)
    only_once = replace(QUICK, refused=(60.0,))
    async with running(outbox, destination, witness, patience=only_once) as courier:
        await witness.until(lambda: courier._reading._caught_up)
        for number, name in enumerate(names(20), 1):
            await outbox.queue(message(name, lane=f"S{number % 2}"))
            await witness.delivered(number)
    assert outbox.looks == 1
    assert destination.tries == names(20)


async def test_what_is_handed_over_twice_is_sent_once(store: Store, witness: Witness) -> None:
    destination, outbox = Talking(always(AA)), Handing(store)
    async with running(outbox, destination, witness):
        for number, name in enumerate(names(50), 1):
            await outbox.queue(message(name))
            if number % 7 == 0:
                await witness.delivered(number)
        await witness.delivered(50)
    assert destination.tries == names(50)


async def test_little_is_kept_in_hand_while_the_destination_is_down(
    store: Store, witness: Witness
) -> None:
    destination, outbox = Talking(always(AA)), Quiet(store)
    async with running(outbox, destination, witness) as courier:
        await witness.until(lambda: courier._reading._caught_up)
        destination.closed = Unreachable("nobody listens there")
        assert destination.lost is not None
        destination.lost("gone")
        for start in range(0, 300, 10):
            await outbox.queue(*(message(f"M{n:05d}") for n in range(start, start + 10)))
        assert len(courier._reading.agenda) <= QUICK.prefetch // 6
        destination.closed = None
        await witness.delivered(300)
    assert destination.tries == names(300)
