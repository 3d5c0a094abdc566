"""Whatever a destination answers, in any order: each lane in order, nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from delivery_bench import (
    AA,
    QUICK,
    Answer,
    Scripted,
    Talking,
    Witness,
    always,
    an_entry,
    running,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.delivery.agenda import Agenda
from gateway.delivery.base import Backoff, Unreadable
from gateway.errors import Ambiguous, Refused, StoreFailed, Unreachable
from gateway.store import MessageState, OutboxEntry

S = MessageState
FAST = replace(QUICK, backoff=Backoff(0.0002, 0.001), refused=(0.001, 0.001, 0.001), prefetch=7)


class Memory:
    """An outbox without a disk; now and then one of its verbs fails."""

    def __init__(self, entries: Sequence[OutboxEntry], faults: Sequence[bool]) -> None:
        self.rows = {entry.id: entry for entry in entries}
        self._faults = list(faults)
        self.callback: Callable[[], None] = lambda: None
        self.withdrawn: frozenset[int] = frozenset()

    async def _turn(self) -> None:
        await asyncio.sleep(0)
        if self._faults and self._faults.pop():
            raise StoreFailed("the disk reports an error")

    async def due(self, destination: str, limit: int, now: datetime) -> Sequence[OutboxEntry]:
        found: list[OutboxEntry] = []
        fenced: set[str | None] = set()
        for entry in sorted(self.rows.values(), key=lambda row: row.position):
            waiting = entry.state is S.POSTPONED and entry.next_at is not None
            ripe = not waiting or (entry.next_at or now) <= now
            if entry.state in (S.QUEUED, S.POSTPONED) and ripe and entry.lane not in fenced:
                found.append(entry)
            if entry.state in (S.POSTPONED, S.PARKED) and entry.lane is not None:
                fenced.add(entry.lane)
        await self._turn()
        return found[:limit]

    async def list(
        self, destination: str | None, state: MessageState | None, *, limit: int
    ) -> Sequence[OutboxEntry]:
        return [row for row in self.rows.values() if row.state is state]

    async def _set(
        self, entry: OutboxEntry, state: MessageState, until: datetime | None = None
    ) -> None:
        await self._turn()
        self.rows[entry.id] = replace(self.rows[entry.id], state=state, next_at=until)

    async def mark_delivered(self, entry: OutboxEntry, answer: str) -> None:
        await self._set(entry, S.DELIVERED)

    async def mark_all_delivered(self, answered: Sequence[tuple[OutboxEntry, str]]) -> None:
        await self._turn()
        for entry, _answer in answered:
            self.rows[entry.id] = replace(self.rows[entry.id], state=S.DELIVERED, next_at=None)

    async def assign(self, entry: OutboxEntry, placer: str | None, filler: str | None) -> None:
        raise AssertionError("nobody numbered anything")

    async def mark_accepted(self, entry: OutboxEntry, answer: str) -> None:
        await self._set(entry, S.ACCEPTED)

    async def postpone(self, entry: OutboxEntry, until: datetime, reason: str) -> None:
        await self._set(entry, S.POSTPONED, until)

    async def park(self, entry: OutboxEntry, reason: str) -> None:
        await self._set(entry, S.PARKED)

    def subscribe(
        self,
        destination: str,
        callback: Callable[[], None],
        take: Callable[[Sequence[OutboxEntry]], bool] | None = None,
    ) -> Callable[[], None]:
        self.callback = callback
        return lambda: None

    @property
    def settled(self) -> bool:
        """Nothing is left that will be tried by itself."""
        fenced = {row.lane for row in self.rows.values() if row.state is S.PARKED}
        return all(
            row.state in (S.DELIVERED, S.PARKED) or (row.lane is not None and row.lane in fenced)
            for row in self.rows.values()
        )


ANSWERS: list[Answer] = [
    AA,
    Unreachable("gone"),
    Ambiguous("silent"),
    Unreadable("garbage"),
    Refused("AE", again=True),
    Refused("AE, error 101"),
    Refused("AR", stop=True),
]
LANES = st.lists(st.sampled_from(["S1", "S2", "S3", None]), min_size=1, max_size=30)
SCRIPT = st.lists(st.sampled_from(ANSWERS), max_size=60)


@settings(max_examples=60, deadline=None)
@given(LANES, SCRIPT, st.sampled_from([0, 1, 3]), st.lists(st.booleans(), max_size=20))
def test_lanes_keep_their_order(
    lanes: list[str | None], script: list[Answer], concurrency: int, faults: list[bool]
) -> None:
    """With one at a time, three, or a conversation (0)."""
    asyncio.run(_check(lanes, script, concurrency, faults))


async def _check(
    lanes: list[str | None], script: list[Answer], concurrency: int, faults: list[bool]
) -> None:
    entries = [an_entry(number, lane) for number, lane in enumerate(lanes, 1)]
    outbox = Memory(entries, faults)
    left = list(script)
    attempted: list[tuple[int, set[int]]] = []

    def answer(entry: OutboxEntry) -> Answer:
        done = {row.id for row in outbox.rows.values() if row.state is S.DELIVERED}
        attempted.append((entry.id, done))
        return left.pop() if left else AA

    destination = Scripted(answer, concurrency=concurrency) if concurrency else Talking(answer)
    witness = Witness()
    async with running(outbox, destination, witness, patience=FAST) as courier:

        def finished() -> bool:
            if courier.state.stopped is not None:
                courier.resume()
            return outbox.settled

        await witness.until(finished)

    assert len(destination.arrived) == len(set(destination.arrived))
    delivered = {f"M{row.id}" for row in outbox.rows.values() if row.state is S.DELIVERED}
    assert set(destination.arrived) == delivered
    for number, done in attempted:
        lane = outbox.rows[number].lane
        earlier = {e.id for e in entries if e.id < number and e.lane == lane and lane is not None}
        assert earlier <= done, "an entry was tried before its predecessor was written down"


def test_without_failures_nothing_overtakes_a_single_courier() -> None:
    async def scenario(destination: Scripted) -> list[str]:
        entries = [an_entry(n, f"S{n % 2}") for n in range(1, 200)]
        witness = Witness()
        async with running(Memory(entries, ()), destination, witness, patience=FAST):
            await witness.delivered(199)
        return destination.arrived

    for destination in (Scripted(always(AA)), Talking(always(AA))):
        assert asyncio.run(scenario(destination)) == [f"M{n}" for n in range(1, 200)]


def test_an_answer_of_the_outbox_that_is_out_of_date_does_no_harm() -> None:
    agenda = Agenda(strict=False)
    first, second, third = (an_entry(n, lane) for n, lane in ((1, "S1"), (2, "S1"), (3, "S2")))
    agenda.begin_fetch()
    agenda.fill([first, second, third])
    assert agenda.take() == first
    agenda.begin_fetch()
    agenda.finish(first, fenced=True)
    agenda.fill([first, second, third])
    assert [agenda.take(), agenda.take()] == [third, None]


def test_what_was_put_back_stays_as_it_was_put_back() -> None:
    """A fetch that began before the try was written down does not undo what is known of it."""
    agenda = Agenda(strict=True)
    first, second = an_entry(1), an_entry(2)
    agenda.begin_fetch()
    agenda.fill([first, second])
    assert agenda.take() == first
    agenda.put_back(tried := replace(first, attempts=1))
    agenda.fill([first, second])
    assert agenda.take() == tried
    agenda.finish(tried)
    agenda.begin_fetch()
    agenda.fill([second])
    assert agenda.take() == second
