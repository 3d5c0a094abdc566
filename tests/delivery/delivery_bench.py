"""What the delivery tests share: scaled patience, a watcher of notices, destinations by script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TypeVar

from gateway.delivery.base import Backoff, Destination, Outbox, Patience, Receipt, Result
from gateway.delivery.courier import Courier
from gateway.errors import DeliveryError
from gateway.notices import (
    Delivered,
    DeliveryParked,
    DestinationChanged,
    LaneStopped,
    Notice,
    Noticeboard,
    Posted,
)
from gateway.store import MessageState, OutboxEntry, OutboxMessage, Store

DEADLINE = 20.0
QUICK = Patience(
    backoff=Backoff(first=0.002, limit=0.01),
    refused=(0.01, 0.02, 0.03),
    application=0.05,
    stalls=(60.0, 120.0),
    grace=5.0,
)
N = TypeVar("N")


def now() -> datetime:
    return datetime.now(UTC)


def no_chance() -> float:
    return 0.0


def oru(control_id: str, *, text: str = "1", accept: str = "", application: str = "") -> bytes:
    header = rf"MSH|^~\&|GATEWAY|A|EHR|B|20260105101200||ORU^R01^ORU_R01|{control_id}|P|2.5.1|||"
    return f"{header}{accept}|{application}\rOBX|1|ST|X||{text}||||||F\r".encode()


def message(
    control_id: str, *, lane: str | None = None, destination: str = "ehr", body: bytes | None = None
) -> OutboxMessage:
    return OutboxMessage(
        destination,
        lane,
        control_id,
        "application/hl7-v2",
        oru(control_id) if body is None else body,
        {"content": "result", "device": "analyzer", "id": f"report-{control_id}"},
    )


def an_entry(
    number: int = 1,
    lane: str | None = None,
    *,
    control_id: str | None = None,
    body: bytes | None = None,
    meta: Mapping[str, str] | None = None,
    attempts: int = 0,
) -> OutboxEntry:
    control_id = f"M{number}" if control_id is None else control_id
    return OutboxEntry(
        id=number,
        position=number,
        destination="ehr",
        lane=lane,
        report=f"report-{number}",
        revision=1,
        device="analyzer",
        control_id=control_id,
        content_type="application/hl7-v2",
        meta=meta or {},
        body=oru(control_id) if body is None else body,
        created_at=now(),
        resend_of=None,
        state=MessageState.QUEUED,
        attempts=attempts,
        next_at=None,
        first_try=None,
        last_try=None,
        finished_at=None,
        answer=None,
    )


async def until(
    condition: Callable[[], bool],
    changed: asyncio.Event | None = None,
    seconds: float = DEADLINE,
) -> None:
    """Looks whenever ``changed`` is set, and every 10 ms."""
    event = changed or asyncio.Event()
    async with asyncio.timeout(seconds):
        while not condition():
            event.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await event.wait()


class Witness:
    """Keeps every notice and lets a test wait until what it expects has happened."""

    def __init__(self) -> None:
        self.board = Noticeboard(now)
        self.seen: list[Notice] = []
        self._changed = asyncio.Event()
        self._watching = self.board.watched_by(self._watch)
        self._watching.__enter__()

    def _watch(self, posted: Posted) -> None:
        self.seen.append(posted.notice)
        self._changed.set()

    def poke(self) -> None:
        self._changed.set()

    def of(self, kind: type[N]) -> list[N]:
        return [notice for notice in self.seen if isinstance(notice, kind)]

    async def until(self, condition: Callable[[], bool], seconds: float = DEADLINE) -> None:
        """Looks at every notice, and now and then for what no notice tells."""
        await until(condition, self._changed, seconds)

    async def delivered(self, count: int) -> list[Delivered]:
        await self.until(lambda: len(self.of(Delivered)) >= count)
        return self.of(Delivered)

    async def parked(self, count: int = 1) -> list[DeliveryParked]:
        await self.until(lambda: len(self.of(DeliveryParked)) >= count)
        return self.of(DeliveryParked)

    async def stopped(self) -> LaneStopped:
        await self.until(lambda: bool(self.of(LaneStopped)))
        return self.of(LaneStopped)[0]

    async def became(self, up: bool) -> DestinationChanged:
        def last() -> bool:
            changes = self.of(DestinationChanged)
            return bool(changes) and changes[-1].up is up

        await self.until(last)
        return self.of(DestinationChanged)[-1]


Answer = Receipt | DeliveryError | type[asyncio.CancelledError]


class Scripted:
    """A destination that does as ``answer`` says; ``tries`` is every attempt, in order."""

    def __init__(self, answer: Callable[[OutboxEntry], Answer], *, concurrency: int = 1) -> None:
        self.concurrency = concurrency
        self.answer = answer
        self.tries: list[str] = []
        self.arrived: list[str] = []
        self.opened = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed: DeliveryError | None = None
        self.hold: asyncio.Event | None = None
        self.lost: Callable[[str], None] | None = None
        self.expected: dict[str, asyncio.Future[Receipt]] = {}
        self.served = 0

    async def open(self) -> None:
        self.opened += 1
        await asyncio.sleep(0)
        if self.closed is not None:
            raise self.closed

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        self.tries.append(entry.control_id)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.hold is not None:
                await self.hold.wait()
            await asyncio.sleep(0)
            answer = self.answer(entry)
        finally:
            self.in_flight -= 1
        if isinstance(answer, DeliveryError):
            raise answer
        if not isinstance(answer, Receipt):
            raise TypeError("no answer in the script")
        self.arrived.append(entry.control_id)
        return answer

    async def serve(self, lost: Callable[[str], None]) -> None:
        self.lost = lost
        self.served += 1
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self.served -= 1

    def expect(self, entry: OutboxEntry) -> asyncio.Future[Receipt]:
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.expected[entry.control_id] = future
        return future


class Talking(Scripted):
    """One that converses: the answer comes in a call of the loop; every third goes the long way."""

    def __init__(self, answer: Callable[[OutboxEntry], Answer]) -> None:
        super().__init__(answer)
        self._next: asyncio.Handle | None = None
        self.abandoned = 0
        self.silent = False

    def begin(self, entry: OutboxEntry, landed: Callable[[OutboxEntry, Result], None]) -> bool:
        assert self._next is None, "one message at a time"
        if entry.id % 3 == 0:
            return False
        self.tries.append(entry.control_id)
        loop = asyncio.get_running_loop()
        if self.silent:
            self._next = loop.call_later(1e6, self._say, entry, landed)
        else:
            self._next = loop.call_soon(self._say, entry, landed)
        return True

    def abandon(self) -> None:
        assert self._next is not None
        self._next.cancel()
        self._next = None
        self.abandoned += 1

    def _say(self, entry: OutboxEntry, landed: Callable[[OutboxEntry, Result], None]) -> None:
        self._next = None
        answer = self.answer(entry)
        assert isinstance(answer, Receipt | DeliveryError)
        if isinstance(answer, Receipt):
            self.arrived.append(entry.control_id)
        landed(entry, answer)


def always(answer: Answer) -> Callable[[OutboxEntry], Answer]:
    return lambda _entry: answer


def in_turn(*answers: Answer) -> Callable[[OutboxEntry], Answer]:
    """One after the other; the last goes on for ever."""
    left = list(answers)
    return lambda _entry: left.pop(0) if len(left) > 1 else left[0]


AA = Receipt("AA")


def courier_of(
    outbox: Outbox | Store,
    destination: Destination,
    witness: Witness,
    *,
    patience: Patience = QUICK,
    name: str = "ehr",
    clock: Callable[[], datetime] = now,
) -> Courier:
    return Courier(
        name,
        outbox.outbox if isinstance(outbox, Store) else outbox,
        destination,
        clock=clock,
        random=no_chance,
        notices=witness.board,
        patience=patience,
    )


@asynccontextmanager
async def running(
    outbox: Outbox | Store,
    destination: Destination,
    witness: Witness,
    *,
    patience: Patience = QUICK,
    name: str = "ehr",
    clock: Callable[[], datetime] = now,
) -> AsyncIterator[Courier]:
    courier = courier_of(outbox, destination, witness, patience=patience, name=name, clock=clock)
    task = asyncio.create_task(courier.run())
    task.add_done_callback(lambda _task: witness.poke())
    try:
        yield courier
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def states(store: Store, destination: str = "ehr") -> dict[str, MessageState]:
    entries = await store.outbox.list(destination, None, limit=100_000)
    return {entry.control_id: entry.state for entry in reversed(entries)}


async def enqueue(store: Store, messages: Sequence[OutboxMessage]) -> Sequence[int]:
    return await store.outbox.enqueue(messages)
