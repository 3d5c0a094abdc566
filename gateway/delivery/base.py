"""What a destination is, what it answers, and how patient a courier is with it.

A ``Destination`` moves one outbox entry at a time to another system and says what became of it:
a ``Receipt``, or one of the three delivery errors of ``gateway.errors``, which are told apart by
what may have happened to the bytes.  ``Unreadable`` is the fourth case, an answer nobody can use.
A destination keeps no queue, retries nothing and decides nothing; the courier does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from gateway.errors import Ambiguous, DeliveryError
from gateway.store.messages import MessageState, OutboxEntry


class Unreadable(Ambiguous):
    """An answer came and cannot be used: garbage, empty, or about a message nobody sent."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The destination has it.  ``answer`` is a code word such as ``AA``, never the peer's text.

    ``placer`` and ``filler`` are the numbers of an order it made or found.  ``application`` is set
    when the message is only in safe storage over there (CA) and the sending application asked for
    the second, final answer.
    """

    answer: str
    application: asyncio.Future[Receipt] | None = field(default=None, repr=False, compare=False)
    placer: str | None = None
    filler: str | None = None


class Destination(Protocol):
    """A system that results are sent to.  Reasons in errors are sentences for a technician."""

    @property
    def concurrency(self) -> int:
        """Messages that may be on their way at once (of different lanes)."""
        ...

    async def open(self) -> None:
        """Get ready to deliver; quick when ready already.  Raises Unreachable."""
        ...

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        """Send one message and wait for its answer.

        Raises Unreachable, Ambiguous, Unreadable or Refused.  When cancelled, nothing that
        arrives later may be taken for the answer to another message.
        """
        ...

    async def serve(self, lost: Callable[[str], None]) -> None:
        """Whatever must go on beside deliveries; runs until cancelled, then closes everything.

        ``lost`` is called with the reason when what ``open`` made is gone although nothing was
        being delivered, if that matters; ``open`` is then called again.
        """
        ...

    def expect(self, entry: OutboxEntry) -> asyncio.Future[Receipt] | None:
        """The final answer to an entry that was only accepted before a restart, if one can come."""
        ...


Result = Receipt | DeliveryError


@runtime_checkable
class Conversing(Protocol):
    """A destination that can often do without a task: it has a connection that tells it."""

    def begin(self, entry: OutboxEntry, landed: Callable[[OutboxEntry, Result], None]) -> bool:
        """Send one message at once; ``landed`` is called later, once, with what ``deliver`` would
        return or raise.  False, and nothing was done, where only ``deliver`` can."""
        ...

    def abandon(self) -> None:
        """Nobody waits any more for what ``begin`` sent: it may have arrived."""
        ...


class Outbox(Protocol):
    """What a courier needs of ``gateway.store.outbox``; every change is on disk on return."""

    @property
    def withdrawn(self) -> Container[int]:
        """Entries that were taken back while somebody may have read them already."""

    async def due(self, destination: str, limit: int, now: datetime) -> Sequence[OutboxEntry]: ...

    async def mark_delivered(self, entry: OutboxEntry, answer: str) -> None: ...

    async def mark_all_delivered(self, answered: Sequence[tuple[OutboxEntry, str]]) -> None: ...

    async def assign(self, entry: OutboxEntry, placer: str | None, filler: str | None) -> None: ...

    async def mark_accepted(self, entry: OutboxEntry, answer: str) -> None: ...

    async def list(
        self, destination: str | None, state: MessageState | None, *, limit: int
    ) -> Sequence[OutboxEntry]: ...

    async def postpone(self, entry: OutboxEntry, until: datetime, reason: str) -> None: ...

    async def park(self, entry: OutboxEntry, reason: str) -> None: ...

    def subscribe(
        self,
        destination: str,
        callback: Callable[[], None],
        take: Callable[[Sequence[OutboxEntry]], bool] | None = None,
    ) -> Callable[[], None]: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """``first`` seconds, doubling up to ``limit``, less a random part of at most ``jitter``."""

    first: float = 1.0
    limit: float = 60.0
    jitter: float = 0.25

    def delay(self, failures: int, random: Callable[[], float]) -> float:
        """Seconds to wait after so many failures in a row; ``random`` gives [0, 1)."""
        full = min(self.limit, self.first * 2.0 ** min(failures - 1, 32))
        return full * (1 - self.jitter * random())


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a courier goes on by itself before a person is asked.  All times in seconds."""

    backoff: Backoff = Backoff()
    refused: tuple[float, ...] = (20.0, 80.0, 200.0)
    unreadable_tries: int = 5
    unreadable_in_a_row: int = 3
    silent_tries: int = 6
    silent_strikes: int = 5
    hold_when_doubtful: bool = False
    application: float = 900.0
    stalls: tuple[float, ...] = (300.0, 1800.0)
    grace: float = 1.0
    prefetch: int = 250
    unsettled: int = 64
