"""Writes down what became of each message: in the order it happened, many in one commit.

Deliveries wait a moment for others while there is more to send; everything else goes at once.
While the store cannot write, outcomes are kept and tried again, and ``has_room`` turns False, so
that no more is sent than could be sent twice after a crash.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from gateway.delivery.base import Outbox, Patience, Receipt
from gateway.errors import StoreError
from gateway.store.messages import OutboxEntry


@dataclass(frozen=True, slots=True)
class WasDelivered:
    entry: OutboxEntry
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class WasAccepted:
    entry: OutboxEntry
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class WasTried:
    """In vain, and it stays the next to be tried: only a note."""

    entry: OutboxEntry
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WasPostponed:
    entry: OutboxEntry
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WasParked:
    entry: OutboxEntry
    reason: str


Outcome = WasDelivered | WasAccepted | WasTried | WasPostponed | WasParked


LINGER_SECONDS = 0.01


class Ledger:
    """``written`` is called for each outcome once it is on disk."""

    def __init__(
        self, outbox: Outbox, written: Callable[[Outcome], None], patience: Patience
    ) -> None:
        self._outbox = outbox
        self._written = written
        self._patience = patience
        self._pending: deque[Outcome] = deque()
        self._added = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_room(self) -> bool:
        return len(self._pending) < self._patience.unsettled

    def add(self, outcome: Outcome) -> None:
        self._pending.append(outcome)
        self._empty.clear()
        half = len(self._pending) >= self._patience.unsettled // 2
        if half or not isinstance(outcome, WasDelivered):
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.flush)

    def flush(self) -> None:
        """Write now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending:
            self._added.set()

    async def drained(self) -> None:
        """Returns when everything added is on disk."""
        self.flush()
        await self._empty.wait()

    async def run(self) -> None:
        failures = 0
        while True:
            await self._added.wait()
            try:
                await self._write_all()
                failures = 0
            except StoreError:
                failures += 1
                await asyncio.sleep(self._patience.backoff.delay(failures, lambda: 0.0))

    async def _write_all(self) -> None:
        self._added.clear()
        try:
            while self._pending:
                await self._write(tuple(self._pending))
            self._empty.set()
        finally:
            if self._pending:
                self._added.set()

    async def _write(self, outcomes: Sequence[Outcome]) -> None:
        """At once, so that they share a commit.  Writing one twice does no harm."""
        writes: list[Awaitable[None]] = []
        for plainly, group in groupby(outcomes, _plainly_delivered):
            of_a_kind = list(group)
            if plainly:
                writes.append(self._write_deliveries(of_a_kind))
            else:
                writes += map(self._write_one, of_a_kind)
        await asyncio.gather(*writes)
        for outcome in outcomes:
            self._pending.popleft()
            self._written(outcome)

    async def _write_deliveries(self, outcomes: Iterable[Outcome]) -> None:
        answered = [(o.entry, o.receipt.answer) for o in outcomes if isinstance(o, WasDelivered)]
        await self._outbox.mark_all_delivered(answered)

    async def _write_one(self, outcome: Outcome) -> None:
        match outcome:
            case WasDelivered(entry, receipt):
                if receipt.placer or receipt.filler:
                    await self._outbox.assign(entry, receipt.placer, receipt.filler)
                await self._outbox.mark_delivered(entry, receipt.answer)
            case WasAccepted(entry, receipt):
                await self._outbox.mark_accepted(entry, receipt.answer)
            case WasTried(entry, until, reason) | WasPostponed(entry, until, reason):
                await self._outbox.postpone(entry, until, reason)
            case WasParked(entry, reason):
                await self._outbox.park(entry, reason)


def _plainly_delivered(outcome: Outcome) -> bool:
    """Nothing but the delivery is to be written down."""
    receipt = outcome.receipt if isinstance(outcome, WasDelivered) else None
    return receipt is not None and not (receipt.placer or receipt.filler)
