"""A closed transmission becomes reports on disk and messages in the outbox, in one transaction.

The bytes are in the journal already, so nothing here can lose them: what cannot be read is held
with the reason, what was cut off is kept as incomplete evidence, and while the store cannot write,
the filing waits and is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from gateway.errors import StoreError
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.routes import FIRST, Router, obstacle
from gateway.messages import NotEncodable, canonical
from gateway.notices import (
    DuplicateSeen,
    Noticeboard,
    ReportFiled,
    TransmissionLost,
)
from gateway.profiles import Context, read_transmission
from gateway.report import Problem, ProblemCode, Report
from gateway.store import NOTHING, FiledReport, Filed, Filing, Outcome, Store

_PAUSE = 0.5


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

    def complete(self, arrival: Arrival) -> None:
        """Reads a whole transmission and files what it means."""
        device, filing, reports = self.read(arrival)
        outcome = Outcome.COMPLETE if filing is not NOTHING else Outcome.OTHER
        self._begin(self._file(device, arrival, outcome, "", filing, reports))

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        """Keeps what was cut off as evidence; nothing of it is delivered."""
        device = self._attribution.name(arrival)
        detail = {"transmission": str(arrival.transmission), "reason": reason}
        filing = Filing(None, messages=tuple(self._router.event(device, "incomplete", detail)))
        self._begin(self._file(device, arrival, Outcome.INCOMPLETE, reason, filing, ()))

    async def drained(self) -> None:
        """Everything begun so far is on disk."""
        while self._filing:
            await asyncio.wait(tuple(self._filing))

    def read(self, arrival: Arrival) -> tuple[str, Filing, tuple[Report, ...]]:
        """What the transmission means today: the device's name, what to file, its reports."""
        known, problem = self._attribution.resolve(arrival)
        context = Context(
            device_id=known.name,
            timezone=known.timezone,
            codes=known.codes,
            units=known.units,
            received_at=self._clock(),
            transmission=str(arrival.transmission),
        )
        reading = read_transmission(
            arrival.payload, known.profile, context, checked=arrival.checked
        )
        extra = () if problem is None else (problem,)
        filed = tuple(self._filed(report, extra) for report in reading.reports)
        if not filed and not reading.problems:
            return known.name, NOTHING, ()
        events = [m for report in filed if report.held for m in self._held_event(report)]
        problems = (*reading.problems, *extra) if not filed else ()
        key = hashlib.sha256(known.name.encode() + b"\0" + reading.content_key).digest()
        filing = Filing(key, filed, problems, tuple(events))
        return known.name, filing, reading.reports

    def _filed(self, report: Report, extra: Sequence[Problem]) -> FiledReport:
        problems = (*report.problems, *extra, *self._router.obstacles(report))
        messages = ()
        if not any(p.hold for p in problems):
            try:
                messages = self._router.messages(report, FIRST)
            except NotEncodable as error:
                problems = (*problems, obstacle(error))
        return FiledReport(
            id=report.id,
            device=report.device.id,
            kind=report.kind.value,
            received_at=report.received_at,
            body=canonical(report),
            specimen=report.specimen.id,
            problems=tuple(problems),
            messages=messages,
        )

    def _held_event(self, report: FiledReport) -> Sequence:
        reasons = sorted({p.code.value for p in report.problems if p.hold})
        return self._router.event(report.device, "held", {"report": report.id, "reasons": reasons})

    def _begin(self, work) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._filing.add(task)
        task.add_done_callback(self._filing.discard)

    async def _file(
        self,
        device: str,
        arrival: Arrival,
        outcome: Outcome,
        reason: str,
        filing: Filing,
        reports: tuple[Report, ...],
    ) -> None:
        while True:
            try:
                filed = await self._store.close_transmission(
                    arrival.transmission, outcome, reason, filing
                )
            except StoreError:
                await asyncio.sleep(_PAUSE)
                continue
            break
        self._tell(device, arrival, outcome, reason, filing, filed, reports)

    def _tell(self, device, arrival, outcome, reason, filing, filed: Filed, reports) -> None:
        if outcome is Outcome.INCOMPLETE:
            self._notices.post(TransmissionLost(device, arrival.transmission, reason))
        if filed.duplicate_of is not None:
            self._notices.post(DuplicateSeen(device, arrival.transmission, filed.duplicate_of))
            return
        counts = {report.id: len(report.observations) for report in reports}
        for report in filing.reports:
            held = tuple(sorted({p.code.value for p in report.problems if p.hold}))
            self._notices.post(
                ReportFiled(device, report.id, report.kind, counts.get(report.id, 0), held)
            )
