"""Turns the bytes of a text-speaking analyzer into messages, whatever marks their ends.

A ``Framing`` says where the next message ends; ``Receiver`` keeps the bytes, the answers due, the
limits and the timer.  Nothing is answered before ``accept()`` or ``refuse()``; most of these
devices broadcast and get an empty answer.  The same bytes give the same events however they were
sliced.  What is over the limit comes out in pieces of the limit, as damaged, to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.events import (
    Cutoff,
    Damage,
    Enquiry,
    Event,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)

AHEAD: Final = 65_536
"""Bytes a peer may send while an answer is due, beyond one message of the limit."""


@dataclass(frozen=True, slots=True)
class Junk:
    """``size`` bytes that belong to no message."""

    size: int


@dataclass(frozen=True, slots=True)
class Whole:
    """A message of ``size`` bytes."""

    size: int
    integrity: Integrity = Integrity.UNCHECKED


@dataclass(frozen=True, slots=True)
class Broken:
    """``size`` bytes that look like a message and are not one."""

    size: int
    reason: Damage


@dataclass(frozen=True, slots=True)
class Abandoned:
    """``size`` bytes of a message that the device began anew."""

    size: int


@dataclass(frozen=True, slots=True)
class Call:
    """``size`` bytes of a handshake that wants an answer."""

    size: int


Cut = Junk | Whole | Broken | Abandoned | Call


@dataclass(frozen=True, slots=True)
class Answers:
    """What the host writes back."""

    accept: bytes = b""
    refuse: bytes = b""
    enquiry: bytes = b""


class Framing(Protocol):
    """Where messages begin and end.  ``limit`` is in bytes, ``patience`` in seconds of silence.

    ``anchored``: messages have a start mark, so the tail of one is never taken for another.
    """

    @property
    def limit(self) -> int: ...
    @property
    def patience(self) -> float: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def anchored(self) -> bool: ...

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        """The next piece at the front; ``None`` wants more.

        ``searched`` bytes at the front were seen by an earlier call that found no end in them.
        """
        ...

    def close(self, buffer: bytearray) -> Cut | None:
        """What silence makes of the buffer; ``None`` when the message is unfinished."""
        ...


class Receiver:
    """The host's end of a line on which one kind of analyzer talks.  One per connection."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._buffer = bytearray()
        self._searched = 0
        self._awaiting: Event | None = None
        self._lost = False
        self._overrun = False
        self.junk = 0

    @property
    def buffered(self) -> int:
        """Bytes held back; a driver stops reading while an answer is due."""
        return len(self._buffer)

    @property
    def timeout(self) -> float | None:
        """Seconds of silence after which ``expire()`` is due; ``None`` while nothing is open."""
        return self._framing.patience if self._buffer and self._awaiting is None else None

    def receive_data(self, data: bytes) -> None:
        """Takes what was read.  RemoteProtocolError when the peer runs too far ahead of us."""
        self._buffer += data
        if self._awaiting is not None and len(self._buffer) > self._framing.limit + AHEAD:
            raise RemoteProtocolError("the peer does not wait for our answers")

    def next_event(self) -> Event | None:
        """The next event, or ``None`` when more bytes are needed."""
        if self._awaiting is not None:
            raise LocalProtocolError("an event still waits for its answer")
        while (cut := self._next_cut()) is not None:
            if (event := self._apply(cut)) is not None:
                return event
        return self._abandon(Cutoff.LOST) if self._lost and self._buffer else None

    def accept(self) -> bytes:
        """The bytes that acknowledge the event just given, now that it is on disk."""
        event, self._awaiting = self._awaiting, None
        match event:
            case MessageReceived():
                return self._framing.answers.accept
            case Enquiry():
                return self._framing.answers.enquiry
            case _:
                self._awaiting = event
                raise LocalProtocolError("nothing here may be accepted")

    def refuse(self) -> bytes:
        """The bytes that say no to the event just given."""
        if self._awaiting is None:
            raise LocalProtocolError("nothing waits for an answer")
        self._awaiting = None
        return self._framing.answers.refuse

    def expire(self) -> Event | None:
        """The line has been silent for ``timeout`` seconds."""
        if self._awaiting is not None or not self._buffer:
            return None
        cut = self._framing.close(self._buffer)
        return self._abandon(Cutoff.TIMEOUT) if cut is None else self._apply(cut)

    def connection_lost(self) -> Event | None:
        """The peer is gone.  Whole messages still come out, then what had begun, as incomplete.

        An event that waits for its answer still does; its answer has nowhere to go.
        """
        self._lost = True
        return None if self._awaiting is not None else self.next_event()

    def _next_cut(self) -> Cut | None:
        if not self._buffer:
            return None
        limit = self._framing.limit
        cut = self._framing.cut(self._buffer, self._searched)
        if cut is None and len(self._buffer) < limit:
            self._searched = len(self._buffer)
            return None
        if cut is None or (cut.size > limit and not isinstance(cut, Junk)):
            return Broken(limit, Damage.OVERSIZE)
        return cut

    def _apply(self, cut: Cut) -> Event | None:
        if isinstance(cut, Broken) and cut.reason is Damage.OVERSIZE:
            self._overrun = not self._framing.anchored
        elif self._overrun and isinstance(cut, Whole):
            cut, self._overrun = Broken(cut.size, Damage.OVERSIZE), False
        raw = self._take(cut.size)
        match cut:
            case Junk(size):
                self.junk += size
                return None
            case Abandoned():
                return MessageIncomplete(Cutoff.RESTARTED, raw)
            case Whole(_, integrity):
                self._awaiting = MessageReceived(raw, integrity)
            case Broken(_, reason):
                self._awaiting = MessageDamaged(reason, raw)
            case Call():
                self._awaiting = Enquiry(raw)
        return self._awaiting

    def _abandon(self, reason: Cutoff) -> MessageIncomplete:
        return MessageIncomplete(reason, self._take(len(self._buffer)))

    def _take(self, size: int) -> bytes:
        raw = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._searched = 0
        return raw
