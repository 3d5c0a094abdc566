"""LIS01-A2 sections 6.3 to 6.6, the receiving end: ENQ, frames, EOT.

A frame is judged at its second checksum digit, so CR and LF after it may be missing.  STX, ENQ
and EOT inside a frame break it off and take effect themselves.  What stands between frames is
junk: counted, not fatal.  Without ENQ nothing is taken: frames before it are junk too.
Nothing is remembered of an accepted frame but its bytes, to know it again.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from gateway.protocols.astm.control import ACK, CR, ENQ, EOT, ETB, ETX, LF, NAK, STX
from gateway.protocols.astm.dialect import Checksum, Dialect, Framing, Numbering
from gateway.protocols.astm.events import (
    Damage,
    Ending,
    Enquiry,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Heartbeat,
    Incomplete,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.astm.frame import DIGITS, Frame, checksum
from gateway.protocols.astm.incoming import Incoming, not_now
from gateway.protocols.astm.outline import Outline

_CONTROL: Final = re.compile(rb"[\x02\x04\x05]")
_BREAK: Final = re.compile(rb"[\x02\x03\x04\x05\x17]")
_TRAILER: Final = (b"\r", b"\n")
_LOOSE_TRAILER: Final = (b"0123456789ABCDEFabcdef",) * 2 + _TRAILER
_ENQ, _EOT, _ETX, _STX = ENQ[0], EOT[0], ETX[0], STX[0]
_ENDS: Final = ETX + ETB


class _Await(Enum):
    """The answer that is due."""

    ENQUIRY = auto()
    FRAME = auto()
    REPEAT = auto()
    DAMAGE = auto()


class FramedReader:
    """The reader of ``Framing.FRAMED``."""

    def __init__(self, dialect: Dialect, incoming: Incoming) -> None:
        self._dialect = dialect
        self._incoming = incoming
        self._proved = dialect.framing is Framing.FRAMED
        self._loose = dialect.numbering is Numbering.LOOSE
        self._checked = dialect.checksum is not Checksum.NONE
        self._digits = 2 if self._checked else 0
        self._whole_trailer: tuple[bytes, ...] = _TRAILER if self._checked else _LOOSE_TRAILER
        self._due: _Await | None = None
        self._frame: Frame | None = None
        self._open = False
        self._begin()

    def _begin(self) -> None:
        self._outline = Outline(loose=self._loose)
        self._last = b""  # the last accepted frame, STX to checksum
        self._last_number = -1
        self._ended = True  # that frame ended with ETX
        self._expected = 1
        self._frames = 0
        self._bytes = 0
        self._damaged = 0
        self._junk = 0
        self._stray = b""  # the last frame refused for its number
        self._runaway = False  # the sender goes on whatever we answer
        self._trailer = self._whole_trailer  # what may follow an ENQ or a frame without being junk
        self._broken_off = b""  # a frame cut short by the STX now in front
        self._searched = 1

    @property
    def awaiting(self) -> bool:
        return self._due is not None

    @property
    def idle(self) -> bool:
        return not self._open and self._due is None

    @property
    def unsure(self) -> bool:
        return not self._proved and self.idle

    @property
    def timeout(self) -> float | None:
        return self._dialect.timers.frame if self._open and self._due is None else None

    # -- bytes to events

    def next_event(self) -> Event | None:
        data = self._incoming.data
        while data:
            first = data[0]
            if not self._open:
                if first == _ENQ:
                    return self._enquiry()
                if not self._proved:
                    return None
                position = data.find(_ENQ)
                self._outside(len(data) if position < 0 else position)
            elif first == _STX:
                return self._try_frame(data)
            elif first == _EOT:
                self._incoming.take(1)
                return self._close(Ending.EOT)
            elif first == _ENQ:
                return self._close(Ending.ENQUIRY)  # the ENQ stays and is read next
            else:
                match = _CONTROL.search(data)
                self._between(match.start() if match else len(data))
        return None

    def _enquiry(self) -> Event:
        self._incoming.take(1)
        self._due = _Await.ENQUIRY
        return Enquiry()

    def _outside(self, count: int) -> None:
        taken = self._incoming.take(count)
        self._incoming.junk += len(taken.translate(None, EOT + CR + LF))

    def _between(self, count: int) -> None:
        """Takes what stands between frames; the trailer of a frame is not junk."""
        taken = self._incoming.take(count)
        used = 0
        while used < len(taken) and self._belongs_to_trailer(taken[used]):
            used += 1
        if used < len(taken):
            self._trailer = ()
            self._junk += len(taken) - used
            self._incoming.junk += len(taken) - used

    def _belongs_to_trailer(self, byte: int) -> bool:
        for place, allowed in enumerate(self._trailer, 1):
            if byte in allowed:
                self._trailer = self._trailer[place:]
                return True
        return False

    def _try_frame(self, data: bytearray) -> Event | None:
        match = _BREAK.search(data, self._searched)
        limit = self._dialect.max_frame
        end = match.start() if match else len(data)
        if end >= limit:
            return self._damage(Damage.OVERSIZE, limit)
        if match is None:
            self._searched = end
            return None
        if data[end] not in _ENDS:
            return self._break_off(data, end)
        size = end + 1 + self._digits
        if self._digits and (control := _CONTROL.search(data, end + 1, size)):
            return self._break_off(data, control.start())
        if len(data) < size:
            self._searched = end
            return None
        return self._judge(self._incoming.take(size), end)

    def _break_off(self, data: bytearray, end: int) -> Event:
        restarts = data[end] == _STX
        event = self._damage(Damage.CONTROL, end)
        self._broken_off = event.raw if restarts else b""
        return event

    def _damage(self, reason: Damage, count: int) -> FrameDamaged:
        return self._damaged_by(reason, self._incoming.take(count))

    def _damaged_by(self, reason: Damage, raw: bytes) -> FrameDamaged:
        self._due = _Await.DAMAGE
        self._damaged += 1
        self._searched = 1
        self._trailer = self._whole_trailer
        self._broken_off = b""
        return FrameDamaged(reason, raw)

    def _judge(self, raw: bytes, end: int) -> Event:
        if self._checked and not self._sum_is_right(raw, end):
            return self._damaged_by(Damage.CHECKSUM, raw)
        if not raw.startswith(self._broken_off):
            return self._damaged_by(Damage.RESTART, raw)
        self._broken_off = b""
        self._searched = 1
        number = raw[1] - 48
        if not 0 <= number <= (9 if self._loose else 7):
            return self._damaged_by(Damage.MALFORMED, raw)
        if raw == self._last:
            self._due = _Await.REPEAT
            self._trailer = self._whole_trailer
            return FrameRepeated(Frame(number, raw[2:end], raw[end] == _ETX, raw))
        if not self._loose and (number != self._expected or self._runaway):
            return self._out_of_sequence(number, raw)
        if self._bytes + len(raw) > self._dialect.max_transmission:
            return self._damaged_by(Damage.LIMIT, raw)
        self._trailer = self._whole_trailer
        self._due = _Await.FRAME
        self._frame = frame = Frame(number, raw[2:end], raw[end] == _ETX, raw)
        return FrameReceived(frame)

    def _out_of_sequence(self, number: int, raw: bytes) -> Event:
        """After two such frames the numbers, modulo 8, would soon seem right again."""
        if number == self._last_number:
            return self._damaged_by(Damage.DIFFERENT, raw)
        self._runaway = self._runaway or (self._stray != b"" and raw != self._stray)
        self._stray = raw
        return self._damaged_by(Damage.NUMBER, raw)

    def _sum_is_right(self, raw: bytes, end: int) -> bool:
        digits = raw[end + 1 :]
        if self._dialect.checksum is Checksum.LOWER:
            digits = digits.upper()
        return digits == DIGITS[checksum(raw[1 : end + 1])]

    # -- answers

    def accept(self) -> bytes:
        match self._due:
            case _Await.FRAME:
                self._take_frame()
            case _Await.ENQUIRY:
                self._begin()
                self._open = True
            case _Await.REPEAT:
                pass
            case _:
                raise not_now("accept()")
        self._due = None
        return ACK

    def _take_frame(self) -> None:
        frame = self._frame
        if frame is None:
            raise not_now("accept()")
        self._outline.feed(frame.text)
        self._last = frame.raw
        self._last_number = frame.number
        self._ended = frame.last
        self._expected = (frame.number + 1) % 8
        self._stray = b""
        self._proved = True
        self._frames += 1
        self._bytes += len(frame.raw)
        self._frame = None

    def refuse(self) -> bytes:
        if self._due is None:
            raise not_now("refuse()")
        self._due = None
        self._frame = None
        return NAK

    def interrupt(self) -> bytes:
        if self._due not in (_Await.FRAME, _Await.REPEAT):
            raise not_now("interrupt()")
        self.accept()
        return EOT

    # -- ends

    def expire(self) -> Event | None:
        return self._close(Ending.TIMEOUT) if self._open else None

    def connection_lost(self) -> Event | None:
        self._due = None
        self._frame = None
        return self._close(Ending.LOST) if self._open else None

    def _close(self, ending: Ending) -> Event:
        raw = b""
        if ending in (Ending.TIMEOUT, Ending.LOST):
            raw = self._incoming.take(len(self._incoming.data))
        self._open = False
        if self._whole:
            return TransmissionEnded(self._frames, ending, self._checked, self._junk, self._damaged)
        if ending is Ending.EOT and not (self._frames or self._junk or self._damaged):
            return Heartbeat()
        return TransmissionIncomplete(self._reason(ending), self._frames, raw)

    @property
    def _whole(self) -> bool:
        return bool(
            self._frames
            and self._ended
            and self._outline.has_terminator
            and self._outline.has_header
        )

    def _reason(self, ending: Ending) -> Incomplete:
        match ending:
            case Ending.ENQUIRY:
                return Incomplete.RESTARTED
            case Ending.TIMEOUT:
                return Incomplete.TIMEOUT
            case Ending.LOST:
                return Incomplete.LOST
        if not self._frames:
            return Incomplete.NO_FRAME
        if not self._ended:
            return Incomplete.INTERMEDIATE
        if self._outline.has_terminator:
            return Incomplete.NO_HEADER
        return Incomplete.EARLY_END
