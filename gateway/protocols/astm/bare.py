"""``Framing.BARE``: records ended by CR (or CR LF) on a stream, nothing around them.

A message ends at its L record's CR.  A second header before that, or a character that only
framed dialects use, makes it incomplete.  Blanks, controls and 0xFF before a message are junk.
With ``Ack.PER_CHUNK`` a chunk is what arrived since the last one was answered.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.astm.control import CR, LF
from gateway.protocols.astm.dialect import Ack, Dialect
from gateway.protocols.astm.events import ChunkReceived, Event, Incomplete, MessageReceived
from gateway.protocols.astm.incoming import Incoming, not_now
from gateway.protocols.astm.outline import begins_record
from gateway.protocols.astm.unframed import Due, Unframed

_FRAMES: Final = re.compile(rb"[\x01\x02\x03\x05\x17]")  # SOH STX ETX ENQ ETB
_NOISE: Final = bytes(range(0x21)) + b"\x7f\xff"
_IDLE: Final = _FRAMES.sub(b"", _NOISE)
_START: Final = 12  # bytes of a line that tell its record type


class BareReader(Unframed):
    """The reader of ``Framing.BARE``."""

    def __init__(self, dialect: Dialect, incoming: Incoming) -> None:
        super().__init__(dialect, incoming, _FRAMES, by_chunk=dialect.ack is Ack.PER_CHUNK)
        self._line = 0  # where the line now read begins
        self._shown = incoming.position  # up to here chunks were reported

    def next_event(self) -> Event | None:
        if self._due is not None:
            raise not_now("next_event()")
        if ending := self._ending():
            return ending
        if self._by_chunk and (chunk := self._unseen()):
            self._due = Due.CHUNK
            return ChunkReceived(chunk)
        if self._line == 0:
            self._skip_idle()
        if self.unsure:
            return None
        data = self._incoming.data
        while (end := data.find(CR, self._searched)) >= 0:
            if event := self._stray(end) or self._line_ended(end):
                return event
        return self._stray(len(data))

    def _unseen(self) -> bytes:
        incoming = self._incoming
        chunk = bytes(incoming.data[self._shown - incoming.position :])
        self._shown += len(chunk)
        return chunk

    def _skip_idle(self) -> None:
        data = self._incoming.data
        content = data.lstrip(_IDLE if self._detected else _NOISE)
        if count := len(data) - len(content):
            taken = self._incoming.take(count)
            self._incoming.junk += len(taken.translate(None, CR + LF))

    def _stray(self, end: int) -> Event | None:
        """Frame characters or too many bytes before ``end``: no message of this framing."""
        if found := _FRAMES.search(self._incoming.data, self._searched, end):
            # a detected framing leaves the character in front, to be detected anew
            return self._abandon(Incomplete.FRAMING, found.start() + (not self._detected))
        self._searched = end
        if end >= self._dialect.max_transmission:
            return self._abandon(Incomplete.OVERSIZE, self._dialect.max_transmission)
        return None

    def _line_ended(self, end: int) -> Event | None:
        line = self._start_of_line(self._line, end)
        if self._line and begins_record(line, b"H", loose=self._loose):
            return self._abandon(Incomplete.RESTARTED, self._line)
        self._line = self._searched = end + 1
        if not begins_record(line, b"L", loose=self._loose):
            return None
        if not begins_record(self._start_of_line(0, end), b"H", loose=self._loose):
            return self._abandon(Incomplete.NO_HEADER, end + 1)
        self._line = self._searched = 0
        self._due = Due.MESSAGE
        raw = self._incoming.take(end + 1)
        return MessageReceived(raw, raw)

    def _start_of_line(self, start: int, end: int) -> bytes:
        return bytes(self._incoming.data[start : min(end, start + _START)]).lstrip(LF)

    def _abandon(self, reason: Incomplete, count: int) -> Event | None:
        self._line = 0
        return super()._abandon(reason, count)
