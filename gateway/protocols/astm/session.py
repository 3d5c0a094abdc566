"""One recorded session, ENQ to EOT, read by a live receiver whose every answer is right."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.protocols.astm.control import ENQ, EOT
from gateway.protocols.astm.dialect import Checksum, Dialect
from gateway.protocols.astm.events import (
    Damage,
    Ending,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Heartbeat,
    Incomplete,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.astm.findings import Finding, Outcome, Remark, Transmission
from gateway.protocols.astm.receiver import Receiver

_TRAILER: Final = re.compile(rb"\r?\n?")
_UNCHECKED_TRAILER: Final = re.compile(rb"(?:[0-9A-Fa-f]{2})?\r?\n?")
_WITH_NUL: Final = re.compile(
    rb"\x02[^\x02\x03\x17\x00]*\x00[^\x02\x03\x17]*[\x03\x17]..", re.DOTALL
)
_TEXT: Final = re.compile(rb"[\x02\x03\x17]|[\x20-\x7e]{3}")


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """``data[start:end]`` lies between two of ENQ, EOT or the recording's ends (``b""``)."""

    data: bytes
    opener: bytes
    start: int
    end: int
    closer: bytes

    @property
    def enquired(self) -> bool:
        return self.opener == ENQ

    @property
    def content(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def closes_twice(self) -> bool:
        """Whether another EOT stands behind its EOT."""
        behind = self.data[self.end + 1 : self.end + 4]
        return self.closer == EOT and behind.lstrip(b"\r\n").startswith(EOT)

    def holds_text(self, start: int, end: int) -> bool:
        """Whether these bytes are more than noise: parts of frames, or text."""
        return _TEXT.search(self.data, start, end) is not None


def read_session(piece: Piece, dialect: Dialect) -> Transmission:
    """The transmission in this piece."""
    receiver = Receiver(dialect, nuls=_means_nuls(piece.content))
    return _Session(piece, receiver, dialect.checksum is not Checksum.NONE).read()


def _means_nuls(content: bytes) -> bool:
    """Whether no frame with a NUL was sent again without it: then it was taken as it is."""
    return not any(frame.replace(b"\0", b"") in content for frame in _WITH_NUL.findall(content))


@dataclass(slots=True)
class _Session:
    piece: Piece
    receiver: Receiver
    checked: bool
    end: int = 0  # of the last event, in the recording
    behind_frame: bool = False  # whether that event was a frame taken
    texts: list[bytes] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    damaged: list[tuple[Finding, bytes]] = field(default_factory=list)  # not yet sent again

    def read(self) -> Transmission:
        piece, receiver = self.piece, self.receiver
        self.end = piece.start
        if not piece.enquired:
            self._note(Remark.NO_ENQUIRY, piece.start)
        receiver.receive_data(ENQ)
        receiver.next_event()
        receiver.accept()
        receiver.receive_data(piece.content + piece.closer)
        while (event := receiver.next_event()) is not None:
            if (outcome := self._on(event)) is not None:
                return self._close(outcome)
        self._between(self._here())
        self.end = piece.end  # what is left is a frame cut off by the recording's end
        lost = receiver.connection_lost()
        return self._close((lost and self._on(lost)) or Outcome.INCOMPLETE)

    def _on(self, event: Event) -> Outcome | None:
        match event:
            case FrameReceived(frame):
                self._arrived(frame.raw, taken=True)
                self._repaired(frame.raw)
                self.texts.append(frame.text)
                self.frames.append(frame.raw)
                self.receiver.accept()
            case FrameRepeated(frame):
                offset = self._arrived(frame.raw, taken=True)
                self._repaired(frame.raw)
                self._note(Remark.REPEATED, offset, len(frame.raw))
                self.receiver.accept()
            case FrameDamaged(reason, raw):
                offset = self._arrived(raw, taken=False)
                finding = Finding(reason, offset, len(raw), spoils=True)
                self.damaged.append((finding, raw))
                self.receiver.refuse()
            case TransmissionEnded(ending=ending):
                self._between(self.piece.end)
                self._ended(ending)
                return Outcome.COMPLETE
            case TransmissionIncomplete(reason):
                self._between(self.piece.end)
                self._note(reason, self.piece.end, spoils=True)
                nothing = reason is Incomplete.NO_FRAME
                return Outcome.DAMAGED if nothing else Outcome.INCOMPLETE
            case Heartbeat():
                return Outcome.HEARTBEAT
        return None

    def _here(self) -> int:
        """Up to where the receiver has read, in the recording."""
        return self.piece.start - 1 + self.receiver.position

    def _arrived(self, raw: bytes, *, taken: bool) -> int:
        """Looks at what stands before this frame; its offset in the recording."""
        end = self._here()
        self._between(end - len(raw))
        self.end, self.behind_frame = end, taken
        return end - len(raw)

    def _between(self, until: int) -> None:
        gap = self.piece.data[self.end : until]
        trailer = (_TRAILER if self.checked else _UNCHECKED_TRAILER).match(gap)
        rest = len(gap) - (trailer.end() if trailer else 0)
        if rest:
            broken = self.behind_frame and not gap[:-rest].endswith(b"\r\n")
            harmful = broken or self.piece.holds_text(until - rest, until)
            kind = Remark.TRAILER if broken else Remark.JUNK
            self._note(kind, until - rest, rest, spoils=harmful and self.behind_frame)
        self.end = until

    def _repaired(self, raw: bytes) -> None:
        """A good frame makes up for the damaged ones that were tries to send it."""
        damaged, self.damaged = self.damaged, []
        for finding, sent in damaged:
            if _tries(finding, sent, raw):
                self._note(Remark.REPAIRED, finding.offset, finding.length)
            else:
                self.damaged.append((finding, sent))

    def _ended(self, ending: Ending) -> None:
        """The last frame's trailer, where a damaged byte may have become a control character."""
        if ending is not Ending.EOT:
            self._note(Remark.NO_END, self.piece.end)
        last = self.piece.data[self.piece.end - 2 : self.piece.end]
        cut_short = ending is Ending.ENQUIRY or self.piece.closes_twice
        if cut_short and self.checked and last != b"\r\n":
            self._note(Remark.TRAILER, self.piece.end, 1, spoils=True)

    def _note(
        self, kind: Remark | Incomplete, at: int, length: int = 0, *, spoils: bool = False
    ) -> None:
        self.findings.append(Finding(kind, at, length, spoils))

    def _close(self, outcome: Outcome) -> Transmission:
        piece = self.piece
        if not self.checked:
            self._note(Remark.UNCHECKED, piece.start)
        findings = [*self.findings, *(finding for finding, _ in self.damaged)]
        if any(found.spoils and not isinstance(found.kind, Incomplete) for found in findings):
            outcome = Outcome.DAMAGED
        start = piece.start - len(piece.opener) if piece.enquired else piece.start
        return Transmission(
            start,
            outcome,
            b"".join(self.texts),
            tuple(self.frames),
            tuple(sorted(findings, key=lambda finding: finding.offset)),
            self.checked,
            piece.data[start : piece.end + len(piece.closer)],
        )


def _tries(finding: Finding, damaged: bytes, good: bytes) -> bool:
    """Whether the damaged frame was a try to send the good one.

    One with a sound checksum was not: its sender had gone on.
    """
    if finding.kind in (Damage.NUMBER, Damage.DIFFERENT):
        return False
    return damaged[:2] == good[:2] or len(damaged) == len(good)
