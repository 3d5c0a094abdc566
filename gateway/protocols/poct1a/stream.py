"""Bytes of a POCT1-A connection as messages, bare or each inside an MLLP block.

The first byte that is not blank decides: VT means MLLP (HemoScreen) for the whole connection,
anything else bare XML cut at the closing tag of the root.  A block that holds anything but one
message is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.protocols import mllp
from gateway.protocols.events import Cutoff, Damage, MessageDamaged, MessageIncomplete
from gateway.protocols.poct1a.message import Message, read
from gateway.protocols.poct1a.splitter import MAX_MESSAGE, Piece, Splitter
from gateway.protocols.poct1a.xml import Unreadable

_OPENING_SIZE: Final = 3  # an "MSH" opens a block without VT, perhaps in several reads
_BLANK: Final = b" \t\r\n\x00"


class Wrapping(StrEnum):
    """How messages are framed; ``AUTO`` until the first byte."""

    AUTO = "auto"
    BARE = "bare"
    MLLP = "mllp"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that could be read."""

    message: Message


Item = Arrived | MessageDamaged | MessageIncomplete


class Stream:
    """One direction of one connection."""

    def __init__(self, wrapping: Wrapping = Wrapping.AUTO, limit: int = MAX_MESSAGE) -> None:
        self.wrapping = wrapping
        self._limit = limit
        self._splitter = Splitter(limit)
        self._decoder = mllp.Decoder(limit)
        self._blocks = 0  # bytes of whole blocks not taken yet
        self._tail = bytearray()  # of the stream: what the decoder holds of an open block

    @property
    def junk(self) -> int:
        """Stray bytes between MLLP blocks."""
        return self._decoder.junk

    @property
    def buffered(self) -> int:
        """Bytes held back, about: a caller that takes items as they come keeps it small."""
        return self._blocks + self._decoder.incomplete + self._splitter.buffered

    @property
    def open(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._splitter.buffered or self._decoder.incomplete)

    def receive_data(self, data: bytes) -> None:
        if self.wrapping is Wrapping.AUTO:
            data = data.lstrip(_BLANK)
            if not data:
                return
            self.wrapping = Wrapping.MLLP if data.startswith(mllp.START) else Wrapping.BARE
        if self.wrapping is Wrapping.BARE:
            self._splitter.receive_data(data)
        elif data:
            self._decoder.receive_data(data)
            self._blocks += len(data)
            self._tail += data
            held = max(self._decoder.incomplete, _OPENING_SIZE)
            del self._tail[: max(0, len(self._tail) - held)]

    def next_item(self) -> Item | None:
        """The next message or what is wrong, or None when more bytes are needed."""
        if self.wrapping is Wrapping.MLLP:
            return self._next_block()
        piece = self._splitter.next_piece()
        return None if piece is None else _item(piece)

    def wrap(self, raw: bytes) -> bytes:
        """``raw`` as this connection frames it."""
        return mllp.encode_block(raw) if self.wrapping is Wrapping.MLLP else raw

    def give_up(self, reason: Cutoff) -> MessageIncomplete | None:
        """What had begun when the peer fell silent or went away."""
        if size := self._decoder.incomplete:
            self._decoder = mllp.Decoder(self._limit)
            tail, self._tail = self._tail, bytearray()
            return MessageIncomplete(reason, bytes(tail[-size:]))
        rest = self._splitter.take_rest()
        return MessageIncomplete(reason, rest) if rest.strip(_BLANK) else None

    def _next_block(self) -> Item | None:
        while (event := self._decoder.next_event()) is not None:
            match event:
                case mllp.Block(body):
                    self._blocks = max(0, self._blocks - len(body))
                    return _block(body, self._limit)
                case mllp.Oversize():
                    return MessageDamaged(Damage.OVERSIZE, b"")
                case mllp.Junk():
                    continue
        self._blocks = 0
        return None


def _block(body: bytes, limit: int) -> Item:
    splitter = Splitter(limit)
    splitter.receive_data(body)
    piece = splitter.next_piece()
    if piece is None or piece.restarted or splitter.take_rest().strip(_BLANK):
        return MessageDamaged(Damage.FORMAT, body)
    return _item(piece)


def _item(piece: Piece) -> Item:
    if piece.restarted:
        return MessageIncomplete(Cutoff.RESTARTED, piece.raw)
    if piece.reason is not None:
        return MessageDamaged(piece.reason, piece.raw)
    try:
        return Arrived(read(piece.raw))
    except Unreadable as error:
        return MessageDamaged(error.reason, piece.raw)
