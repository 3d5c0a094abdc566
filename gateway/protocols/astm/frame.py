"""One LIS01-A2 frame: ``STX FN text ETB|ETX C1 C2 CR LF`` to and from bytes.

The checksum is the sum of the bytes from the frame number to ETB or ETX, modulo 256, as two
upper-case hexadecimal digits.  Text is cut into frames anywhere, even inside a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from zlib import adler32

from gateway.protocols.astm.control import CR, ENQ, EOT, ETB, ETX, LF, STX, SYN
from gateway.protocols.astm.dialect import Checksum, Dialect, Endings

_SAFE: Final = 256  # up to here the sum of bytes stays below Adler's modulus
DIGITS: Final = tuple(b"%02X" % value for value in range(256))
_SHORTEST: Final = 7  # STX FN ETX C1 C2 CR LF
_ENDS: Final = ETX + ETB
_BREAKS: Final = STX + ETX + EOT + ENQ + SYN + ETB  # no frame may hold these before its end
_CLOSINGS: Final = tuple(b"%02X\r\n" % value for value in range(256))
_LOWER: Final = tuple(b"%02x" % value for value in range(256))


@dataclass(frozen=True, slots=True, repr=False)
class Frame:
    """A frame as received: ``last`` tells ETX from ETB, ``raw`` ends with the checksum digits."""

    number: int
    text: bytes
    last: bool
    raw: bytes

    def __repr__(self) -> str:
        return f"Frame(number={self.number}, length={len(self.text)})"


def checksum(data: bytes) -> int:
    """The sum of ``data`` modulo 256.  Adler-32 keeps ``1 + sum`` in its low half."""
    if len(data) <= _SAFE:
        return (adler32(data) - 1) & 0xFF
    view = memoryview(data)
    pieces = (view[start : start + _SAFE] for start in range(0, len(data), _SAFE))
    return sum((adler32(piece) - 1) & 0xFFFF for piece in pieces) & 0xFF


def split_whole(data: bytes, number: int, limit: int) -> tuple[bytes, bytes] | None:
    """Text and bytes (STX to checksum) of ``data``, if it is exactly one sound frame with CR LF
    whose number is the digit ``number`` and which has at most ``limit`` bytes up to ETX.

    One look at the usual case: what it does not know may be a frame all the same.
    """
    size = len(data)
    if not _SHORTEST <= size <= limit + 4 or data[1] != number or data[0] != 2:
        return None
    raw = data[:-2]
    text, end = raw[2:-3], raw[-3]
    total = (adler32(text) - 1 if size <= _SAFE else checksum(text)) + number + end
    sound = (
        data[-4:] == _CLOSINGS[total & 0xFF]
        and end in _ENDS
        and len(data.translate(None, _BREAKS)) == size - 2  # STX and the end, no other
    )
    return (text, raw) if sound else None


def encode_frame(
    number: int, text: bytes, *, last: bool = True, style: Checksum = Checksum.REQUIRED
) -> bytes:
    """The whole frame with CR LF."""
    body = b"%d%b%b" % (number % 8, text, ETX if last else ETB)
    match style:
        case Checksum.NONE:
            digits = b""
        case Checksum.LOWER:
            digits = _LOWER[checksum(body)]
        case Checksum.REQUIRED:
            digits = DIGITS[checksum(body)]
    return STX + body + digits + CR + LF


def split_frames(message: bytes | Sequence[bytes], dialect: Dialect | None = None) -> list[bytes]:
    """A message as frames numbered from 1: records begin frames of their own, bytes do not."""
    chosen = dialect or Dialect()
    records = [message] if isinstance(message, bytes) else list(message)
    pieces: list[tuple[bytes, bool]] = []
    for index, record in enumerate(records, 1):
        closing = chosen.endings is Endings.RECORD or index == len(records)
        starts = range(0, max(len(record), 1), chosen.max_text)
        for start in starts:
            final = start == starts[-1]
            pieces.append((record[start : start + chosen.max_text], final and closing))
    return [
        encode_frame(number, text, last=last, style=chosen.checksum)
        for number, (text, last) in enumerate(pieces, 1)
    ]
