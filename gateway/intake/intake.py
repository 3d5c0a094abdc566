"""A closed transmission becomes reports on disk and messages in the outbox, in one transaction.

The bytes are in the journal already, so nothing here can lose them: what cannot be read is held
with the reason, what was cut off is kept as incomplete evidence, and while the store cannot write,
the filing waits and is tried again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from typing import Any

from gateway import logs
from gateway.errors import StoreError
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.planning import Check, Meaning, Planner, reasons
from gateway.intake.routes import Router
from gateway.matching import Finding, Rules, look, nothing_before
from gateway.matching.quality import Material
from gateway.notices import DuplicateSeen, Heard, Noticeboard, ReportFiled, TransmissionLost
from gateway.profiles import Context, read_transmission
from gateway.protocols.astm import Ack
from gateway.report import Problem, ProblemCode
from gateway.store import (
    Filed,
    Filing,
    NotOpen,
    OpenTransmission,
    Outcome,
    OutOfDate,
    Store,
)
from gateway.supervision import describe

_PAUSE = 0.5
_GRACE = 1.0  # seconds a stop may take for reading
_SHARE = 3  # under load, so many parts of the time belong to the lines
_BACKLOG = 4096  # transmissions; beyond it reading is as urgent as anything


class Intake:
    """``complete`` and ``incomplete`` return at once; ``drained`` waits for what they began.

    ``rules`` are those of matching, None where nobody sends orders.  Where it cannot matter what
    was before, a filing goes straight to the store, which checks that; else what is known is read
    first, one transmission of a device after the other, and checked again in the transaction.
    """

    def __init__(
        self,
        store: Store,
        devices: Mapping[str, Known],
        router: Router,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        rules: Rules | None = None,
        materials: Mapping[str, Material] | None = None,
    ) -> None:
        self._store = store
        self._attribution = Attribution(devices)
        self._router = router
        self._notices = notices
        self._clock = clock
        self._rules = rules
        self._planner = Planner(router, clock, materials)
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._filing: set[asyncio.Task[None]] = set()
        self._arrived: deque[Arrival] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._hurried = False

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
                busy = 0 < len(self._arrived) < _BACKLOG and not self._hurried
                await asyncio.sleep((perf_counter() - started) * _SHARE if busy else 0)
        finally:
            self._reading = None

    def _read_one(self, arrival: Arrival) -> None:
        try:
            meaning = self.read(arrival)
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not lose a result
            logs.get().error("intake.failed", failure=describe(error))
            problems = (Problem(ProblemCode.UNREADABLE, ""),)
            meaning = Meaning(self._attribution.first(arrival), None, (), problems)
        said = meaning.content_key is not None or meaning.problems
        outcome = Outcome.COMPLETE if said else Outcome.OTHER
        self._begin(self._file(arrival, meaning, outcome, ""))

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        """Keeps what was cut off as evidence; nothing of it is delivered."""
        known = self._attribution.first(arrival)
        detail = {"transmission": str(arrival.transmission), "reason": reason}
        meaning = Meaning(
            known, None, messages=tuple(self._router.event(known.name, "incomplete", detail))
        )
        self._begin(self._file(arrival, meaning, Outcome.INCOMPLETE, reason))

    async def drained(self) -> None:
        """Everything begun so far is on disk."""
        self._hurried = True
        try:
            while self._filing:
                await asyncio.wait(tuple(self._filing))
        finally:
            self._hurried = False

    async def ended(self, grace: float = _GRACE) -> None:
        """As ``drained``, but a stop does not wait longer than ``grace`` seconds for it.

        What is not filed by then stands in the journal, for ``recover`` at the next start.
        """
        try:
            async with asyncio.timeout(grace):
                await self.drained()
        except TimeoutError:
            left = tuple(self._filing)
            logs.get().warning("intake.left", count=len(left) + len(self._arrived))
            self._arrived.clear()
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

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
                    opened.entries or self._acknowledged_chunks(opened),
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

    def _acknowledged_chunks(self, opened: OpenTransmission) -> tuple[bytes, ...]:
        """A device that wants every read acknowledged may believe it is done before we were."""
        dialect = self._attribution.device(opened.device.split("+")[0]).profile.link.dialect
        if dialect is None or dialect.ack is not Ack.PER_CHUNK:
            return ()
        return tuple(piece.data for piece in opened.evidence)

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
            return Meaning(known, None)
        reports = tuple(replace(r, problems=(*r.problems, *doubts)) for r in reading.reports)
        problems = () if reports else (*reading.problems, *doubts)
        key = hashlib.sha256(known.name.encode() + b"\0" + reading.content_key).digest()
        return Meaning(known, key, reports, problems)

    async def review(self, arrival: Arrival) -> Filing | None:
        """What a stored transmission would be filed as today; None when it holds no results."""
        meaning = self.read(arrival)
        if meaning.content_key is None:
            return None
        now, until = self._clock(), arrival.transmission
        findings = await self._store.engine.read(
            lambda c: look(c, meaning.reports, self._rules, now, until)
        )
        return self._planner.filing(meaning, findings, arrival.transmission, None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._filing.add(task)
        task.add_done_callback(self._filing.discard)
        return task

    async def _file(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str
    ) -> None:
        device = meaning.known.name
        if self._rules is None and not self._waiting[device]:
            filing = self._straight(arrival, meaning)
            try:
                filed = await self._close(arrival, meaning, outcome, reason, filing)
            except (OutOfDate, StoreError) as error:
                if isinstance(error, NotOpen):  # filed by a recovery after the disk failed
                    return
            else:
                self._tell(arrival, meaning, outcome, reason, filing, filed)
                return
        self._waiting[device] += 1
        try:
            async with self._turns.setdefault(device, asyncio.Lock()):
                await self._file_in_turn(arrival, meaning, outcome, reason)
        finally:
            self._waiting[device] -= 1

    async def _file_in_turn(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str
    ) -> None:
        while True:
            try:
                filing = await self._considered(arrival, meaning)
                filed = await self._close(arrival, meaning, outcome, reason, filing)
                break
            except NotOpen:
                return
            except OutOfDate:
                continue
            except StoreError:
                await asyncio.sleep(_PAUSE)
        self._tell(arrival, meaning, outcome, reason, filing, filed)

    def _straight(self, arrival: Arrival, meaning: Meaning) -> Filing:
        """As if there had been nothing before, which the store checks."""
        reports = meaning.reports
        check = (lambda c: nothing_before(c, reports)) if reports else None
        return self._planned(arrival, meaning, meaning.findings, check)

    async def _considered(self, arrival: Arrival, meaning: Meaning) -> Filing:
        if not meaning.reports:
            return self._straight(arrival, meaning)
        reports, rules, now = meaning.reports, self._rules, self._clock()
        findings = await self._store.engine.read(lambda c: look(c, reports, rules, now))
        return self._planned(
            arrival, meaning, findings, lambda c: look(c, reports, rules, now) == findings
        )

    def _planned(
        self, arrival: Arrival, meaning: Meaning, findings: Sequence[Finding], check: Check | None
    ) -> Filing:
        """A mistake of ours must not lose a result: then its bytes are held."""
        try:
            return self._planner.filing(meaning, findings, arrival.transmission, check)
        except Exception as error:  # noqa: BLE001 - whatever it is, a person can look
            logs.get().error("intake.failed", failure=describe(error))
            return Filing(None, problems=(Problem(ProblemCode.UNREADABLE, ""),))

    async def _close(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str, filing: Filing
    ) -> Filed:
        return await self._store.close_transmission(
            arrival.transmission,
            outcome,
            reason,
            filing,
            profile=meaning.known.profile.name,
            device=meaning.known.name,
        )

    async def _abandon(self, transmission: int) -> None:
        """Its device is not configured any more: the bytes stay, as evidence."""
        await self._store.close_transmission(transmission, Outcome.INCOMPLETE, "device-unknown")

    def _tell(
        self,
        arrival: Arrival,
        meaning: Meaning,
        outcome: Outcome,
        reason: str,
        filing: Filing,
        filed: Filed,
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
        if meaning.reports and not filing.reports:
            self._notices.post(DuplicateSeen(device, arrival.transmission, arrival.transmission))
        for report in filing.reports:
            held = tuple(reasons(report))
            self._notices.post(
                ReportFiled(device, report.id, report.kind, report.observations, held)
            )
