"""LIS01-A2 sections 6.3 to 6.6, the receiving end: ENQ, frames, EOT.

A frame is judged at its second checksum digit, so CR and LF after it may be missing.  STX, ENQ
and EOT inside a frame break it off; STX and EOT take effect themselves.  ENQ does not, nor where
CR or LF behind a frame is due: an ACK for what was a damaged byte would be taken for the frame's,
or the next one's.  A device that really began anew is answered NAK, or not at all, and asks again.
A NUL must come twice.
What stands between frames is junk: counted, not fatal.  Without ENQ nothing is taken: frames
before it are junk too.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from gateway.protocols.astm.control import ACK, CR, ENQ, EOT, ETB, ETX, LF, NAK, STX
from gateway.protocols.astm.dialect import Checksum, Dialect, Framing
from gateway.protocols.astm.events import (
    Damage,
    Ending,
    Enquiry,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
)
from gateway.protocols.astm.frame import Frame, split_whole
from gateway.protocols.astm.incoming import Incoming, not_now
from gateway.protocols.astm.phase import Phase
from gateway.protocols.astm.sequence import Verdict
from gateway.protocols.astm.soundness import Nuls, first_break, flaw

_CONTROL: Final = re.compile(rb"[\x02\x04\x05]")
_ENDS: Final = ETX + ETB
_CRLF: Final = CR + LF
_NO_JUNK: Final = EOT + CR + LF  # between transmissions
_ENQUIRED: Final = Enquiry()
_BY_EOT: Final = Ending.EOT
_SILENT: Final = (Ending.TIMEOUT, Ending.LOST)
_CONTROLS: Final = STX + EOT + ENQ
_ENQ, _ETX, _STX = ENQ[0], ETX[0], STX[0]


class _Due(Enum):
    """The answer that is due."""

    ENQUIRY = auto()
    FRAME = auto()
    WHOLE = auto()  # a frame whose CR LF came with it and waits for the answer too
    REPEAT = auto()
    DAMAGE = auto()


_NEXT: Final = Verdict.NEXT
_ENQUIRY, _FRAME, _WHOLE = _Due.ENQUIRY, _Due.FRAME, _Due.WHOLE
_REPEAT, _DAMAGE = _Due.REPEAT, _Due.DAMAGE


class FramedReader:
    """The reader of ``Framing.FRAMED``.  ``nuls``: the device is known to send them."""

    __slots__ = (
        "_broken_off",
        "_dialect",
        "_digits",
        "_due",
        "_incoming",
        "_limit",
        "_nuls",
        "_patience",
        "_phase",
        "_proved",
        "_raw",
        "_searched",
        "_simple",
        "_text",
    )

    def __init__(self, dialect: Dialect, incoming: Incoming, *, nuls: bool = False) -> None:
        self._dialect = dialect
        self._incoming = incoming
        self._digits = 0 if dialect.checksum is Checksum.NONE else 2
        self._simple = dialect.checksum is not Checksum.NONE
        self._limit = dialect.max_frame + 4  # C1 C2 CR LF
        self._patience = dialect.timers.frame
        self._phase: Phase | None = None  # None: the line is neutral
        self._due: _Due | None = None
        self._raw = b""  # the frame that awaits its answer
        self._text = b""
        self._broken_off = b""  # a frame cut short by the STX now in front
        self._nuls = Nuls(meant=nuls)
        self._searched = 1  # up to here the frame in front holds no break
        self._proved = dialect.framing is Framing.FRAMED

    @property
    def awaiting(self) -> bool:
        return self._due is not None

    @property
    def idle(self) -> bool:
        return self._phase is None and self._due is None

    @property
    def unsure(self) -> bool:
        return not self._proved and self.idle

    @property
    def timeout(self) -> float | None:
        if self._phase is None or self._due is not None:
            return None
        return self._patience

    @property
    def resting(self) -> float | None:
        """The timeout if a phase is open and all bytes are read."""
        if self._due is not None or self._phase is None or self._incoming.data:
            return None
        return self._patience

    # -- the usual case in one look

    def next_frame(self, data: bytes) -> tuple[bytes, bytes] | None:
        """Text and bytes of the next frame, if ``data`` is exactly that and nothing is unusual;
        else None, and nothing has happened."""
        phase, incoming = self._phase, self._incoming
        if phase is None or self._due is not None or incoming.data or not self._simple:
            return None
        found = split_whole(data, phase.sequence.expected, self._limit)
        if found is None or len(data) > phase.sequence.room:
            return None
        self._due = _WHOLE
        self._text, self._raw = found
        incoming.position += len(data) - 2
        return found

    def put_back(self) -> None:
        """Before more bytes arrive, or unless the frame is accepted: its CR LF is still unread."""
        if self._due is _WHOLE:
            self._due = _FRAME
            self._incoming.data.extend(_CRLF)

    # -- bytes to events

    def next_event(self) -> Event | None:
        if self._due is not None:
            raise not_now("next_event()")
        data = self._incoming.data
        while data:
            if (phase := self._phase) is None:
                return self._neutral(data)
            match data[0]:
                case 2:  # STX
                    return self._try_frame(data, phase)
                case 4:  # EOT
                    self._incoming.skip(1)
                    return self._close(phase, _BY_EOT)
                case 5 if phase.trailer_due:
                    self._incoming.junk += phase.gap(self._incoming.take(1))
                case 5:  # ENQ: it stays, and opens the next phase
                    return self._close(phase, Ending.ENQUIRY)
                case _:
                    self._between(data, phase)
        return None

    def _neutral(self, data: bytearray) -> Event | None:
        position = data.find(ENQ)
        if position and not self._proved:
            return None
        if position:
            taken = self._incoming.take(len(data) if position < 0 else position)
            self._incoming.junk += len(taken.translate(None, _NO_JUNK))
        if position < 0:
            return None
        self._incoming.skip(1)
        self._due = _ENQUIRY
        return _ENQUIRED

    def _between(self, data: bytearray, phase: Phase) -> None:
        usual = data.startswith(_CRLF) and (len(data) == 2 or data[2] in _CONTROLS)
        if usual and phase.takes_trailer():
            self._incoming.skip(2)
            return
        match = _CONTROL.search(data)
        taken = self._incoming.take(match.start() if match else len(data))
        self._incoming.junk += phase.gap(taken)

    def _try_frame(self, data: bytearray, phase: Phase) -> Event | None:
        limit = self._dialect.max_frame
        searched = self._searched
        end = data.find(ETX, searched, limit)
        if (earlier := data.find(ETB, searched, limit if end < 0 else end)) > 0:
            end = earlier
        size = end + 1 + self._digits
        if end > 0 and len(data) >= size:
            raw = bytes(data)[:size] if len(data) <= size + 2 else bytes(data[:size])
            if not (4 in raw or 5 in raw or raw.find(STX, 1) > 0):
                self._incoming.skip(size)
                return self._judge(raw, end, phase)
        return self._try_odd_frame(data, limit)

    def _try_odd_frame(self, data: bytearray, limit: int) -> Event | None:
        """One that is unfinished, broken off or too long."""
        end = first_break(data, self._searched)
        if end >= limit:
            return self._damage(Damage.OVERSIZE, self._incoming.take(limit))
        self._searched = end
        if end == len(data):
            return None
        if data[end] not in _ENDS:
            return self._break_off(data, end)
        if control := _CONTROL.search(data, end + 1, end + 1 + self._digits):
            return self._break_off(data, control.start())
        return None

    def _break_off(self, data: bytearray, end: int) -> Event:
        restarts = data[end] == _STX
        raw = self._incoming.take(end + (data[end] == _ENQ))
        event = self._damage(Damage.CONTROL, raw)
        self._broken_off = raw if restarts else b""
        return event

    def _damage(self, reason: Damage, raw: bytes) -> Event:
        self._due = _DAMAGE
        self._searched = 1
        self._broken_off = b""
        if self._phase is not None:
            self._phase.refused()
        return FrameDamaged(reason, raw)

    def _judge(self, raw: bytes, end: int, phase: Phase) -> Event:
        if (damage := flaw(raw, end, self._dialect.checksum)) is not None:
            return self._damage(damage, raw)
        if self._broken_off and not raw.startswith(self._broken_off):
            return self._damage(Damage.RESTART, raw)
        if self._digits and b"\0" in raw and self._nuls.doubtful(raw):
            return self._damage(Damage.CONTROL, raw)
        verdict = phase.sequence.judge(raw)
        self._searched = 1
        self._broken_off = b""
        if verdict is _NEXT:
            self._due = _FRAME
            frame = Frame(raw[1] - 48, raw[2:end], raw[end] == _ETX, raw)
            self._raw, self._text = raw, frame.text
            return FrameReceived(frame)
        if isinstance(verdict, Damage):
            return self._damage(verdict, raw)
        self._due = _REPEAT
        return FrameRepeated(Frame(raw[1] - 48, raw[2:end], raw[end] == _ETX, raw))

    # -- answers

    def accept(self) -> bytes:
        due, phase = self._due, self._phase
        if due is _WHOLE and phase is not None:
            phase.accept(self._text, self._raw, True)
            self._incoming.position += 2
            self._proved = True
        elif due is _FRAME and phase is not None:
            phase.accept(self._text, self._raw, False)
            self._proved = True
        elif due is _ENQUIRY:
            self._phase = Phase(self._dialect)
        elif due is _REPEAT and phase is not None:
            phase.frame_ended()
        else:
            raise not_now("accept()")
        self._due = None
        return ACK

    def refuse(self) -> bytes:
        self.put_back()
        if self._due is None:
            raise not_now("refuse()")
        if self._phase is not None:
            self._phase.frame_ended()
        self._due = None
        return NAK

    def interrupt(self) -> bytes:
        self.put_back()
        if self._due not in (_FRAME, _REPEAT):
            raise not_now("interrupt()")
        self.accept()
        return EOT

    # -- ends

    def expire(self) -> Event | None:
        return None if self._phase is None else self._close(self._phase, Ending.TIMEOUT)

    def connection_lost(self) -> Event | None:
        self.put_back()
        self._due = None
        return None if self._phase is None else self._close(self._phase, Ending.LOST)

    def _close(self, phase: Phase, ending: Ending) -> Event:
        self._phase = None
        self._searched = 1
        self._broken_off = b""
        raw = b""
        if ending in _SILENT:
            raw = self._incoming.take(len(self._incoming.data))
        return phase.end(ending, checked=self._digits > 0, unread=raw)
