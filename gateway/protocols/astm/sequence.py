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


class Verdict(Enum):
    """What a sound frame is to the sequence, when it is not damage."""

    NEXT = auto()
    REPEAT = auto()


_NEXT: Final = Verdict.NEXT


class Sequence:
    """Of one transfer phase, at most ``room`` bytes.  ``loose`` takes any digit in any order."""

    __slots__ = ("_expected", "_last", "_loose", "_room", "_runaway", "_stray")

    def __init__(self, *, loose: bool, room: int) -> None:
        self._loose = loose
        self._room = room
        self._expected = _ZERO + 1
        self._last = b""  # the last accepted frame, STX to checksum
        self._stray = b""  # the last frame refused for its number
        self._runaway = False  # the sender goes on whatever we answer

    def expects(self, raw: bytes) -> bool:
        """Whether this sound frame is the next one and fits; takes note of nothing."""
        return (
            raw[1] == self._expected
            and len(raw) <= self._room
            and not self._runaway
            and not self._loose
        )

    def judge(self, raw: bytes) -> Verdict | Damage:
        """``raw`` is a sound frame: STX, number, text ..."""
        digit = raw[1]
        if digit == self._expected and not self._runaway and not self._loose:
            return _NEXT if len(raw) <= self._room else Damage.LIMIT
        if not _ZERO <= digit <= (0x39 if self._loose else 0x37):
            return Damage.MALFORMED
        if raw == self._last:
            return Verdict.REPEAT
        if self._loose:
            return _NEXT if len(raw) <= self._room else Damage.LIMIT
        return self._out_of_sequence(raw)

    def _out_of_sequence(self, raw: bytes) -> Damage:
        """After two such frames the numbers, modulo 8, would soon seem right again."""
        if raw[1:2] == self._last[1:2]:
            return Damage.DIFFERENT
        self._runaway = self._runaway or (self._stray != b"" and raw != self._stray)
        self._stray = raw
        return Damage.NUMBER

    def accept(self, raw: bytes) -> None:
        """This frame was taken."""
        self._last = raw
        self._stray = b""
        self._room -= len(raw)
        self._expected = _ZERO + (raw[1] + 1) % 8
