"""An EHR's message to its acknowledgment: taken whole, in one transaction, or refused whole.

Everything is kept.  A message that was taken before (MSH-3, MSH-4, MSH-10 and the same bytes) gets
the same answer again; the same number with other bytes is refused and alarmed.  A refused one is
judged anew when it is repeated: a cancel may have come before its order.  In original mode the
answer is AA, AE or AR; where MSH-15 asks for it (enhanced mode), CA, CE or CR comes first and the
application's answer follows as MSH-16 asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import apsw

from gateway.errors import StoreError
from gateway.notices import MessageRefused, Noticeboard
from gateway.orders import book, patients
from gateway.orders.errors import NotTaken
from gateway.orders.model import Change, Discharge, Merge, Place, Register, StatusChange
from gateway.orders.reading import describe, read_changes, sender
from gateway.protocols.hl7 import (
    AcknowledgmentCode,
    ErrorCode,
    ErrorCondition,
    Message,
    Unreadable,
    acknowledge,
    decode,
)
from gateway.store import Store
from gateway.store.moments import to_micros

LONGEST_KEPT = 64 * 1024
"""Bytes kept of something in which no message could be recognised."""

_COMMITS = {
    AcknowledgmentCode.APPLICATION_ACCEPT: AcknowledgmentCode.COMMIT_ACCEPT,
    AcknowledgmentCode.APPLICATION_ERROR: AcknowledgmentCode.COMMIT_ERROR,
    AcknowledgmentCode.APPLICATION_REJECT: AcknowledgmentCode.COMMIT_REJECT,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """``blocks`` are to be sent one after the other, without framing.  ``changed`` says that
    patients or orders are different now; ``placed`` that there may be new work for devices."""

    blocks: tuple[bytes, ...]
    accepted: bool
    changed: bool = False
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Messages of the outbox that must not leave any more, and where others took their place."""

    messages: tuple[int, ...] = ()
    destinations: frozenset[str] = frozenset()

    def __or__(self, other: Withdrawal) -> Withdrawal:
        both = self.messages + other.messages
        return Withdrawal(both, self.destinations | other.destinations)


Merged = Callable[[apsw.Connection, int], Withdrawal]
"""What a merge means for results that wait to be sent; told the survivor's row."""


