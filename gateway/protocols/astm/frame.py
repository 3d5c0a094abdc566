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
_BREAKS: Final = STX + ETX + EOT + ENQ + SYN + ETB + b"\0"  # no usual text holds these
_NO_BREAKS: Final = bytes.maketrans(_BREAKS, b" " * len(_BREAKS))
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


def _total(closing: bytes, value: int) -> int:
    """What the bytes of a frame add up to, modulo 256, if it ends so and its checksum, which
    leaves out STX and all behind ETX, is ``value``."""
    return checksum(STX + closing[1:]) + value & 0xFF


_TOTALS: Final = {
    (closing := end + DIGITS[value] + CR + LF): _total(closing, value)
    for end in (ETX, ETB)
    for value in range(256)
}


def split_whole(data: bytes, number: int, limit: int) -> tuple[bytes, bytes] | None:
    """Text and bytes (STX to checksum) of ``data``, if it is exactly one sound frame with CR LF
    whose number is the digit ``number`` and which has at most ``limit`` bytes.

    One look at the usual case: what it does not know may be a frame all the same.
    """
    size = len(data)
    if not _SHORTEST <= size <= limit or data[1] != number or data[0] != 2:
        return None
    total = adler32(data) - 1 if size <= _SAFE else checksum(data)
    if total & 0xFF != _TOTALS.get(data[-5:]):
        return None
    text = data[2:-5]
    return (text, data[:-2]) if text.translate(_NO_BREAKS) == text else None


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
