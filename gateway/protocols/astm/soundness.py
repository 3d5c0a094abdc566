"""Where a frame breaks off, and whether the bytes of a complete one are sound."""

from __future__ import annotations

from typing import Final

from gateway.protocols.astm.control import ENQ, EOT, ETB, ETX, STX, SYN
from gateway.protocols.astm.dialect import Checksum
from gateway.protocols.astm.events import Damage
from gateway.protocols.astm.frame import DIGITS, checksum

_BREAKS: Final = (ETX, ETB, STX, ENQ, EOT)


def first_break(data: bytearray, start: int) -> int:
    """Where the first character that may not stand in a frame's text is, or the end."""
    end = len(data)
    for mark in _BREAKS:
        found = data.find(mark, start, end)
        if found >= 0:
            end = found
    return end


def flaw(raw: bytes, end: int, style: Checksum) -> Damage | None:
    """What is wrong with a frame from STX to its checksum; ETX or ETB stands at ``end``."""
    if SYN in raw:  # no frame may hold it; a serial line puts it for a damaged character
        return Damage.CONTROL
    if style is Checksum.NONE:
        return None
    expected, digits = DIGITS[checksum(raw[1 : end + 1])], raw[end + 1 :]
    if digits == expected or (style is Checksum.LOWER and digits.upper() == expected):
        return None
    return Damage.CHECKSUM


class Nuls:
    """Whether a NUL in a frame may be noise: it adds nothing to a sum, and is what a break on the
    line looks like.  A device that sends the same frame again means it, from then on all of them.
    """

    __slots__ = ("_meant", "_refused")

    def __init__(self, *, meant: bool) -> None:
        self._meant = meant
        self._refused = b""

    def doubtful(self, raw: bytes) -> bool:
        """Of a frame that is sound otherwise; asked once each time it comes."""
        if not self._meant:
            self._meant = raw == self._refused
            self._refused = raw
        return not self._meant
