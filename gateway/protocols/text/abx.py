"""Horiba ABX format (Micros 60, Pentra): ``STX length CR`` lines ``FD sum CR ETX``.

Each line is one identifier byte, a blank and its value.  ``length`` counts every byte between STX
and ETX; ``FD`` carries the sum of the bytes before it modulo 65,536 as four hexadecimal digits.
Both were recomputed from a public capture, which cannot tell whether STX belongs to the sum:
``SumFrom`` decides, and only one of the two is accepted.  Identifier FF says what it is
(``RESULT``, ``RES-RR``, ``QC-RES``); W, X, Y are histograms and kept as bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final

from gateway.protocols.events import Damage, Integrity
from gateway.protocols.text.fields import Fields, body_of, bytes_of, put, text_of
from gateway.protocols.text.framing import ETX, SILENT, STX
from gateway.protocols.text.receiver import Abandoned, Answers, Broken, Cut, Junk, Whole

NAME: Final = "horiba-abx"
HISTOGRAMS: Final = ("W", "X", "Y")
_MEASURED: Final = frozenset("!2345678@ABC#%'\"$&")
_LIKE_A_RESULT = re.compile(r"(?=.*\d)[ \d.]{5} .{1,3}")
_LENGTH = re.compile(rb"(\d{5})\r")
_SUM = re.compile(rb"\xfd ?([0-9A-Fa-f]{4})\r?")


class SumFrom(IntEnum):
    """The first byte that counts, from STX on."""

    STX = 0
    AFTER_STX = 1


@dataclass(frozen=True, slots=True)
class Abx:
    """Blocks whose length and 16-bit sum hold."""

    sum_from: SumFrom = SumFrom.AFTER_STX
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
        return None if end < 0 else self._judge(bytes(buffer[:end]))

    def close(self, buffer: bytearray) -> Cut | None:
        return None

    def _judge(self, block: bytes) -> Cut:
        """``block`` is everything before ETX."""
        size = len(block) + 1
        length, mark = _LENGTH.match(block, 1), block.rfind(b"\xfd")
        given = _SUM.fullmatch(block, max(mark, 0))
        if length is None or given is None:
            return Broken(size, Damage.FORMAT)
        if int(length[1]) != len(block) - 1:
            return Broken(size, Damage.LENGTH)
        if int(given[1], 16) != sum(block[self.sum_from : mark]) % 65_536:
            return Broken(size, Damage.CHECKSUM)
        return Whole(size, Integrity.CHECKED)


FRAMING: Final = Abx()


def decode(raw: bytes) -> Fields:
    """Fields by identifier (``p q u s v t``, ``kind`` for FF); rows ``value`` and ``flag``."""
    lines = [line for line in text_of(body_of(raw, STX, ETX)).split("\r")[1:] if line]
    values: dict[str, str] = {}
    blobs: dict[str, bytes] = {}
    rows: list[Fields] = []
    problems: list[str] = []
    for line in lines:
        name, value = line[0], line[2:] if line[1:2] == " " else line[1:]
        if name in HISTOGRAMS:
            blobs[name] = bytes_of(value)
        elif name in _MEASURED or _LIKE_A_RESULT.fullmatch(value):
            rows.append(Fields(name, {"value": value[:5], "flag": value[5:], "raw": value}))
        else:
            put(values, "kind" if name == "\xff" else name, value, problems)
    return Fields(NAME, values, tuple(rows), blobs, Integrity.CHECKED, tuple(problems))


def encode(fields: Fields, sum_from: SumFrom = SumFrom.AFTER_STX) -> bytes:
    """The block an ABX analyzer would send, length and sum computed."""
    head = {"\xff" if name == "kind" else name: text for name, text in fields.values.items()}
    head.pop("\xfd", None)
    lines = [f"{name} {value}" for name, value in head.items()]
    lines += [_row_line(row) for row in fields.rows]
    lines += [f"{name} {text_of(curve)}" for name, curve in fields.blobs.items()]
    body = bytes_of("".join(f"{line}\r" for line in lines))
    size = len(body) + len("00000\r") + len("\xfd 0000\r")
    block = STX + b"%05d\r" % size + body
    return block + b"\xfd %04X\r" % (sum(block[sum_from:]) % 65_536) + ETX


def _row_line(row: Fields) -> str:
    return f"{row.name} {row.at('value') or '':>5}{row.values.get('flag', ''):<2}"
