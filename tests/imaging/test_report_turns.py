"""When devices are told what is safe; the test decides what its reader and its peers do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from services_site import ROOMY

from gateway.drivers.dicom.service import Answer, Dialogue
from gateway.drivers.dicom.services.reporter import Reporter
from gateway.imaging.commitment import Failure, Reference, Request
from gateway.imaging.commitments import Commitment, Commitments, CommitmentState
from gateway.imaging.procedure_steps import Sender
from gateway.protocols.dicom import Context, NEventReportRQ, Status
from gateway.store import Store

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
CLASS = "1.2.840.10008.1.20.1"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
CONTEXT = Context(1, CLASS, "1.2.840.10008.1.2.1", scu=False, scp=True)
LIMIT = 10.0


@dataclass(slots=True)
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Peer:
    """A ``Dialogue``: hears a report when ``answer`` is set, and then says ``status``."""

    status: int = Status.SUCCESS
    over: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    told: int = 0

    def next_message_id(self) -> int:
        return 1

    async def ask(self, context: Context, request: NEventReportRQ, data_set: bytes) -> Answer:
        self.told += 1
        self.reached.set()
        await self.answer.wait()
        self.answer.clear()
        return Answer(request.response(Status(self.status)))


@dataclass(slots=True)
class Bench:
    commitments: Commitments
    reporter: Reporter

    async def asked(self, uid: str, peer: Peer | None = None, calling: str = "ROOM-1") -> int:
        """As the provider does."""
        sender = Sender("us-room", calling, "192.0.2.1")
        request = Request(f"2.25.{uid[-1]}", (Reference(ULTRASOUND, uid),))
        number = await self.commitments.ask(request, sender, "GATEWAY")
        if peer is not None:
            self.reporter.owed(number, cast("Dialogue", peer), CONTEXT, calling)
        return number

    async def until(self, number: int, done: Callable[[Commitment], bool]) -> Commitment:
        """Its row, as soon as it is so."""
        while (found := await self.commitments.get(number)) is None or not done(found):
            pass
        return found


Inspect = Callable[[Reference, str], Any]


async def safe(_one: Reference, _calling: str) -> Failure | None:
    return None


@asynccontextmanager
async def bench(
    folder: Path, clock: Callable[[], datetime], inspect: Inspect = safe, first: float = 10.0
) -> AsyncIterator[Bench]:
    store = await Store.open(folder, clock=clock, space=ROOMY)
    commitments = Commitments(store.engine)
    reporter = Reporter(
        commitments,
        inspect,
        ae_title="GATEWAY",
        ports={},
        clock=clock,
        random=lambda: 0.0,
        first=first,
    )
    running = asyncio.create_task(reporter.run())
    try:
        async with asyncio.timeout(LIMIT):
            yield Bench(commitments, reporter)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.aclose()


async def test_a_device_whose_files_take_long_to_read_holds_up_no_other(tmp_path: Path) -> None:
    """The second try for one unit is due while thousands of another's files are being read."""
    reading, again = asyncio.Event(), asyncio.Event()
    tries = iter(range(1, 100))

    async def inspect(one: Reference, _calling: str) -> Failure | None:
        if one.uid == "1.1":
            reading.set()
            await asyncio.Event().wait()
        elif next(tries) == 2:
            again.set()
        return Failure.NO_SUCH_INSTANCE

    async with bench(tmp_path, lambda: datetime.now(UTC), inspect, first=0.01) as ours:
        await ours.asked("1.1")
        await ours.asked("1.2", Peer(over=True))
        await reading.wait()
        await again.wait()


async def test_a_device_that_is_back_while_it_is_told_in_vain_is_told_at_once(
    tmp_path: Path,
) -> None:
    """It was switched on while we waited for it to answer; the next try was an hour away."""
    clock = Clock()
    async with bench(tmp_path, clock) as ours:
        peer = Peer(status=Status.PROCESSING_FAILURE)
        await ours.asked("1.1", peer)
        await peer.reached.wait()
        clock.now += timedelta(seconds=5)
        await ours.commitments.call_again("ROOM-1")
        peer.reached.clear()
        peer.answer.set()
        await peer.reached.wait()
    assert peer.told == 2


async def test_a_request_that_comes_again_while_it_is_reported_is_reported_again(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with bench(tmp_path, clock) as ours:
        first, second = Peer(), Peer()
        number = await ours.asked("1.1", first)
        await first.reached.wait()
        clock.now += timedelta(seconds=5)
        assert await ours.asked("1.1", second) == number
        first.answer.set()
        await second.reached.wait()
        second.answer.set()
        await ours.until(number, lambda c: c.state is not CommitmentState.OPEN)
    assert (first.told, second.told) == (1, 1)


async def test_a_request_that_comes_again_after_weeks_is_not_given_up_at_once(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with bench(tmp_path, clock) as ours:
        first = Peer()
        number = await ours.asked("1.1", first)
        await first.reached.wait()
        first.answer.set()
        await ours.until(number, lambda c: c.state is CommitmentState.REPORTED)
        clock.now += timedelta(days=20)
        second = Peer(status=Status.PROCESSING_FAILURE)
        await ours.asked("1.1", second)
        await second.reached.wait()
        second.answer.set()
        found = await ours.until(number, lambda c: c.attempts > 0)
        assert found.state is CommitmentState.OPEN


async def test_a_clock_that_was_put_back_does_not_put_off_a_report(tmp_path: Path) -> None:
    clock = Clock()
    async with bench(tmp_path, clock) as ours:
        peer = Peer(status=Status.PROCESSING_FAILURE)
        number = await ours.asked("1.1", peer)
        await peer.reached.wait()
        peer.answer.set()
        await ours.until(number, lambda c: c.attempts > 0)
        clock.now -= timedelta(days=1)
        peer.reached.clear()
        ours.reporter.owed(number, cast("Dialogue", peer), CONTEXT, "ROOM-1")
        await peer.reached.wait()


async def test_a_unit_that_asks_again_from_elsewhere_is_told_there(tmp_path: Path) -> None:
    async with bench(tmp_path, lambda: NOON) as ours:
        number = await ours.asked("1.1", Peer(over=True))
        request = Request("2.25.1", (Reference(ULTRASOUND, "1.1"),))
        moved = Sender("us-room", "ROOM-2", "192.0.2.9")
        assert await ours.commitments.ask(request, moved, "ARCHIVE") == number
        found = await ours.commitments.get(number)
    assert found is not None
    assert (found.calling, found.host, found.called) == ("ROOM-2", "192.0.2.9", "ARCHIVE")


async def test_a_unit_that_calls_for_every_image_is_called_back_once_a_minute(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with bench(tmp_path, clock) as ours:
        peer = Peer(status=Status.PROCESSING_FAILURE)
        number = await ours.asked("1.1", peer)
        for attempt in (1, 2):
            await peer.reached.wait()
            peer.reached.clear()
            peer.answer.set()
            await ours.until(number, lambda c, attempt=attempt: c.attempts == attempt)
            for _ in range(30):
                ours.reporter.called("us-room")
                await ours.commitments.get(number)
        assert peer.told == 2
