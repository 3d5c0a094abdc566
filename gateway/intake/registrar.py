"""What a transmission means becomes rows on disk, in one transaction, and is told to who watches.

While the store cannot write, the filing waits and is tried again.  Where it cannot matter what was
before, a filing goes straight to the store, which checks that; else what is known is read first,
one transmission of a device after the other, and checked again in the transaction.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from gateway import logs
from gateway.errors import StoreError
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Known
from gateway.intake.drafting import Draft
from gateway.intake.planning import Check, Meaning, Planner, reasons
from gateway.logs import describe
from gateway.matching import Finding, Rules, Subject, look, nothing_before
from gateway.notices import (
    ClockRead,
    DuplicateSeen,
    Heard,
    Noticeboard,
    ReportFiled,
    TransmissionLost,
)
from gateway.report import Problem, ProblemCode
from gateway.store import Filed, Filing, NotOpen, Outcome, OutOfDate, Store

_PAUSE = 0.5


class Registrar:
    """``rules`` are those of matching, None where nobody sends orders."""

    def __init__(
        self,
        store: Store,
        planner: Planner,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        rules: Rules | None,
    ) -> None:
        self._store = store
        self._planner = planner
        self._notices = notices
        self._clock = clock
        self._rules = rules
        self._turns: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()

    async def file(self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str) -> None:
        """Returns when it is on disk."""
        device = meaning.known.name
        if self._rules is None and not self._waiting[device]:
            filing = self._straight(arrival, meaning)
            try:
                filed = await self._close(arrival, meaning.known, outcome, reason, filing)
            except (OutOfDate, StoreError) as error:
                if isinstance(error, NotOpen):  # filed by a recovery after the disk failed
                    return
            else:
                self._told(arrival, meaning, outcome, reason, filing, filed)
                return
        self._waiting[device] += 1
        try:
            async with self._turns.setdefault(device, asyncio.Lock()):
                await self._file_in_turn(arrival, meaning, outcome, reason)
        finally:
            self._waiting[device] -= 1

    async def file_draft(self, arrival: Arrival, known: Known, draft: Draft) -> bool:
        """Returns when it is on disk; False when more must be known than a draft says."""
        if self._rules is not None or self._waiting[known.name]:
            return False
        filing = draft.filing
        subjects = [Subject(r.kind, r.id, r.specimen, r.device) for r in filing.reports]
        filing = replace(filing, check=lambda c: nothing_before(c, subjects))
        try:
            filed = await self._close(arrival, known, Outcome.COMPLETE, "", filing)
        except NotOpen:  # filed by a recovery after the disk failed
            return True
        except (OutOfDate, StoreError):
            return False
        self._tell(arrival, known.name, draft.ahead, filing, filed)
        return True

    async def review(self, meaning: Meaning, transmission: int) -> Filing:
        """What a stored transmission would be filed as today; writes nothing."""
        now = self._clock()
        findings = await self._store.engine.read(
            lambda c: look(c, meaning.reports, self._rules, now, transmission)
        )
        return self._planner.filing(meaning, findings, transmission, None)

    async def abandon(self, transmission: int) -> None:
        """Its device is not configured any more: the bytes stay, as evidence.  When that fails it
        is left to the next recovery."""
        with suppress(StoreError):
            await self._store.close_transmission(transmission, Outcome.INCOMPLETE, "device-unknown")

    async def _file_in_turn(
        self, arrival: Arrival, meaning: Meaning, outcome: Outcome, reason: str
    ) -> None:
        while True:
            try:
                filing = await self._considered(arrival, meaning)
                filed = await self._close(arrival, meaning.known, outcome, reason, filing)
                break
            except NotOpen:
                return
            except OutOfDate:
                continue
            except StoreError:
                await asyncio.sleep(_PAUSE)
        self._told(arrival, meaning, outcome, reason, filing, filed)

    def _straight(self, arrival: Arrival, meaning: Meaning) -> Filing:
        """As if there had been nothing before, which the store checks."""
        reports = meaning.reports
        subjects = [Subject.of(report) for report in reports]
        check = (lambda c: nothing_before(c, subjects)) if reports else None
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
        self, arrival: Arrival, known: Known, outcome: Outcome, reason: str, filing: Filing
    ) -> Filed:
        return await self._store.close_transmission(
            arrival.transmission,
            outcome,
            reason,
            filing,
            profile=known.profile.name,
            device=known.name,
        )

    def _told(
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
        self._tell(arrival, device, meaning.ahead, filing, filed)
        if meaning.reports and not filing.reports and filed.duplicate_of is None:
            self._notices.post(DuplicateSeen(device, arrival.transmission, arrival.transmission))

    def _tell(
        self,
        arrival: Arrival,
        device: str,
        ahead: timedelta | None,
        filing: Filing,
        filed: Filed,
    ) -> None:
        if len(arrival.candidates) > 1:
            self._notices.post(Heard(device))
        if ahead is not None:
            self._notices.post(ClockRead(device, ahead.total_seconds()))
        if filed.duplicate_of is not None:
            self._notices.post(DuplicateSeen(device, arrival.transmission, filed.duplicate_of))
            return
        for report in filing.reports:
            held = tuple(reasons(report))
            self._notices.post(
                ReportFiled(device, report.id, report.kind, report.observations, held)
            )
