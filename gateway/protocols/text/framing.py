"""Where the messages of text-speaking analyzers begin and end.

``StxEtx``: one block between STX and ETX, no checksum, no handshake (Sysmex Class A, Dri-Chem,
Spotchem EL, Reflotron).  ``Terminated``: a stream ended by a fixed string (ESC/POS printers).
``Lines``: one message a line.  ``Silence``: no end mark at all, idle means end.
None of these has a check value: every message is *unchecked*, only lengths protect it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from gateway.protocols.events import Damage
from gateway.protocols.text.receiver import Abandoned, Answers, Broken, Cut, Junk, Whole

STX: Final = b"\x02"
ETX: Final = b"\x03"
CR: Final = b"\r"
LF: Final = b"\n"

SILENT: Final = Answers()


def noise(buffer: bytearray, marks: bytes) -> int:
    """How many bytes at the front are only ``marks``."""
    size = 0
    while size < len(buffer) and buffer[size] in marks:
        size += 1
    return size


@dataclass(frozen=True, slots=True)
class StxEtx:
    """``lengths``: a text that begins with the key has one of these lengths; no key, any length."""

    lengths: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    limit: int = 65_536
    patience: float = 10.0
    answers: Answers = SILENT
    anchored: ClassVar[bool] = True

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if (start := buffer.find(STX)) != 0:
            return Junk(start if start > 0 else len(buffer))
        begin = max(searched, 1)
        end = buffer.find(ETX, begin)
        again = buffer.find(STX, begin, end if end > 0 else len(buffer))
        if again > 0:
            return Abandoned(again)
        return None if end < 0 else self._judge(buffer, end + 1)

    def _judge(self, buffer: bytearray, size: int) -> Cut:
        for prefix, lengths in self.lengths.items():
            if buffer.startswith(prefix, 1) and size - 2 not in lengths:
                return Broken(size, Damage.LENGTH)
        return Whole(size)

    def close(self, buffer: bytearray) -> Cut | None:
        return None


@dataclass(frozen=True, slots=True)
class Terminated:
    """Everything up to and including ``end``; bytes of ``filler`` before a message are noise."""

    end: bytes
    filler: bytes = b""
    limit: int = 262_144
    patience: float = 10.0
    answers: Answers = SILENT
    anchored: ClassVar[bool] = False

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if before := noise(buffer, self.filler):
            return Junk(before)
        found = buffer.find(self.end, max(0, searched - len(self.end) + 1))
        return None if found < 0 else Whole(found + len(self.end))

    def close(self, buffer: bytearray) -> Cut | None:
        return None


@dataclass(frozen=True, slots=True)
class Lines:
    """One line, one message, ended by CR, LF or both; empty lines are noise."""

    limit: int = 65_536
    patience: float = 10.0
    answers: Answers = SILENT
    anchored: ClassVar[bool] = False

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if before := noise(buffer, CR + LF):
            return Junk(before)
        ends = [end for mark in (CR, LF) if (end := buffer.find(mark, searched)) >= 0]
        return Whole(min(ends) + 1) if ends else None

    def close(self, buffer: bytearray) -> Cut | None:
        return None


@dataclass(frozen=True, slots=True)
class Silence:
    """Everything until the line has been silent for ``patience`` seconds."""

    patience: float = 0.5
    limit: int = 262_144
    answers: Answers = SILENT
    anchored: ClassVar[bool] = False

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        return None

    def close(self, buffer: bytearray) -> Cut | None:
        return Whole(len(buffer))
