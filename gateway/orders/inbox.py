"""An EHR's message to its acknowledgment: taken whole, in one transaction, or refused whole.

Everything is kept.  A message that was taken before (MSH-3, MSH-4, MSH-10 and the same bytes) gets
the same answer again; the same number with other bytes is refused and alarmed.  A refused one is
judged anew when it is repeated: a cancel may have come before its order.  While the store takes
nothing new, neither does the inbox: AE, error 207, and the sender keeps its message.  Results (ORU)
are taken where the site sends orders out: they go to ``results``, which journals them like a
device's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import apsw

from gateway.errors import StoreError
from gateway.notices import MessageRefused, Noticeboard
from gateway.orders import received
from gateway.orders.acknowledging import Acknowledger, Answer
from gateway.orders.applying import ALONE, Effects, Withdrawal, apply
from gateway.orders.errors import NotTaken
from gateway.orders.model import Change, Place
from gateway.orders.reading import check_header, describe, is_result, read_changes
from gateway.orders.received import Key
from gateway.protocols.hl7 import (
    AcknowledgmentCode,
    ErrorCode,
    ErrorCondition,
    Message,
    Unreadable,
    decode,
)
from gateway.store import Store
from gateway.store.moments import to_micros

LONGEST_KEPT = 64 * 1024
"""Bytes kept of something in which no message could be recognised."""


class Results(Protocol):
    """Where the results of reference laboratories go."""

    def take(self, message: Message, body: bytes, source: str) -> Awaitable[None]:
        """On disk when it returns; ``NotTaken`` when nobody here waits for results of that
        sender, ``StoreError`` when it is not on disk."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``zone`` of times without offset, ``processing`` our MSH-11, ``keep`` an order's life."""

    zone: ZoneInfo
    processing: str = "P"
    keep: timedelta = timedelta(days=14)


class Inbox:
    """``receive`` is the whole interface; it may be called for many connections at once."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        changed: Callable[[Answer], object] = lambda _: None,
        effects: Effects = ALONE,
        results: Results | None = None,
    ) -> None:
        self._store = store
        self._policy = policy
        self._notices = notices
        self._clock = clock
        self._changed = changed
        self._effects = effects
        self._results = results
        self._acknowledger = Acknowledger(policy.zone, clock)

    async def receive(self, body: bytes, source: str) -> Answer:
        """What to answer ``body``; on disk when this returns.  ``source`` is for alarms."""
        try:
            message = decode(body).message
        except Unreadable:
            return await self._unreadable(body, source)
        if not self._store.accepting:
            return self._not_now(message)
        try:
            answer = await self._take(message, body, source)
        except NotTaken as refusal:
            return await self._keep(message, body, refusal, source)
        except StoreError:
            return self._not_now(message)
        if answer.changed:
            self._changed(answer)
        return answer

    def _not_now(self, message: Message) -> Answer:
        error = ErrorCondition(ErrorCode.INTERNAL_ERROR)
        return self._acknowledger.answer(message, AcknowledgmentCode.APPLICATION_ERROR, (error,))

    async def _take(self, message: Message, body: bytes, source: str) -> Answer:
        if self._results is not None and is_result(message):
            check_header(message, self._policy.processing)
            return await self._take_results(self._results, message, body, source)
        changes = read_changes(message, self._policy.zone, self._policy.processing)
        return await self._write(message, body, changes)

    async def _take_results(
        self, results: Results, message: Message, body: bytes, source: str
    ) -> Answer:
        """Journaled first, then remembered: a repeat between the two is one the intake knows."""
        key = Key.of(message, body)
        before = await self._store.engine.write(lambda c: self._before(c, key))
        if before is not None:
            return before
        await results.take(message, body, source)
        return await self._write(message, body, ())

    async def _write(self, message: Message, body: bytes, changes: Sequence[Change]) -> Answer:
        withdrawn = [Withdrawal()]
        key = Key.of(message, body)

        def operation(connection: apsw.Connection) -> Answer:
            withdrawn[0] = Withdrawal()
            before = self._before(connection, key)
            if before is not None:
                return before
            answer = self._acknowledger.answer(message, AcknowledgmentCode.APPLICATION_ACCEPT)
            number = self._record(connection, key, describe(message), "taken", body, answer)
            now, keep = self._clock(), self._policy.keep
            withdrawn[0] = apply(connection, changes, number, now, keep, self._effects)
            placed = any(isinstance(change, Place) for change in changes)
            return replace(answer, changed=bool(changes), placed=placed)

        outbox = self._store.outbox
        return await self._store.engine.write(
            operation,
            committed=lambda: outbox.withdrawn.update(withdrawn[0].messages),
            after=lambda _: outbox.announce(withdrawn[0].destinations),
        )

    def _before(self, connection: apsw.Connection, key: Key) -> Answer | None:
        """The answer the same message got; ``NotTaken`` for another one of the same number."""
        earlier = received.earlier(connection, key)
        if earlier is None:
            return None
        if not earlier.same:
            raise NotTaken(ErrorCondition(ErrorCode.DUPLICATE_KEY, "MSH", 1, 10))
        received.repeated(connection, earlier.id)
        return Answer(earlier.blocks, accepted=True)

    async def _keep(self, message: Message, body: bytes, refusal: NotTaken, source: str) -> Answer:
        """Keeps a refused message with the answer it got, and tells whoever watches."""
        answer = self._acknowledger.answer(message, refusal.code, (refusal.condition,))
        key = Key.of(message, body)
        return await self._refuse(key, describe(message), body, answer, refusal, source)

    async def _unreadable(self, body: bytes, source: str) -> Answer:
        refusal = NotTaken(ErrorCondition(ErrorCode.SEGMENT_SEQUENCE, "MSH"), rejects=True)
        answer = self._acknowledger.answer(None, refusal.code, (refusal.condition,))
        if not self._store.accepting:
            return answer
        key = Key.unreadable(body)
        return await self._refuse(key, "", body[:LONGEST_KEPT], answer, refusal, source)

    async def _refuse(
        self, key: Key, kind: str, body: bytes, answer: Answer, refusal: NotTaken, source: str
    ) -> Answer:
        self._notices.post(MessageRefused(source, str(refusal)))
        try:
            await self._store.engine.write(
                lambda c: self._record(c, key, kind, "refused", body, answer)
            )
        except StoreError:
            return Answer((), accepted=False)
        return answer

    def _record(
        self,
        connection: apsw.Connection,
        key: Key,
        kind: str,
        outcome: str,
        body: bytes,
        answer: Answer,
    ) -> int:
        at = to_micros(self._clock())
        number = received.record(connection, key, kind, outcome, at, body, answer.blocks)
        if not kind:
            received.forget_noise(connection)
        return number
