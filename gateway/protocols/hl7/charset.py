"""Bytes of a message to text: MSH-18 by HL7 table 0211, or what the site says instead.

Without a name, or with one that is not known here, UTF-8 is tried, then Windows-1252, then Latin-1:
a byte that cannot be read is never dropped, and ``doubtful`` says that the reading was a guess.  So
it is for ISO 8859 with bytes 80 to 9F, which are controls there and punctuation in Windows-1252.
Refused: bytes that do not begin with MSH, which is how UTF-16 and UTF-32 look on the wire.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from gateway.protocols.hl7.errors import Unreadable
from gateway.protocols.hl7.message import MAX_SEGMENTS, Message, read

CODECS = {
    "": "ascii",
    "ASCII": "ascii",
    "8859/1": "latin-1",
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc-kr",
}
"""HL7 table 0211 to Python codecs, with the spellings seen in the field."""

_LATIN_1 = "iso8859-1"
_C1 = re.compile("[\x80-\x9f]")
_HEADER = re.compile(rb"MSH(.)[^\r\n]*")
_EDGE_BYTES = b"\xef\xbb\xbf\x0b\x1c\r\n \x00"


@dataclass(frozen=True, slots=True)
class Decoded:
    """``codec`` is how it was read; ``doubtful`` when the message did not say, or said wrongly."""

    message: Message
    codec: str
    doubtful: bool


def decode(data: bytes, *, codec: str | None = None, max_segments: int = MAX_SEGMENTS) -> Decoded:
    """The one message in ``data``.  ``codec`` overrides MSH-18.  Raises Unreadable."""
    declared = codec or CODECS.get(_declared(data))
    plausible = declared in (None, "ascii") and not _declared(data)
    attempts = ((declared, False), ("utf-8", not plausible), ("cp1252", True), ("latin-1", True))
    for name, doubtful in attempts:
        text = _text(data, name) if name else None
        if not name or text is None:
            continue
        controls = not doubtful and _has_controls(name, text)
        if not controls or codecs.lookup(name).name != _LATIN_1:
            message = read(text, max_segments=max_segments)
            return Decoded(message, name, doubtful or controls)
    raise Unreadable("no character set fits")


def _declared(data: bytes) -> str:
    """MSH-18, its first repetition; empty when the message says nothing."""
    match = _HEADER.match(data.lstrip(_EDGE_BYTES))
    if match is None:
        raise Unreadable("does not begin with MSH")
    fields = match[0].split(match[1])
    name = fields[17].decode("ascii", "replace") if len(fields) > 17 else ""
    return re.split(r"[~^]", name)[0].strip().upper()


def _has_controls(codec: str, text: str) -> bool:
    """Whether a text said to be in ISO 8859 holds what is no text there."""
    return codecs.lookup(codec).name.startswith("iso8859") and _C1.search(text) is not None


def _text(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None
