"""One transfer phase as seen by the receiver: from an accepted ENQ to EOT (or whatever ends it).

Keeps counts, the sequence and the outline of the text, never the text.  A byte of text that line
noise turned into ETX can, one time in 256, pass for the end of its frame; then the true end turns
up where CR LF should, and the transmission is not whole.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.astm.control import ETB, ETX
from gateway.protocols.astm.dialect import Checksum, Dialect, Numbering
from gateway.protocols.astm.events import (
    Ending,
    Event,
    Heartbeat,
    Incomplete,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.astm.outline import Outline
from gateway.protocols.astm.sequence import Sequence

_LOOSE: Final = Numbering.LOOSE
_UNCHECKED: Final = Checksum.NONE
_ETX: Final = ETX[0]
_TRAILER: Final[tuple[bytes, ...]] = (b"\r", b"\n")
_HEXADECIMAL: Final = b"0123456789ABCDEFabcdef"
_UNCHECKED_TRAILER: Final[tuple[bytes, ...]] = (_HEXADECIMAL, _HEXADECIMAL, *_TRAILER)


class Phase:
    __slots__ = (
        "_behind_frame",
        "_broken",
        "_end",
        "_outline",
        "_trailer",
        "_whole_trailer",
        "damaged",
        "frames",
        "junk",
        "sequence",
        "truncated",
    )

    def __init__(self, dialect: Dialect) -> None:
        loose = dialect.numbering is _LOOSE
        unchecked = dialect.checksum is _UNCHECKED
        self._whole_trailer = _UNCHECKED_TRAILER if unchecked else _TRAILER
        self._trailer = self._whole_trailer  # what may stand here and is no junk
        self.sequence: Final = Sequence(loose=loose, room=dialect.max_transmission)
        self._outline = Outline(loose=loose)
        self._end = -1 if unchecked else -3  # where ETX or ETB stands in a frame
        self._behind_frame = False  # the last frame was accepted
        self._broken = False  # junk stands where its CR LF should
        self.frames = 0
        self.damaged = 0
        self.junk = 0
        self.truncated = False  # a frame's end stands behind an accepted frame's end

    def refused(self) -> None:
        """A damaged frame ended here."""
        self.damaged += 1
        self._behind_frame = self._broken = False
        self._trailer = self._whole_trailer

    @property
    def trailer_due(self) -> bool:
        """Whether this is the place of the CR or LF behind an accepted frame."""
        return self._behind_frame and bool(self._trailer)

    def frame_ended(self) -> None:
        """A trailer may follow."""
        self._trailer = self._whole_trailer

    def takes_trailer(self) -> bool:
        """The usual CR LF is here; whether it belongs to a frame."""
        expected = self._trailer is self._whole_trailer
        if expected:
            self._trailer = ()
        return expected

    def accept(self, text: bytes, raw: bytes, trailed: bool) -> None:
        """This frame is part of the transmission; ``trailed``: its CR LF with it."""
        self._outline.feed(text)
        self.sequence.accept(raw)
        self._behind_frame = True
        self._broken = False
        self._trailer = () if trailed else self._whole_trailer
        self.frames += 1

    def gap(self, taken: bytes) -> int:
        """Bytes between frames; how many of them are junk.  A frame's trailer is not."""
        used = 0
        while used < len(taken) and self._belongs_to_trailer(taken[used]):
            used += 1
        junk = len(taken) - used
        if junk:
            self._broken = self._broken or (self._behind_frame and bool(self._trailer))
            self._trailer = ()
            self.junk += junk
            if self._broken and (ETX in taken or ETB in taken):
                self.truncated = True
        return junk

    def _belongs_to_trailer(self, byte: int) -> bool:
        for place, allowed in enumerate(self._trailer, 1):
            if byte in allowed:
                self._trailer = self._trailer[place:]
                return True
        return False

    def end(self, ending: Ending, *, checked: bool, unread: bytes) -> Event:
        """What is told of it.  ``unread``: bytes of a frame that did not come to its end."""
        if self._whole:
            return TransmissionEnded(self.frames, ending, checked, self.junk, self.damaged)
        if ending is Ending.EOT and self._empty:
            return Heartbeat()
        return TransmissionIncomplete(self._shortcoming(ending), self.frames, unread)

    @property
    def _ended(self) -> bool:
        """Whether the last frame says that it ends a message."""
        return self.sequence.last[self._end] == _ETX

    @property
    def _empty(self) -> bool:
        """Whether nothing was said at all."""
        return not (self.frames or self.damaged or self.junk)

    @property
    def _whole(self) -> bool:
        """Whether the joined text is complete: H first, L last, and ETX behind it."""
        return bool(
            self.frames
            and self._ended
            and not self.truncated
            and self._outline.has_terminator
            and self._outline.has_header
        )

    def _shortcoming(self, ending: Ending) -> Incomplete:
        """Why it is not whole."""
        if self.truncated:
            return Incomplete.TRUNCATED
        match ending:
            case Ending.ENQUIRY:
                return Incomplete.RESTARTED
            case Ending.TIMEOUT:
                return Incomplete.TIMEOUT
            case Ending.LOST:
                return Incomplete.LOST
        if not self.frames:
            return Incomplete.NO_FRAME
        if not self._ended:
            return Incomplete.INTERMEDIATE
        if self._outline.has_terminator:
            return Incomplete.NO_HEADER
        return Incomplete.EARLY_END
