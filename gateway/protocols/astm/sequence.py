"""Which frame may come next (LIS01-A2 section 6.3.1.2 and 6.5).

Numbers run 1 2 ... 7 0 1 and begin with 1 in each transfer phase.  The last accepted frame is
known again by its number *and* its bytes, so number 0 right after ENQ is no repeat, and a device
whose number is stuck loses nothing.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from gateway.protocols.astm.events import Damage

_ZERO: Final = 0x30
_ANY: Final = -1
_BEHIND: Final = bytes(_ZERO + (digit + 1) % 8 for digit in range(256))


class Verdict(Enum):
    """What a sound frame is to the sequence, when it is not damage."""

    NEXT = auto()
    REPEAT = auto()


_NEXT: Final = Verdict.NEXT


class Sequence:
    """Of one transfer phase, which may bring ``room`` more bytes.  ``loose`` takes any digit in
    any order.

    ``expected`` is the digit that makes a sound frame the next one; -1 where only ``judge`` knows.
    """

    __slots__ = ("_loose", "_stray", "expected", "last", "room")

    def __init__(self, *, loose: bool, room: int) -> None:
        self._loose = loose
        self.room = room
        self.expected = _ANY if loose else _ZERO + 1
        self.last = b""  # the last accepted frame, STX to checksum
        self._stray = b""  # the last frame refused for its number

    def judge(self, raw: bytes) -> Verdict | Damage:
        """``raw`` is a sound frame: STX, number, text ..."""
        digit = raw[1]
        if digit == self.expected:
            return _NEXT if len(raw) <= self.room else Damage.LIMIT
        if not _ZERO <= digit <= (0x39 if self._loose else 0x37):
            return Damage.MALFORMED
        if raw == self.last:
            return Verdict.REPEAT
        if self._loose:
            return _NEXT if len(raw) <= self.room else Damage.LIMIT
        return self._out_of_sequence(raw)

    def _out_of_sequence(self, raw: bytes) -> Damage:
        """After two such frames the numbers, modulo 8, would soon seem right again."""
        if raw[1:2] == self.last[1:2]:
            return Damage.DIFFERENT
        if self._stray and raw != self._stray:
            self.expected = _ANY  # the sender goes on whatever we answer
        self._stray = raw
        return Damage.NUMBER

    def accept(self, raw: bytes) -> None:
        """This frame was taken."""
        self.last = raw
        self._stray = b""
        self.room -= len(raw)
        if self.expected > 0:
            self.expected = _BEHIND[raw[1]]
