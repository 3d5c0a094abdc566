"""Wire transcripts: what was said on a line, as text that editors and git cannot damage.

One line for one piece of bytes: ``>`` from the device, ``<`` from the host, a blank, the bytes.
Printable ASCII stands for itself; control characters are ``<STX>`` ``<CR>`` ..., any other byte,
``<`` itself and a blank at either end ``<hh>``.  ``+0.012`` before the arrow is the time in
seconds since the line before.  ``#`` begins a comment line.  Reading and writing are lossless.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from gateway.protocols.errors import RemoteProtocolError

# fmt: off
_NAMES: Final = (  # 0C has none: <FF> is the byte 255
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "0C", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC",
    "FS", "GS", "RS", "US",
)
# fmt: on


def _token(byte: int) -> str:
    if byte < len(_NAMES):
        return f"<{_NAMES[byte]}>"
    if byte == 0x7F:
        return "<DEL>"
    return chr(byte) if byte < 0x7F and byte != ord("<") else f"<{byte:02X}>"


_TOKEN_OF: Final = tuple(map(_token, range(256)))
_BYTE_OF: Final = {name: byte for byte, name in enumerate(_NAMES)} | {"DEL": 0x7F, "HT": 0x09}
_TOKEN: Final = re.compile(r"<(?:([0-9A-Fa-f]{2})|([A-Z][A-Z0-9]{1,2}))>")
_LINE: Final = re.compile(r"(?:\+(\d+(?:\.\d+)?) )?([<>])(?: (.*))?")


class Direction(StrEnum):
    """Who spoke."""

    DEVICE = ">"
    HOST = "<"


@dataclass(frozen=True, slots=True, repr=False)
class Spoken:
    """Bytes one side wrote; ``seconds`` since the line before, where it was recorded."""

    direction: Direction
    data: bytes
    seconds: Decimal | None = None

    def __repr__(self) -> str:
        return f"Spoken({self.direction.name}, length={len(self.data)})"


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment line with its ``#``, or an empty line."""

    text: str


Entry = Spoken | Comment


def escape(data: bytes) -> str:
    """Bytes as transcript text."""
    text = "".join(map(_TOKEN_OF.__getitem__, data))
    if text.startswith(" "):
        text = f"<20>{text[1:]}"
    return f"{text[:-1]}<20>" if text.endswith(" ") else text


def unescape(text: str) -> bytes:
    """Transcript text as bytes; ``ValueError`` with the column of what cannot be read."""
    pieces: list[bytes] = []
    end = 0
    for match in _TOKEN.finditer(text):
        pieces += (_plain(text, end, match.start()), _byte(match))
        end = match.end()
    return b"".join((*pieces, _plain(text, end, len(text))))


def _byte(match: re.Match[str]) -> bytes:
    digits, name = match[1], match[2]
    if digits:
        return bytes.fromhex(digits)
    if name not in _BYTE_OF:
        raise ValueError(f"column {match.start() + 1}: unknown character name")
    return bytes((_BYTE_OF[name],))


def _plain(text: str, start: int, end: int) -> bytes:
    piece = text[start:end]
    if not (piece.isascii() and (piece.isprintable() or not piece)):
        raise ValueError(f"after column {start + 1}: a character that must be escaped")
    return piece.encode("ascii")


def read_wire(text: str) -> tuple[Entry, ...]:
    """A transcript's entries; ``RemoteProtocolError`` names the line that cannot be read."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return tuple(_entry(number, line.removesuffix("\r")) for number, line in enumerate(lines, 1))


def _entry(number: int, line: str) -> Entry:
    if not line or line.startswith("#"):
        return Comment(line)
    match = _LINE.fullmatch(line)
    if match is None:
        raise RemoteProtocolError(f"line {number}: neither '> bytes', '< bytes' nor '# comment'")
    seconds, direction, content = match.groups()
    try:
        data = unescape(content or "")
    except ValueError as error:
        raise RemoteProtocolError(f"line {number}: {error}") from None
    return Spoken(Direction(direction), data, Decimal(seconds) if seconds else None)


def write_wire(entries: Iterable[Entry]) -> str:
    """The transcript of these entries."""
    return "".join(f"{_line(entry)}\n" for entry in entries)


def _line(entry: Entry) -> str:
    if isinstance(entry, Comment):
        return entry.text
    stamp = "" if entry.seconds is None else f"+{entry.seconds:f} "
    text = escape(entry.data)
    return f"{stamp}{entry.direction}{' ' if text else ''}{text}"


def said(entries: Iterable[Entry], direction: Direction = Direction.DEVICE) -> bytes:
    """Everything one side wrote, joined."""
    return b"".join(
        entry.data
        for entry in entries
        if isinstance(entry, Spoken) and entry.direction is direction
    )
