"""Reads recorded bytes offline: what a device sent, without the host's answers.

Every answer is taken to have been the right one, so a recording that shows a damaged frame must
also show it sent again whole.  Stricter than a live line in one thing: right behind a checksum
only CR LF, CR, LF or a control character may stand, because nobody can ask the sender any more.
More lenient in one: frames from number 1 on are read without their ENQ, and say so; a frame of
number 1 with a header then begins another transmission.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from gateway.protocols.astm.detection import Detector
from gateway.protocols.astm.dialect import Ack, Dialect, Framing
from gateway.protocols.astm.events import Foreign
from gateway.protocols.astm.findings import Finding, Outcome, Remark, Transmission
from gateway.protocols.astm.incoming import Incoming
from gateway.protocols.astm.session import Piece, read_session
from gateway.protocols.astm.unframed_capture import read_unframed

_CONTROL: Final = re.compile(rb"[\x04\x05]")  # EOT and ENQ end a session wherever they stand
_FIRST_FRAME: Final = re.compile(rb"[\r\n\x00\xff]*\x021")
_FIRST_HEADER: Final = re.compile(rb"\x021[Hh][!-/:-@\[-`{-~]")
_TERMINATOR: Final = re.compile(rb"[\r0-7]\n?[Ll][!-/:-@\[-`{-~]")
_ANY_FRAME: Final = re.compile(rb"\x02[0-9]")


def read_capture(data: bytes, dialect: Dialect | None = None) -> tuple[Transmission, ...]:
    """The transmissions of a recording, in order."""
    chosen = replace(dialect or Dialect(), ack=Ack.PER_MESSAGE)
    match _framing(data, chosen.framing):
        case Foreign() as protocol:
            finding = Finding(protocol, 0, len(data), spoils=True)
            return (Transmission(0, Outcome.DAMAGED, findings=(finding,), raw=data),)
        case Framing.FRAMED:
            return tuple(_Sessions(data, replace(chosen, framing=Framing.FRAMED)).read())
        case framing:
            return tuple(read_unframed(data, replace(chosen, framing=framing)))


def _framing(data: bytes, wanted: Framing) -> Framing | Foreign:
    if wanted is not Framing.AUTO:
        return wanted
    incoming = Incoming()
    incoming.data.extend(data)
    found = Detector(incoming).detect()
    if found is Framing.FRAMED or found is None or _ANY_FRAME.search(data, 0, incoming.position):
        return Framing.FRAMED
    return found


@dataclass(slots=True)
class _Sessions:
    """Cuts a framed recording at its ENQ and EOT bytes and reads each piece."""

    data: bytes
    dialect: Dialect

    def read(self) -> Iterator[Transmission]:
        notes: list[Finding] = []  # for the next transmission
        last: Transmission | None = None
        for piece in self._pieces():
            found = self._read(piece)
            if isinstance(found, Finding):
                notes.append(found)
            elif found is not None:
                if last is not None:
                    yield last
                last = replace(found, findings=(*notes, *found.findings))
                notes.clear()
        if last is not None:
            yield replace(last, findings=(*last.findings, *notes))

    def _pieces(self) -> Iterator[Piece]:
        opener, start = b"", 0
        for match in _CONTROL.finditer(self.data):
            yield from _apart(Piece(self.data, opener, start, match.start(), match[0]))
            opener, start = match[0], match.end()
        yield from _apart(Piece(self.data, opener, start, len(self.data), b""))

    def _read(self, piece: Piece) -> Transmission | Finding | None:
        if piece.enquired:
            if piece.closer == b"\x05" and not piece.content.strip(b"\r\n"):
                return Finding(Remark.ENQUIRED_AGAIN, piece.start - 1, 1)
            return read_session(piece, self.dialect)
        if _FIRST_FRAME.match(piece.content):
            return read_session(piece, self.dialect)
        return _stray(piece)


def _apart(piece: Piece) -> Iterator[Piece]:
    """Transmissions of which neither ENQ nor EOT were recorded."""
    found = _FIRST_HEADER.finditer(piece.data, piece.start, piece.end)
    starts = [] if piece.enquired else [match.start() for match in found][1:]
    for start in starts:
        if _TERMINATOR.search(piece.data, piece.start, start) is None:
            continue  # the first frame, sent again
        yield replace(piece, end=start, closer=b"")
        piece = replace(piece, opener=b"", start=start)
    yield piece


def _stray(piece: Piece) -> Transmission | Finding | None:
    """Bytes outside every transmission."""
    if not piece.content.strip(b"\r\n"):
        return None
    harmful = piece.holds_text(piece.start, piece.end)
    finding = Finding(Remark.JUNK, piece.start, piece.end - piece.start, spoils=harmful)
    if not harmful:
        return finding
    return Transmission(piece.start, Outcome.DAMAGED, findings=(finding,), raw=piece.content)
