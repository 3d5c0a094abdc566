"""Carries one destination's messages out of the outbox, until each is acknowledged.

Order is kept within a lane (a specimen): an entry leaves only after the one before it is delivered
and that is on disk.  Nothing is polled: the outbox calls when something was queued, timers do the
rest.  After a crash the worst is that messages whose delivery was not yet written down are sent
again, the same bytes under the same id.  What a failure means is decided in ``judge``.

A courier never touches another destination's queue, and never gives up: a message is delivered,
waiting, or parked for a person.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.delivery.applications import Applications
from gateway.delivery.base import Destination, Outbox, Patience, Receipt, Result
from gateway.delivery.calendar import Gate
from gateway.delivery.condition import Condition, CourierState
from gateway.delivery.flights import Flights
from gateway.delivery.judge import Again, Judge, Park, Stop, Verdict
from gateway.delivery.ledger import (
    Ledger,
    Outcome,
    WasAccepted,
    WasDelivered,
    WasParked,
    WasPostponed,
    WasTried,
)
from gateway.delivery.readahead import ReadAhead
from gateway.delivery.stall import StallWatch
from gateway.errors import DeliveryError, Unreachable
from gateway.notices import Delivered, DeliveryParked, DeliveryPostponed, Noticeboard
from gateway.store.messages import MessageState, OutboxEntry


class Courier:
    """``run`` carries until cancelled; ``pause``, ``resume`` and ``state`` are for people."""

    def __init__(
        self,
        name: str,
        outbox: Outbox,
        destination: Destination,
        *,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        notices: Noticeboard,
        patience: Patience,
    ) -> None:
        self._name = name
        self._outbox = outbox
        self._destination = destination
        self._clock = clock
        self._notices = notices
        self._patience = patience
        self._condition = Condition(name, notices)
        self._judge = Judge(patience, random)
        self._ledger = Ledger(outbox, self._written, patience)
        self._stalls = StallWatch(patience.stalls, self._condition.stalled)
        self._applications = Applications(patience.application, self._ledger.add, self._ask_person)
        self._wake = asyncio.Event()
        self._flights = Flights(destination, self._landed, self._broke, self._wake.set)
        self._reading = ReadAhead(
            name, outbox, clock, patience, self._wake.set, strict=destination.concurrency == 1
        )
        self._gate = Gate(self._wake.set)
        self._ready = False
        self._opened_at = 0.0
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def state(self) -> CourierState:
        return self._condition.state(len(self._flights))

    def pause(self, reason: str) -> None:
        """Send nothing more until ``resume``; what is on its way may finish."""
        self._condition.stop(reason)

    def resume(self) -> None:
        """Go on after a stop, or do not wait for the next try after a failure."""
        self._condition.resume()
        self._judge.resumed()
        self._reading.look_again()
        self._gate.open()

    async def run(self) -> None:
        """Until cancelled.  What is in flight then gets a short grace; the rest stays queued.

        May be run again after it failed: it begins from what is on disk."""
        self._ready = False
        self._reading.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ledger.run())
                await self._ledger.drained()
                tasks.create_task(self._destination.serve(self._lost))
                await self._expect_applications(tasks)
                try:
                    self._tasks = tasks
                    await self._dispatch()
                finally:
                    self._tasks = None
                    await self._land()
        finally:
            self._reading.stop()
            self._stalls.idle()
            self._gate.cancel()

    async def _dispatch(self) -> None:
        while True:
            self._wake.clear()
            self._flights.check()
            while not self._send_what_is_due():
                await self._get_ready()
            self._watch_progress()
            await self._wake.wait()

    def _send_what_is_due(self) -> bool:
        """False when the destination has to be opened first."""
        while self._tasks is not None and self._may_send():
            if not self._ready:
                return False
            if self._reading.wanted():
                self._tasks.create_task(self._reading.fetch())
            elif (entry := self._next()) is not None:
                self._flights.launch(self._tasks, entry, self._judge.epoch)
            else:
                self._ledger.flush()
                break
        return True

    def _next(self) -> OutboxEntry | None:
        """The next entry, passing over those that were taken back since they were read."""
        agenda = self._reading.agenda
        while (entry := agenda.take()) is not None and entry.id in self._outbox.withdrawn:
            agenda.finish(entry)
        return entry

    def _may_send(self) -> bool:
        return (
            self._condition.stopped is None
            and self._gate.is_open
            and len(self._flights) < self._destination.concurrency
            and self._ledger.has_room
        )

    async def _get_ready(self) -> None:
        """While a destination is down, only its door is tried; no message is touched."""
        try:
            await self._destination.open()
        except Unreachable as error:
            self._judge.unreachable()
            self._leave_alone(str(error))
            return
        self._ready = True
        self._opened_at = asyncio.get_running_loop().time()
        if self._judge.opened():
            self._condition.well()

    def _lost(self, reason: str) -> None:
        """The destination went away by itself; deliveries under way find out on their own."""
        if not self._ready:
            return
        if asyncio.get_running_loop().time() - self._opened_at > self._patience.backoff.limit:
            self._judge.steady()
        self._judge.unreachable()
        self._leave_alone(reason)

    def _landed(self, entry: OutboxEntry, epoch: int, result: Result) -> None:
        """Writes down what became of it, and sends the next."""
        if isinstance(result, Receipt):
            self._delivered(entry, result)
        else:
            self._failed(entry, epoch, result)
        if not self._send_what_is_due() or not self._flights:
            self._wake.set()

    def _broke(self, entry: OutboxEntry, error: Exception) -> None:
        """Our own bug: whoever supervises hears of it, and it must not hit this message again."""
        reason = f"the gateway failed on it ({type(error).__name__})"
        self._ledger.add(WasParked(entry, reason))

    def _failed(self, entry: OutboxEntry, epoch: int, error: DeliveryError) -> None:
        verdict = self._judge.verdict(entry.id, error, epoch)
        if self._judge.pause:
            self._leave_alone(str(error))
        else:
            self._condition.well()
        self._carry_out(verdict, entry)

    def _delivered(self, entry: OutboxEntry, receipt: Receipt) -> None:
        self._judge.delivered(entry.id)
        self._condition.well()
        self._stalls.progress()
        if receipt.application is None:
            self._ledger.add(WasDelivered(entry, receipt))
            return
        self._ledger.add(WasAccepted(entry, receipt))
        if self._tasks is not None:
            self._tasks.create_task(self._applications.wait(entry, receipt.application))

    def _carry_out(self, verdict: Verdict, entry: OutboxEntry) -> None:
        match verdict:
            case Again(reason, after, doubtful):
                self._try_again(entry, reason, after, doubtful)
            case Park(reason):
                self._ledger.add(WasParked(entry, reason))
            case Stop(reason):
                self._condition.stop(reason)
                self._keep_first(entry, reason)

    def _try_again(self, entry: OutboxEntry, reason: str, after: float, doubtful: bool) -> None:
        self._condition.possibly_twice += doubtful
        retry_in = max(after, self._judge.pause)
        self._notices.post(DeliveryPostponed(self._name, entry.id, reason, retry_in))
        if after:
            until = self._clock() + timedelta(seconds=after)
            self._ledger.add(WasPostponed(entry, until, reason))
        elif doubtful:
            self._keep_first(entry, reason)
        else:
            self._reading.agenda.put_back(entry)

    def _keep_first(self, entry: OutboxEntry, reason: str) -> None:
        tried = replace(entry, state=MessageState.POSTPONED, attempts=entry.attempts + 1)
        self._reading.agenda.put_back(tried)
        self._ledger.add(WasTried(entry, self._clock(), reason))

    async def _expect_applications(self, tasks: asyncio.TaskGroup) -> None:
        """What was accepted before a restart still waits for its final answer."""
        accepted = await self._outbox.list(self._name, MessageState.ACCEPTED, limit=1_000)
        for entry in accepted:
            if (application := self._destination.expect(entry)) is not None:
                tasks.create_task(self._applications.wait(entry, application))

    def _written(self, outcome: Outcome) -> None:
        """An outcome is on disk: its lane may go on, or has to wait in the outbox."""
        self._wake.set()
        entry = outcome.entry
        if isinstance(outcome, WasTried):
            return
        fenced = isinstance(outcome, WasPostponed | WasParked)
        self._reading.finished(entry, fenced=fenced)
        match outcome:
            case WasDelivered(_, receipt):
                self._condition.delivered += 1
                seconds = max(0.0, (self._clock() - entry.created_at).total_seconds())
                report = entry.report or ""
                notice = Delivered(self._name, entry.id, report, receipt.answer, seconds)
                self._notices.post(notice)
            case WasPostponed(_, until, _):
                self._reading.postponed(until)
            case WasParked(_, reason):
                self._ask_person(entry, reason)
            case WasAccepted():
                pass

    def _ask_person(self, entry: OutboxEntry, reason: str) -> None:
        self._notices.post(DeliveryParked(self._name, entry.id, entry.report or "", reason))

    def _leave_alone(self, reason: str) -> None:
        self._ready = False
        self._condition.down(reason)
        self._gate.shut(self._judge.pause)

    def _watch_progress(self) -> None:
        if self._reading.something_waits():
            self._stalls.waiting()
        else:
            self._stalls.idle()

    async def _land(self) -> None:
        await self._flights.land(self._patience.grace)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience.grace):
                await self._ledger.drained()
