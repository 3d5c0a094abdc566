"""One end of an HL7 v2 conversation with an analyzer, host or device: the rules are the same.

Takes messages in MLLP or bare, whichever end dialled, and answers as MSH-15 and MSH-16 ask, after
``accept()`` and never before.  Sends one message at a time and waits for its answer: MSA-2 is its
MSH-10; where the message asked for it, a CA comes first and an AA ends it.  A host that gets bare
segments answers bare, or with the single ``0`` an Abaxis HM5 is content with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.protocols import mllp
from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.events import Cutoff, Damage, MessageDamaged, MessageIncomplete
from gateway.protocols.events import MessageReceived as Arrived
from gateway.protocols.hl7 import (
    AcknowledgmentCode,
    ErrorCode,
    Unreadable,
    read_acknowledgment,
)
from gateway.protocols.hl7device.events import (
    Acknowledged,
    Event,
    MessageReceived,
    QueryReceived,
    Unanswered,
)
from gateway.protocols.hl7device.header import Header, read_header
from gateway.protocols.hl7device.queries import Stamp, form_of, no_order, read_query
from gateway.protocols.hl7device.replies import acknowledgment, due_codes
from gateway.protocols.hl7device.stream import Item, Stream, Wrapping
from gateway.protocols.text.receiver import AHEAD

_ANSWERS: Final = ("ACK", "NAK", "MCF", "QCK", "ORR", "ORL", "RSP", "RTB")


class BareReply(StrEnum):
    """What a message without MLLP is answered with."""

    HL7 = "hl7"
    ZERO = "zero"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Dialect:
    """Closed choices.  ``idle``: silence that ends a bare message; ``reply``: that of a peer that
    should answer; ``patience``: silence inside an MLLP block.  Seconds."""

    wrapping: Wrapping = Wrapping.AUTO
    bare_reply: BareReply = BareReply.HL7
    limit: int = mllp.MAX_BLOCK
    idle: float = 2.0
    patience: float = 30.0
    reply: float = 30.0


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message of ours that waits for its answer."""

    raw: bytes
    header: Header
    tries: int = 1

    @property
    def two_answers(self) -> bool:
        """Whether a CA is not the end of it."""
        return self.header.application_acknowledgment in ("AL", "SU", "ER")


