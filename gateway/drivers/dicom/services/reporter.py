"""Tells devices which of their instances are safe: N-EVENT-REPORT, until it is heard.

Every file is read and hashed before the report.  It goes to the device's configured port, on an
association of ours on which we are the SCP; when there is no port or nobody there, on the
association that asked, while it is open, or a later one on which the device asks.  Otherwise again
with back-off, for ``PATIENCE``, and whenever the device calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway import logs
from gateway.drivers.dicom.client import Remote, associate
from gateway.drivers.dicom.service import AssociationOver, AssociationRefused, Dialogue
from gateway.errors import StoreError
from gateway.imaging import datasets
from gateway.imaging.commitment import Failure, Reference, Report, split, write_report
from gateway.imaging.commitments import LONGEST_PAUSE, Commitment, Commitments
from gateway.protocols.dicom import (
    STORAGE_COMMITMENT_INSTANCE,
    Context,
    NEventReportRQ,
    RoleSelection,
    Status,
)
from gateway.protocols.dicom.sop_classes import STORAGE_COMMITMENT
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

PATIENCE: Final = timedelta(days=7)
FIRST: Final = 10.0
LONGEST: Final = LONGEST_PAUSE.total_seconds()
_FRESH: Final = timedelta(hours=1)
_TURNS: Final = 4  # devices told at once
_ANSWER: Final = 60.0
_HURRY: Final = 60.0  # seconds between two tries because a device called

CONTEXTS: Final = ((STORAGE_COMMITMENT, (EXPLICIT_LE, IMPLICIT_LE)),)
ROLES: Final = (RoleSelection(STORAGE_COMMITMENT, scu=False, scp=True),)
"""A report comes from the SCP of the class, who is the requestor here."""

Inspect = Callable[[Reference, str], Awaitable[Failure | None]]


@dataclass(frozen=True, slots=True)
class _Open:
    """An association a request came on."""

    dialogue: Dialogue
    context: Context


class Reporter:
    """``run`` until cancelled; ``owed`` when a request was filed, ``look`` when its sender has gone
    since, ``called`` when a device has.  ``ports``: where the devices listen for reports."""

    def __init__(
        self,
        commitments: Commitments,
        inspect: Inspect,
        *,
        ae_title: str,
        ports: Mapping[str, int],
        clock: Callable[[], datetime],
        random: Callable[[], float],
        first: float = FIRST,
    ) -> None:
        self._commitments = commitments
        self._inspect = inspect
        self._ae_title = ae_title
        self._ports = dict(ports)
        self._clock = clock
        self._random = random
        self._first = first
        self._asked_on: dict[int, _Open] = {}
        self._there: dict[str, _Open] = {}  # by calling AE title
        self._back: set[str] = set()
        self._hurried: dict[str, float] = {}
        self._seen: dict[int, tuple[datetime, Report]] = {}
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(_TURNS)

    def owed(self, number: int, dialogue: Dialogue, context: Context, calling: str) -> None:
        """From the provider: the device may be told on this association too."""
        self._asked_on = {n: o for n, o in self._asked_on.items() if not o.dialogue.over}
        self._there = {title: o for title, o in self._there.items() if not o.dialogue.over}
        self._asked_on[number] = self._there[calling] = _Open(dialogue, context)
        self.look()

    def called(self, device: str) -> None:
        """It is switched on and in reach: what it is owed is due now.  Units call for each image,
        and most have nothing to be told."""
        now = asyncio.get_running_loop().time()
        if now - self._hurried.get(device, -_HURRY) >= _HURRY:
            self._hurried[device] = now
            self._back.add(device)
            self.look()

    def look(self) -> None:
        """Something may be due."""
        self._wake.set()

    async def run(self) -> None:
        under_way: dict[int, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                while self._back:
                    await self._commitments.there_again(self._back.pop())
                under_way = {n: t for n, t in under_way.items() if not t.done()}
                now = self._clock()
                for commitment in await self._commitments.due(now):
                    if commitment.id not in under_way:
                        task = tasks.create_task(self._tell(commitment))
                        task.add_done_callback(lambda _: self._wake.set())
                        under_way[commitment.id] = task
                await self._rest(now)

    async def _rest(self, since: datetime) -> None:
        """Until somebody calls, a device was told, or one that was not due ``since`` then is."""
        next_at = await self._commitments.next_due(since)
        seconds = None
        if next_at is not None:
            seconds = max(0.0, (next_at - self._clock()).total_seconds())
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _tell(self, commitment: Commitment) -> None:
        async with self._turns:
            try:
                report = await self._report(commitment)
            except StoreError:
                await self._later(commitment)
                return
            if await self._heard(commitment, report):
                if await self._commitments.reported(commitment, report):
                    self._forget(commitment)
            elif self._clock() - commitment.received_at > PATIENCE:
                if await self._commitments.gave_up(commitment, report):
                    self._forget(commitment)
                    _log("commitment.given-up", commitment, "nobody took the report for days")
            else:
                await self._later(commitment)

    async def _report(self, commitment: Commitment) -> Report:
        seen = self._seen.get(commitment.id)
        if seen is not None and self._clock() - seen[0] < _FRESH:
            return seen[1]
        request, calling = commitment.request, commitment.calling
        if commitment.duplicate:
            reused = Failure.DUPLICATE_TRANSACTION
            return split(request, ((one, reused) for one in request.references))
        reasons = [(one, await self._inspect(one, calling)) for one in request.references]
        report = split(request, reasons)
        if report.failed:
            _log("commitment.failed", commitment, "not safe here", len(report.failed))
        else:
            self._seen[commitment.id] = (self._clock(), report)
        return report

    async def _heard(self, commitment: Commitment, report: Report) -> bool:
        port = self._ports.get(commitment.device or "")
        if port is not None:
            try:
                return await self._called(commitment, port, report)
            except (AssociationRefused, AssociationOver, TimeoutError) as error:
                _log("commitment.unheard", commitment, str(error) or "no answer")
        for known in (self._asked_on.get(commitment.id), self._there.get(commitment.calling)):
            if known is not None and not known.dialogue.over:
                try:
                    return await self._said(known.dialogue, known.context, report)
                except (AssociationOver, TimeoutError):
                    continue
        return False

    async def _called(self, commitment: Commitment, port: int, report: Report) -> bool:
        remote = Remote(commitment.calling, commitment.host, port, device=commitment.device)
        async with associate(remote, self._ae_title, CONTEXTS, roles=ROLES) as called:
            (context,) = called.dialogue.contexts_of(STORAGE_COMMITMENT)
            return await self._said(called.dialogue, context, report)

    async def _said(self, dialogue: Dialogue, context: Context, report: Report) -> bool:
        request = NEventReportRQ(
            message_id=dialogue.next_message_id(),
            affected_sop_class_uid=STORAGE_COMMITMENT,
            affected_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
            event_type_id=report.event_type,
        )
        await datasets.ready()
        content = datasets.write(write_report(report, self._ae_title), context.transfer_syntax)
        async with asyncio.timeout(_ANSWER):
            answer = await dialogue.ask(context, request, content)
        return answer.message.status == Status.SUCCESS

    async def _later(self, commitment: Commitment) -> None:
        delay = min(LONGEST, self._first * 2.0 ** min(commitment.attempts, 20))
        delay *= 1 - 0.25 * self._random()
        until = self._clock() + timedelta(seconds=delay)
        await self._commitments.postpone(commitment, until)

    def _forget(self, commitment: Commitment) -> None:
        self._asked_on.pop(commitment.id, None)
        self._seen.pop(commitment.id, None)


def _log(event: str, commitment: Commitment, reason: str, count: int | None = None) -> None:
    logs.get().warning(event, device=commitment.device, reason=reason, count=count)
