"""The sending end of an ASTM line (LIS01-A2 sections 6.2 to 6.5), without I/O and without a clock.

``start()`` takes a message and returns the first bytes to write; further bytes come out of
``data_to_send()`` after every ``next_event()`` and ``expire()``.  A message is delivered or it
failed; a failed one must be sent again in full.  NAK or any unreadable answer repeats a frame, up
to ``Dialect.tries`` sends; an unreadable one only after ``Timers.garbled`` without a real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from gateway.protocols.astm.control import ACK, ENQ, EOT, NAK, SOH
from gateway.protocols.astm.dialect import Ack, Dialect, Framing, Role
from gateway.protocols.astm.events import (
    Accepted,
    Busy,
    Delivered,
    Failed,
    Failure,
    Interrupted,
    SenderEvent,
)
from gateway.protocols.astm.frame import split_frames
from gateway.protocols.astm.incoming import not_now


class _State(Enum):
    NEUTRAL = auto()
    ENQUIRING = auto()  # ENQ sent
    BUSY = auto()  # ENQ refused
    CONTENDING = auto()  # instrument: both sent ENQ
    SENDING = auto()  # a frame (or bare chunk) sent
    DONE = auto()  # everything is written, one event is left to tell


class Sender:
    """Instrument by default.  ``yielding`` ends the transfer when the receiver interrupts."""

    def __init__(
        self,
        dialect: Dialect | None = None,
        *,
        role: Role = Role.INSTRUMENT,
        yielding: bool = False,
    ) -> None:
        self._dialect = dialect or Dialect()
        self.role: Final = role
        self._yielding = yielding
        self._framed = self._dialect.framing in (Framing.FRAMED, Framing.AUTO)
        self._state = _State.NEUTRAL
        self._answers = bytearray()
        self._output = bytearray()
        self._frames: list[bytes] = []
        self._accepted = 0
        self._tries = 0
        self._garbled = False

    def __repr__(self) -> str:
        return f"Sender({self.role}, {self._state.name.lower()}, accepted={self._accepted})"

    @property
    def active(self) -> bool:
        """Whether a message is under way."""
        return self._state is not _State.NEUTRAL

    @property
    def timeout(self) -> float | None:
        """Seconds until ``expire()`` is due, counted from the last bytes written."""
        timers = self._dialect.timers
        match self._state:
            case _State.ENQUIRING:
                return timers.reply
            case _State.SENDING:
                return timers.garbled if self._garbled else timers.reply
            case _State.BUSY:
                return timers.busy
            case _State.CONTENDING:
                return timers.contention_instrument
        return None

    def start(self, message: bytes | Sequence[bytes]) -> bytes:
        """Begins to send: a list of records (each begins a frame) or bytes cut anywhere."""
        if self.active:
            raise not_now("start()")
        if not message:
            raise not_now("sending nothing")
        self._answers.clear()
        self._output.clear()
        self._accepted = self._tries = 0
        if self._framed:
            self._frames = split_frames(message, self._dialect)
            self._enquire()
        else:
            self._frames = self._unframed(message)
            self._state = _State.SENDING
            self._send()
        return self.data_to_send()

    def _unframed(self, message: bytes | Sequence[bytes]) -> list[bytes]:
        records = [message] if isinstance(message, bytes) else list(message)
        if self._dialect.framing is Framing.ENVELOPE:
            return [SOH + b"".join(records) + EOT]
        return records if self._dialect.ack is Ack.PER_CHUNK else [b"".join(records)]

    def receive_data(self, data: bytes) -> None:
        """Answers from the receiver.  Nothing is kept while nothing is under way."""
        if self.active:
            self._answers += data

    def data_to_send(self) -> bytes:
        """What is to be written now; each byte is given once."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def unread(self) -> bytes:
        """Bytes that arrived behind the last answer: the peer is already sending."""
        data = bytes(self._answers)
        self._answers.clear()
        return data

    def next_event(self) -> SenderEvent | None:
        """The next event, or ``None``: wait for bytes."""
        if self._state is _State.DONE:
            return self._finish(Delivered(self._accepted))
        while self._answers and self.active:
            answer = bytes(self._answers[:1])
            del self._answers[:1]
            if event := self._answered(answer):
                return event
        return None

    def _answered(self, answer: bytes) -> SenderEvent | None:
        match self._state:
            case _State.ENQUIRING:
                return self._enquiry_answered(answer)
            case _State.SENDING:
                return self._frame_answered(answer)
            case _State.BUSY if answer == ENQ:  # it was busy because it wants to send
                self._answers[:0] = answer
                return self._fail(Failure.CONTENTION, closing=False)
        return None

    def _enquiry_answered(self, answer: bytes) -> SenderEvent | None:
        if answer == ACK:
            self._tries = 0
            self._state = _State.SENDING
            self._send()
            return Accepted(0)
        if answer == NAK:
            if self._tries >= self._dialect.tries:
                return self._fail(Failure.BUSY, closing=False)
            self._state = _State.BUSY
            return Busy(self._tries)
        if answer == ENQ:
            if self.role is Role.HOST:
                return self._fail(Failure.CONTENTION, closing=False)
            self._state = _State.CONTENDING
        return None

    def _frame_answered(self, answer: bytes) -> SenderEvent | None:
        if answer == ACK:
            return self._advance(Accepted(self._accepted + 1))
        if answer == EOT and self._framed:
            return self._advance(Interrupted(self._accepted + 1))
        if answer == NAK:
            return self._repeat()
        self._garbled = True
        return None

    def _advance(self, event: Accepted | Interrupted) -> SenderEvent:
        self._accepted += 1
        self._tries = 0
        self._garbled = False
        if self._accepted == len(self._frames):
            self._output += EOT if self._framed else b""
            self._state = _State.DONE
        elif isinstance(event, Interrupted) and self._yielding:
            return self._fail(Failure.INTERRUPTED)
        else:
            self._send()
        return event

    def _repeat(self) -> SenderEvent | None:
        if self._tries >= self._dialect.tries:
            return self._fail(Failure.REFUSED)
        self._send()
        return None

    def _enquire(self) -> None:
        self._tries += 1
        self._state = _State.ENQUIRING
        self._output += ENQ

    def _send(self) -> None:
        self._tries += 1
        self._garbled = False
        if not self._framed and self._dialect.ack is Ack.NEVER:
            self._output += b"".join(self._frames)
            self._accepted = len(self._frames)
            self._state = _State.DONE
        else:
            self._output += self._frames[self._accepted]

    def expire(self) -> SenderEvent | None:
        """``timeout`` seconds passed."""
        match self._state:
            case _State.BUSY | _State.CONTENDING:
                self._enquire()
            case _State.SENDING if self._garbled:
                return self._repeat()
            case _State.ENQUIRING | _State.SENDING:
                return self._fail(Failure.NO_REPLY)
        return None

    def connection_lost(self) -> SenderEvent | None:
        """The peer is gone."""
        if self._state is _State.DONE:
            return self._finish(Delivered(self._accepted))
        return self._fail(Failure.LOST, closing=False) if self.active else None

    def _fail(self, reason: Failure, *, closing: bool = True) -> Failed:
        if closing and self._framed:
            self._output += EOT
        event = Failed(reason, self._accepted)
        self._finish(event)
        return event

    def _finish(self, event: Delivered | Failed) -> SenderEvent:
        self._state = _State.NEUTRAL
        self._frames = []
        return event
