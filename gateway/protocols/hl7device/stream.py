"""Bytes from an HL7-speaking analyzer as messages: in MLLP, or bare segments without it.

``AUTO`` looks at the first block: VT means MLLP, ``MSH`` bare, for the whole connection.  A bare
message ends at FS (an ichroma II sends it without VT), at the next ``MSH`` or when the line is
silent after a whole segment (Abaxis HM5 sends neither).  Bytes between messages (0x02 keep-alives
of a Mindray) are counted; anything else there is damaged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from gateway.protocols import mllp
from gateway.protocols.events import (
    Cutoff,
    Damage,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text.framing import SILENT, noise
from gateway.protocols.text.receiver import Answers, Broken, Cut, Junk, Receiver, Whole

BLANK: Final = bytes(byte for byte in range(0x21) if byte != 0x0B) + b"\xef\xbb\xbf"
_NEXT = re.compile(rb"[\r\n][\x00-\x1b\x1d-\x20]{0,16}(?=MSH[^\w\s])|\x1c")
_LONGEST_NEXT: Final = 24
_BEGINNING = re.compile(rb"\x0b|MSH")
_UNDECIDED: Final = 4_096
_OPENING_SIZE: Final = 3  # an "MSH" opens a block without VT, perhaps in several reads
_OPENING: Final = b"MSH"
_KEEP_ALIVES: Final = bytes(byte for byte in BLANK if byte not in b"\r\n")


class Wrapping(StrEnum):
    AUTO = "auto"
    MLLP = "mllp"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class BareSegments:
    """Segments without MLLP.  ``patience``: silence that ends a message, in seconds."""

    patience: float = 2.0
    limit: int = mllp.MAX_BLOCK
    answers: Answers = SILENT
    anchored: ClassVar[bool] = True

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if before := noise(buffer, BLANK + mllp.START + mllp.END):
            return Junk(before)
        if not buffer.startswith(_OPENING):
            start = buffer.find(_OPENING, max(1, searched - 2))
            return Broken(start, Damage.FORMAT) if start > 0 else None
        end = _NEXT.search(buffer, max(len(_OPENING), searched - _LONGEST_NEXT))
        return None if end is None else Whole(end.start() + (buffer[end.start()] != 0x1C))

    def close(self, buffer: bytearray) -> Cut | None:
        if not buffer.startswith(_OPENING):
            return Broken(len(buffer), Damage.FORMAT)
        size = len(buffer.rstrip(_KEEP_ALIVES))
        return Whole(size) if buffer[size - 1] in b"\r\n" else None


Item = MessageReceived | MessageDamaged | MessageIncomplete


class Stream:
    """One direction of one connection.  The caller takes an item before it feeds more."""

    def __init__(
        self,
        wrapping: Wrapping = Wrapping.AUTO,
        *,
        limit: int = mllp.MAX_BLOCK,
        idle: float = 2.0,
    ) -> None:
        self.wrapping = wrapping
        self._decoder = mllp.Decoder(limit)
        self._bare = Receiver(BareSegments(idle, limit))
        self._undecided = bytearray()
        self._blocks = 0  # bytes of whole blocks not taken yet
        self._tail = bytearray()  # of the stream: what the decoder holds of an open block

    @property
    def junk(self) -> int:
        """Stray bytes between messages: keep-alives, noise."""
        return self._decoder.junk + self._bare.junk

    @property
    def timeout(self) -> float | None:
        """Seconds of silence that end a bare message; None in MLLP."""
        return self._bare.timeout

    @property
    def buffered(self) -> int:
        """Bytes held back, about: a caller that takes items as they come keeps it small."""
        return self._blocks + self._decoder.incomplete + self._bare.buffered

    @property
    def open(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._decoder.incomplete or self._bare.buffered)

    def receive_data(self, data: bytes) -> None:
        if self.wrapping is Wrapping.AUTO:
            self._undecided += data
            data = self._decide()
        if not data:
            return
        if self.wrapping is Wrapping.BARE:
            self._bare.receive_data(data)
            return
        self._decoder.receive_data(data)
        self._blocks += len(data)
        self._tail += data
        held = max(self._decoder.incomplete, _OPENING_SIZE)
        del self._tail[: max(0, len(self._tail) - held)]

    def next_item(self) -> Item | None:
        """The next message or what is wrong, or None when more bytes are needed."""
        if self.wrapping is not Wrapping.BARE:
            return self._next_block()
        return self._released(self._bare.next_event())

    def silent(self) -> Item | None:
        """The line was silent for ``timeout`` seconds."""
        return self._released(self._bare.expire())

    def give_up(self, reason: Cutoff) -> MessageIncomplete | None:
        """What had begun when the peer fell silent or went away."""
        if size := self._decoder.incomplete:
            self._decoder = mllp.Decoder()
            tail, self._tail = self._tail, bytearray()
            return MessageIncomplete(reason, bytes(tail[-size:]))
        event = self._bare.connection_lost() if self._bare.buffered else None
        return event if isinstance(event, MessageIncomplete) else None

    def wrap(self, raw: bytes) -> bytes:
        """``raw`` as this connection frames it; in MLLP while nothing is decided."""
        return raw if self.wrapping is Wrapping.BARE else mllp.encode_block(raw)

    def _decide(self) -> bytes:
        found = _BEGINNING.search(self._undecided)
        if found is None and len(self._undecided) < _UNDECIDED:
            return b""
        bare = found is None or found[0] == _OPENING
        self.wrapping = Wrapping.BARE if bare else Wrapping.MLLP
        data = bytes(self._undecided)
        self._undecided.clear()
        return data

    def _next_block(self) -> Item | None:
        while (event := self._decoder.next_event()) is not None:
            match event:
                case mllp.Block(body):
                    self._blocks = max(0, self._blocks - len(body))
                    return MessageReceived(body)
                case mllp.Oversize():
                    return MessageDamaged(Damage.OVERSIZE, b"")
                case mllp.Junk():
                    continue
        self._blocks = 0
        return None

    def _released(self, event: object) -> Item | None:
        """Answers are given one floor up; down here nothing waits."""
        match event:
            case MessageReceived():
                self._bare.accept()
                return event
            case MessageDamaged():
                self._bare.refuse()
                return event
            case MessageIncomplete():
                return event
        return None