class Peer:
    """One connection.  ``ids`` gives the control ids of our acknowledgments, ``clock`` the time."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        ids: Callable[[], str],
        dialect: Dialect = Dialect(),
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._dialect = dialect
        self._stream = Stream(dialect.wrapping, limit=dialect.limit, idle=dialect.idle)
        self._awaiting: Event | None = None
        self._queue: deque[_Sent] = deque()
        self._open: _Sent | None = None
        self._lost = False

    @property
    def junk(self) -> int:
        return self._stream.junk

    @property
    def buffered(self) -> int:
        """Bytes held back, about."""
        return self._stream.buffered

    @property
    def wrapping(self) -> Wrapping:
        return self._stream.wrapping

    @property
    def stamp(self) -> Stamp:
        """For the next message built here."""
        return Stamp(self._ids(), self._clock())

    @property
    def timeout(self) -> float | None:
        """Seconds of silence after which ``expire()`` is due."""
        if self._awaiting is not None or self._lost:
            return None
        if self._stream.open:
            return self._stream.timeout or self._dialect.patience
        return self._dialect.reply if self._open is not None else None

    def receive_data(self, data: bytes) -> None:
        """Takes what was read.  RemoteProtocolError when the peer runs too far ahead of us."""
        self._stream.receive_data(data)
        if self._awaiting is not None and self._stream.buffered > self._dialect.limit + AHEAD:
            raise RemoteProtocolError("the peer does not wait for our answers")

    def next_event(self) -> Event | None:
        if self._awaiting is not None:
            raise LocalProtocolError("an event still waits for its answer")
        item = self._stream.next_item()
        if item is None and self._lost:
            item = self._stream.give_up(Cutoff.LOST)
        return None if item is None else self._see(item)

    def accept(self) -> bytes:
        """What acknowledges the event just given, now that it is on disk."""
        event, self._awaiting = self._awaiting, None
        match event:
            case MessageReceived(header):
                return self._acknowledge(header, accepted=True)
            case Unanswered() if self._open is not None:
                self._open = _Sent(self._open.raw, self._open.header, self._open.tries + 1)
                return self._stream.wrap(self._open.raw)
        self._awaiting = event
        raise LocalProtocolError("nothing here may be accepted")

    def refuse(self, error: ErrorCode | None = None, *, rejected: bool = False) -> bytes:
        """AE (``rejected``: AR); "no order" to a query; the next message after giving one up."""
        event, self._awaiting = self._awaiting, None
        match event:
            case MessageReceived(header):
                return self._acknowledge(header, accepted=False, rejected=rejected, error=error)
            case MessageDamaged():
                return self._acknowledge(None, accepted=False, rejected=True, error=error)
            case QueryReceived(query):
                return self._stream.wrap(no_order(query, self.stamp))
            case Unanswered():
                self._open = None
                return self._next()
        raise LocalProtocolError("nothing waits for an answer")

    def reply(self, *messages: bytes) -> bytes:
        """Answers a query with what was built for it; a DSR^Q03 among them waits for its ACK."""
        if not isinstance(self._awaiting, QueryReceived):
            raise LocalProtocolError("no query waits for an answer")
        self._awaiting = None
        answer, *more = messages
        return self._stream.wrap(answer) + b"".join(map(self.send, more))

    def send(self, raw: bytes) -> bytes:
        """Sends a message, or queues it behind the one that waits for its answer."""
        self._queue.append(_Sent(raw, read_header(raw)))
        return self._next()

    def withdraw(self) -> None:
        """Nobody waits any more for what was sent and not answered; what was queued is not sent."""
        self._open = None
        self._queue.clear()

    def expire(self) -> Event | None:
        if self.timeout is None:
            return None
        if self._stream.timeout is not None:
            item = self._stream.silent()
        else:
            item = self._stream.give_up(Cutoff.TIMEOUT)
        if item is not None:
            return self._see(item)
        if self._open is not None:
            self._awaiting = Unanswered(self._open.header.control_id, self._open.tries)
        return self._awaiting

    def connection_lost(self) -> Event | None:
        """Whole messages still come out, then what had begun.  What was sent and not answered
        stays ``unanswered``."""
        self._lost = True
        return None if self._awaiting is not None else self.next_event()

    @property
    def unanswered(self) -> tuple[bytes, ...]:
        """Messages of ours without a final answer, in order."""
        return tuple(sent.raw for sent in (self._open, *self._queue) if sent is not None)

    def advance(self) -> bytes:
        """After a final ``Acknowledged``: the next message that was queued."""
        return self._next()

    def _next(self) -> bytes:
        if self._open is not None or not self._queue:
            return b""
        self._open = self._queue.popleft()
        return self._stream.wrap(self._open.raw)

    def _see(self, item: Item) -> Event:
        match item:
            case MessageIncomplete():
                return item
            case MessageDamaged():
                self._awaiting = item
                return item
            case Arrived(raw):
                return self._read(raw)

    def _read(self, raw: bytes) -> Event:
        try:
            header = read_header(raw)
            if header.type in _ANSWERS:
                return self._answered(raw)
            query = read_query(raw) if form_of(header) else None
        except Unreadable:
            self._awaiting = MessageDamaged(Damage.FORMAT, raw)
            return self._awaiting
        received = MessageReceived(header, raw) if query is None else QueryReceived(query, raw)
        self._awaiting = received
        return received

    def _answered(self, raw: bytes) -> Acknowledged:
        answer = read_acknowledgment(raw)
        sent = self._open
        expected = sent is not None and answer.control_id == sent.header.control_id
        committed = answer.code is AcknowledgmentCode.COMMIT_ACCEPT
        final = not (committed and sent is not None and sent.two_answers)
        if expected and final:
            self._open = None
        return Acknowledged(answer.control_id, answer.code, answer.error_code, final, expected, raw)

    def _acknowledge(
        self,
        header: Header | None,
        *,
        accepted: bool,
        rejected: bool = False,
        error: ErrorCode | None = None,
    ) -> bytes:
        if self._stream.wrapping is Wrapping.BARE:
            match self._dialect.bare_reply:
                case BareReply.ZERO:
                    return b"0" if accepted else b""
                case BareReply.NONE:
                    return b""
        codes = due_codes(header, accepted=accepted, rejected=rejected)
        answers = (
            acknowledgment(header, AcknowledgmentCode(code), self._ids(), self._clock(), error)
            for code in codes
        )
        return b"".join(map(self._stream.wrap, answers))
