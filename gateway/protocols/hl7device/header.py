"""The MSH of a message from an analyzer, read without reading the rest of it.

Enough to answer a message of a megabyte at once.  Some devices shift their header (an ichroma II
writes one field too many): the message type is then looked for by its form, and the fields around
it move with it.  ``escape``d text and foreign delimiters are read as the header declares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.protocols.hl7 import Segment, Separators, Unreadable

_EDGES: Final = b"\xef\xbb\xbf\x0b\x1c\r\n \x00\x02"
_CONDITIONS: Final = ("AL", "NE", "SU", "ER")
_TYPE: Final = 9
_LAST_TYPE: Final = 14
_FORM = re.compile(r"[A-Z]{3}.[A-Z][0-9A-Z]{2}(?:.[A-Z0-9_]+)?")
_MAX_HEADER: Final = 4_096


@dataclass(frozen=True, slots=True)
class Header:
    """``shift`` fields stand before the message type that do not belong there."""

    segment: Segment
    shift: int = 0

    def at(self, number: int, component: int = 1) -> str | None:
        """Field ``number`` as the standard counts, wherever this device wrote it."""
        return self.segment.at(self.position(number), component)

    def position(self, number: int) -> int:
        """Where the device wrote field ``number``; MSH-1 and MSH-2 never move."""
        return number + self.shift if number >= _TYPE else number

    @property
    def type(self) -> str:
        return self.at(9) or ""

    @property
    def trigger(self) -> str:
        return self.at(9, 2) or ""

    @property
    def control_id(self) -> str:
        return self.at(10) or ""

    @property
    def processing(self) -> str:
        return self.at(11) or ""

    @property
    def version(self) -> str:
        return self.at(12) or ""

    @property
    def accept_acknowledgment(self) -> str:
        """MSH-15: when a CA, CE or CR is wanted; empty in original mode."""
        return self._condition(15)

    @property
    def application_acknowledgment(self) -> str:
        """MSH-16: when an AA, AE or AR is wanted; empty in original mode."""
        return self._condition(16)

    def _condition(self, number: int) -> str:
        """A word of HL7 table 0155; some devices (Mindray BS) use MSH-16 for something else."""
        word = self.at(number) or ""
        return word if word in _CONDITIONS else ""


def read_header(raw: bytes) -> Header:
    """The header of ``raw``.  Raises ``Unreadable`` where there is none to go by."""
    start = raw[: _MAX_HEADER + 16].lstrip(_EDGES)
    line = re.split(rb"[\r\n]", start, maxsplit=1)[0].decode("latin-1")
    if not line.startswith("MSH"):
        raise Unreadable("does not begin with MSH")
    separators = Separators.of_header(line)
    _, *fields = line.split(separators.field)
    segment = Segment("MSH", ("MSH", separators.field, *fields), separators)
    return Header(segment, _shift(segment))


def _shift(segment: Segment) -> int:
    if _FORM.fullmatch(segment.field(_TYPE)):
        return 0
    for number in range(3, min(_LAST_TYPE, len(segment.fields) - 1) + 1):
        text = segment.field(number)
        if _FORM.fullmatch(text) and text[3] == segment.separators.component:
            return number - _TYPE
    return 0
