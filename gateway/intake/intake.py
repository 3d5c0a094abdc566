"""A closed transmission becomes reports on disk and messages in the outbox, in one transaction.

The bytes are in the journal already, so nothing here can lose them: what cannot be read is held
with the reason, what was cut off is kept as incomplete evidence, and while the store cannot write,
the filing waits and is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter
from typing import Any

from gateway import logs
from gateway.errors import StoreError
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.routes import Router, obstacle
from gateway.messages import NotEncodable, canonical_text
from gateway.notices import DuplicateSeen, Heard, Noticeboard, ReportFiled, TransmissionLost
from gateway.profiles import Context, read_transmission
from gateway.report import Problem, ProblemCode, Report
from gateway.store import Filed, FiledReport, Filing, NotOpen, OutboxMessage, Outcome, Store
from gateway.supervision import describe

_PAUSE = 0.5
_SHARE = 3  # under load, so many parts of the time belong to the lines
_BACKLOG = 4096  # transmissions; beyond it reading is as urgent as anything


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a transmission means today; ``filing`` is None when it holds no results."""

    known: Known
    filing: Filing | None
    reports: tuple[Report, ...]


class Intake:
    """``complete`` and ``incomplete`` return at once; ``drained`` waits for what they began."""

    def __init__(
        self,
        store: Store,
        devices: Mapping[str, Known],
        router: Router,
        notices: Noticeboard,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._attribution = Attribution(devices)
        self._router = router
        self._notices = notices
        self._clock = clock
        self._filing: set[asyncio.Task[None]] = set()
        self._arrived: deque[Arrival] = deque()
        self._reading: asyncio.Task[None] | None = None

    def complete(self, arrival: Arrival) -> None:
        """Reads a whole transmission and files what it means, in the order of the calls."""
        self._arrived.append(arrival)
        if self._reading is None:
            self._reading = self._begin(self._read_all())

    async def _read_all(self) -> None:
        """One transmission after the other; acknowledging frames goes first on a busy day.

        What waits is in the journal, so a backlog costs time and loses nothing.
        """
        try:
            while self._arrived:
                started = perf_counter()
                self._read_one(self._arrived.popleft())
                spent = perf_counter() - started
                await asyncio.sleep(0)
                others = perf_counter() - started - spent
                if others > spent / 2 and len(self._arrived) < _BACKLOG:
                    await asyncio.sleep(spent * _SHARE)
        finally:
            self._reading = None

    def _read_one(self, arrival: Arrival) -> None:
        try:
            meaning = self.read(arrival)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not lose a result
            logs.get().error("intake.failed", failure=describe(error))
            filing = Filing(None, problems=(Problem(ProblemCode.UNREADABLE, ""),))
            meaning = Meaning(self._attribution.first(arrival), filing, ())
        outcome = Outcome.OTHER if meaning.filing is None else Outcome.COMPLETE
        self._begin(self._file(arrival, meaning, outcome, ""))

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        """Keeps what was cut off as evidence; nothing of it is delivered."""
        known = self._attribution.first(arrival)
        detail = {"transmission": str(arrival.transmission), "reason": reason}
        filing = Filing(None, messages=tuple(self._event(known.name, "incomplete", detail)))
        self._begin(self._file(arrival, Meaning(known, filing, ()), Outcome.INCOMPLETE, reason))

    async def drained(self) -> None:
        """Everything begun so far is on disk."""
        while self._filing:
            await asyncio.wait(tuple(self._filing))

    async def recover(self) -> int:
        """Files what a crash or a failed disk left open; how many there were."""
        left = self._store.unfinished()
        for opened in left:
            devices = self._attribution.known(opened.device)
            if not devices:
                await self._abandon(opened.id)
                continue
            arrival = None
            if not opened.damaged:
                arrival = self.rebuilt(
                    opened.id,
                    opened.device,
                    opened.protocol,
                    opened.entries,
                    opened.peer,
                    opened.opened_at,
                )
            if arrival is not None:
                self.complete(arrival)
            else:
                cut = Arrival(opened.id, devices, opened.protocol, b"", False, opened.peer)
                self.incomplete(cut, "damaged" if opened.damaged else "restart")
        await self.drained()
        return len(left)

    def rebuilt(
        self,
        transmission: int,
        device: str,
        protocol: str,
        entries: Sequence[bytes],
        peer: str,
        received_at: datetime,
    ) -> Arrival | None:
        """A transmission from its journal entries; None when they are not a whole one."""
        names = self._attribution.known(device)
        if not names:
            return None
        link = self._attribution.device(names[0]).profile.link
        return Arrival.stored(transmission, names, protocol, entries, peer, received_at, link)

    def read(self, arrival: Arrival) -> Meaning:
        """What the transmission means with today's profiles; changes nothing."""
        known, doubt = self._attribution.resolve(arrival)
        context = Context(
            device_id=known.name,
            timezone=known.timezone,
            received_at=(arrival.received_at or self._clock()).astimezone(known.timezone),
            transmission=str(arrival.transmission),
            codes=known.codes,
            units=known.units,
        )
        reading = read_transmission(
            arrival.payload, known.profile, context, checked=arrival.checked
        )
        doubts = () if doubt is None else (doubt,)
        if not reading.reports and not reading.problems:
            return Meaning(known, None, ())
        filed = tuple(self._filed(report, doubts) for report in reading.reports)
        events = [m for report in filed if report.held for m in self._held_event(report)]
        problems = () if filed else (*reading.problems, *doubts)
        key = hashlib.sha256(known.name.encode() + b"\0" + reading.content_key).digest()
        return Meaning(known, Filing(key, filed, problems, tuple(events)), reading.reports)

    def _filed(self, report: Report, doubts: tuple[Problem, ...]) -> FiledReport:
        report = replace(
            report, problems=(*report.problems, *doubts, *self._router.obstacles(report))
        )
        messages: tuple[OutboxMessage, ...] = ()
        if not report.held:
            try:
                messages = self._router.messages(report)
            except NotEncodable as error:
                report = replace(report, problems=(*report.problems, obstacle(error)))
        return FiledReport(
            id=report.id,
            device=report.device.id,
            kind=report.kind.value,
            received_at=report.received_at,
            body=canonical_text(report),
            specimen=report.specimen.id,
            problems=report.problems,
            messages=messages,
        )

    def _held_event(self, report: FiledReport) -> list[OutboxMessage]:
        return self._event(report.device, "held", {"report": report.id, "reasons": _held(report)})

    def _event(self, device: str, kind: str, detail: Mapping[str, object]) -> list[OutboxMessage]:
        return self._router.event(device, kind, detail)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._filing.add(task)
        task.add_done_callback(self._filing.discard)
        return task

    async def _file(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str
    ) -> None:
        profile = meaning.known.profile.name
        while True:
            try:
                filed = await self._store.close_transmission(
                    arrival.transmission,
                    outcome,
                    reason,
                    meaning.filing,
                    profile=profile,
                    device=meaning.known.name,
                )
                break
            except NotOpen:  # filed meanwhile, by a recovery after the disk failed
                return
            except StoreError:
                await asyncio.sleep(_PAUSE)
        self._tell(arrival, meaning, outcome, reason, filed)

    async def _abandon(self, transmission: int) -> None:
        """Its device is not configured any more: the bytes stay, as evidence."""
        await self._store.close_transmission(transmission, Outcome.INCOMPLETE, "device-unknown")

    def _tell(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str, filed: Filed
    ) -> None:
        device = meaning.known.name
        if outcome is Outcome.INCOMPLETE:
            self._notices.post(TransmissionLost(device, arrival.transmission, reason))
            return
        if len(arrival.candidates) > 1:
            self._notices.post(Heard(device))
        if filed.duplicate_of is not None:
            self._notices.post(DuplicateSeen(device, arrival.transmission, filed.duplicate_of))
            return
        counts = {report.id: len(report.observations) for report in meaning.reports}
        for report in () if meaning.filing is None else meaning.filing.reports:
            count = counts.get(report.id, 0)
            notice = ReportFiled(device, report.id, report.kind, count, tuple(_held(report)))
            self._notices.post(notice)


def _held(report: FiledReport) -> list[str]:
    return sorted({problem.code.value for problem in report.problems if problem.hold})
