"""``Framing.AUTO``: the first bytes of a connection say what lies around the records.

ENQ: frames.  SOH: an envelope.  ``H`` and four delimiters at the start of a line: bare records.
VT before a name is MLLP and ``<`` before a name is XML: recognised, reported, not read.  Anything
else is skipped as junk up to the end of its line, and so is a frame without its ENQ: nothing could
be taken from it.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.astm.dialect import Framing
from gateway.protocols.astm.events import Foreign
from gateway.protocols.astm.incoming import Incoming

_HEADER: Final = 5  # H and its four delimiters
_IDLE: Final = b"\r\n\x00\xff"
_BEGINNING: Final = re.compile(rb"[\x01\x05\x0b\r\n\x00\xff]")  # where a line may begin or end
_ALNUM: Final = re.compile(rb"[0-9A-Za-z]")


class Detector:
    """Looks at the front of what arrived; takes only junk."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._in_junk = False

    def detect(self) -> Framing | Foreign | None:
        """The framing, or a protocol that is not ours, or ``None``: more bytes are needed."""
        data = self._incoming.data
        while data:
            if self._in_junk:
                self._skip_line()
            elif data[0] in _IDLE:
                self._skip_idle()
            else:
                verdict = _verdict(bytes(data[:_HEADER]))
                if not isinstance(verdict, bool):
                    return verdict
                if verdict:
                    return None
                self._incoming.waste(1)
                self._in_junk = True
        return None

    def _skip_line(self) -> None:
        found = _BEGINNING.search(self._incoming.data)
        self._in_junk = found is None
        self._incoming.waste(found.start() if found else len(self._incoming.data))

    def _skip_idle(self) -> None:
        data = self._incoming.data
        taken = self._incoming.take(len(data) - len(data.lstrip(_IDLE)))
        self._incoming.junk += len(taken.translate(None, b"\r\n"))


def _verdict(start: bytes) -> Framing | Foreign | bool:
    """The answer; ``True``: perhaps, with more bytes; ``False``: not the start of anything."""
    match start[:1]:
        case b"\x05":
            return Framing.FRAMED
        case b"\x01":
            return Framing.ENVELOPE
        case b"\x0b":
            return _if_name(start, Foreign.MLLP)
        case b"<":
            return _if_name(start, Foreign.XML)
        case b"H" | b"h" if _may_be_delimiters(start[1:]):
            return Framing.BARE if len(start) == _HEADER else True
    return False


def _if_name(start: bytes, protocol: Foreign) -> Foreign | bool:
    if len(start) == 1:
        return True
    return protocol if start[1:2].isalpha() or start[1:2] in b"?!" else False


def _may_be_delimiters(found: bytes) -> bool:
    printable = all(0x20 < byte < 0x7F for byte in found)
    return printable and len(set(found)) == len(found) and not _ALNUM.search(found)