def _nothing_waits(_connection: apsw.Connection, _patient: int) -> Withdrawal:
    return Withdrawal()


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
        changed: Callable[[Answer], None] = lambda _: None,
        merged: Merged = _nothing_waits,
    ) -> None:
        self._store = store
        self._policy = policy
        self._notices = notices
        self._clock = clock
        self._changed = changed
        self._merged = merged
        self._answers = 0

    async def receive(self, body: bytes, source: str) -> Answer:
        """What to answer ``body``; on disk when this returns.  ``source`` is for alarms."""
        try:
            message = decode(body).message
        except Unreadable:
            return await self._unreadable(body, source)
        try:
            changes = read_changes(message, self._policy.zone, self._policy.processing)
        except NotTaken as refusal:
            return await self._keep(message, body, refusal, source)
        try:
            answer = await self._write(message, body, changes)
        except NotTaken as refusal:
            return await self._keep(message, body, refusal, source)
        except StoreError:
            return self._answer(
                message,
                AcknowledgmentCode.APPLICATION_ERROR,
                (ErrorCondition(ErrorCode.INTERNAL_ERROR),),
            )
        if answer.changed:
            self._changed(answer)
        return answer

    async def _write(self, message: Message, body: bytes, changes: Sequence[Change]) -> Answer:
        withdrawn = [Withdrawal()]

        def operation(connection: apsw.Connection) -> Answer:
            withdrawn[0] = Withdrawal()
            answer, withdrawn[0] = self._take(connection, message, body, changes)
            return answer

        outbox = self._store.outbox
        return await self._store.engine.write(
            operation,
            committed=lambda: outbox.withdrawn.update(withdrawn[0].messages),
            after=lambda _: outbox.announce(withdrawn[0].destinations),
        )

    def _take(
        self,
        connection: apsw.Connection,
        message: Message,
        body: bytes,
        changes: Sequence[Change],
    ) -> tuple[Answer, Withdrawal]:
        key = _key(message, body)
        before = connection.execute(
            "SELECT id, body_hash, answer FROM order_messages WHERE application = ? "
            "AND facility = ? AND control_id = ? AND outcome = 'taken'",
            key[:3],
        ).fetchone()
        if before is not None and before[1] == key[3]:
            connection.execute(
                "UPDATE order_messages SET repeats = repeats + 1 WHERE id = ?", (before[0],)
            )
            return Answer(_unpacked(before[2]), accepted=True), Withdrawal()
        if before is not None:
            raise NotTaken(ErrorCondition(ErrorCode.DUPLICATE_KEY, "MSH", 1, 10))
        answer = self._answer(message, AcknowledgmentCode.APPLICATION_ACCEPT, ())
        number = self._record(connection, key, describe(message), "taken", body, answer.blocks)
        now = self._clock()
        withdrawn = Withdrawal()
        for change in changes:
            withdrawn |= self._apply(connection, change, number, now)
        placed = any(isinstance(change, Place) for change in changes)
        return Answer(answer.blocks, accepted=True, changed=True, placed=placed), withdrawn

    def _apply(
        self, connection: apsw.Connection, change: Change, message: int, now: datetime
    ) -> Withdrawal:
        moment = to_micros(now)
        match change:
            case Register(person) | Discharge(person):
                patients.register(connection, person, moment)
            case Merge():
                survivor = patients.merge(connection, change, message, moment)
                return self._merged(connection, survivor)
            case Place(person, order):
                patient = patients.register(connection, person, moment)
                book.place(connection, order, patient, message, now, self._policy.keep)
            case StatusChange():
                book.change_status(connection, change, message, moment)
        return Withdrawal()

    async def _keep(self, message: Message, body: bytes, refusal: NotTaken, source: str) -> Answer:
        """Keeps a refused message with the answer it got, and tells whoever watches."""
        answer = self._answer(message, refusal.code, (refusal.condition,))
        key = _key(message, body)
        return await self._refuse(key, describe(message), body, answer, refusal, source)

    async def _unreadable(self, body: bytes, source: str) -> Answer:
        refusal = NotTaken(ErrorCondition(ErrorCode.SEGMENT_SEQUENCE, "MSH"), rejects=True)
        answer = self._answer(None, refusal.code, (refusal.condition,))
        key = ("", "", "", hashlib.sha256(body).digest())
        return await self._refuse(key, "", body[:LONGEST_KEPT], answer, refusal, source)

    async def _refuse(
        self,
        key: tuple[str, str, str, bytes],
        kind: str,
        body: bytes,
        answer: Answer,
        refusal: NotTaken,
        source: str,
    ) -> Answer:
        self._notices.post(MessageRefused(source, str(refusal)))
        try:
            await self._store.engine.write(
                lambda c: self._record(c, key, kind, "refused", body, answer.blocks)
            )
        except StoreError:
            return Answer((), accepted=False)
        return answer

    def _record(
        self,
        connection: apsw.Connection,
        key: tuple[str, str, str, bytes],
        kind: str,
        outcome: str,
        body: bytes,
        blocks: tuple[bytes, ...],
    ) -> int:
        """The message's row; one that was refused before and is taken now changes its outcome."""
        connection.execute(
            "INSERT INTO order_messages (application, facility, control_id, body_hash, kind, "
            "outcome, received_at, body, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (application, facility, control_id, body_hash) DO UPDATE SET "
            "outcome = excluded.outcome, answer = excluded.answer, repeats = repeats + 1",
            (*key, kind, outcome, to_micros(self._clock()), body, _packed(blocks)),
        )
        found = connection.execute(
            "SELECT id FROM order_messages WHERE application = ? AND facility = ? "
            "AND control_id = ? AND body_hash = ?",
            key,
        ).get
        return int(found)

    def _answer(
        self,
        message: Message | None,
        code: AcknowledgmentCode,
        errors: tuple[ErrorCondition, ...],
    ) -> Answer:
        accepted = code.accepted
        codes = tuple(_codes(message, code))
        blocks = tuple(self._block(message, each, errors) for each in codes)
        return Answer(blocks, accepted)

    def _block(
        self,
        message: Message | None,
        code: AcknowledgmentCode,
        errors: tuple[ErrorCondition, ...],
    ) -> bytes:
        self._answers += 1
        now = self._clock().astimezone(self._policy.zone)
        return acknowledge(
            message,
            code,
            control_id=f"{int(now.timestamp() * 1000):x}{self._answers:x}"[-20:],
            time=now,
            errors=errors,
        )


def _codes(message: Message | None, code: AcknowledgmentCode) -> Sequence[AcknowledgmentCode]:
    """Table 0155: which acknowledgments MSH-15 and MSH-16 ask for."""
    commit = message.header.at(15) if message else None
    application = message.header.at(16) if message else None
    if not commit and not application:
        return (code,)
    found = []
    if _asked(commit, code):
        found.append(_COMMITS[code])
    if _asked(application, code):
        found.append(code)
    return found


def _asked(condition: str | None, code: AcknowledgmentCode) -> bool:
    match (condition or "NE").upper():
        case "AL":
            return True
        case "SU":
            return code.accepted
        case "ER":
            return not code.accepted
    return False


def _key(message: Message, body: bytes) -> tuple[str, str, str, bytes]:
    application, facility = sender(message.header)
    return application, facility, message.control_id or "", hashlib.sha256(body).digest()


def _packed(blocks: tuple[bytes, ...]) -> bytes:
    return b"\x1c".join(blocks)


def _unpacked(stored: object) -> tuple[bytes, ...]:
    data = stored if isinstance(stored, bytes) else b""
    return tuple(data.split(b"\x1c")) if data else ()
