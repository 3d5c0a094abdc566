"""bioMerieux mini VIDAS: ``STX``, fields ``RS tag value |``, ``GS`` and a lower-case sum.

The sum is that of all bytes after STX up to and including GS, modulo 256; no ETX was seen, later
control bytes are noise.  A field's first two letters are its tag: ``ci`` sample, ``pi`` patient,
``rt`` test code (begins a row), ``rn`` name, ``tt``/``td`` time and date (month first), ``ql``
qualitative, ``qn`` quantitative.  The optional ENQ/ACK handshake is not verified and off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.protocols.events import Damage, Integrity
from gateway.protocols.text.fields import Fields, body_of, bytes_of, put, text_of
from gateway.protocols.text.framing import SILENT, STX
from gateway.protocols.text.receiver import Abandoned, Answers, Broken, Call, Cut, Junk, Whole

NAME: Final = "mini-vidas"
ENQ: Final = b"\x05"
GS: Final = b"\x1d"
RS: Final = b"\x1e"
_HEAD_TAGS: Final = ("pi", "pn", "si", "ci")
HANDSHAKE: Final = Answers(accept=b"\x06", refuse=b"\x15", enquiry=b"\x06")


@dataclass(frozen=True, slots=True)
class Vidas:
    """With ``handshake`` answers an ENQ is a call, otherwise noise."""

    answers: Answers = SILENT
    anchored: ClassVar[bool] = True
    limit: int = 16_384
    patience: float = 10.0

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if buffer.startswith(ENQ) and self.answers.enquiry:
            return Call(1)
        if (start := self._start(buffer, 0, len(buffer))) != 0:
            return Junk(start if start > 0 else len(buffer))
        begin = max(searched - 2, 1)
        mark = buffer.find(GS, begin)
        if (again := self._start(buffer, begin, mark + 3 if mark > 0 else len(buffer))) > 0:
            return Abandoned(again)
        if mark < 0 or len(buffer) < mark + 3:
            return None
        return self._judge(bytes(buffer[: mark + 3]))

    def close(self, buffer: bytearray) -> Cut | None:
        return None

    def _start(self, buffer: bytearray, begin: int, end: int) -> int:
        """Where a message (or, with the handshake, a call) begins; -1 when nowhere."""
        marks = (STX, ENQ) if self.answers.enquiry else (STX,)
        return min((at for mark in marks if (at := buffer.find(mark, begin, end)) >= 0), default=-1)

    def _judge(self, block: bytes) -> Cut:
        if block[-2:].lower() != b"%02x" % (sum(block[1:-2]) % 256):
            return Broken(len(block), Damage.CHECKSUM)
        return Whole(len(block), Integrity.CHECKED)


FRAMING: Final = Vidas()


def decode(raw: bytes) -> Fields:
    """Fields by tag; a row for every ``rt``, named by its test code.

    A second sample (``ci`` after the first row) or a repeated tag is a problem at its tag.
    """
    text = text_of(body_of(raw, STX, raw[-2:])).rstrip(text_of(GS))
    values: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    problems: list[str] = []
    for part in text.split(text_of(RS)):
        tag, value = part[:2], part[2:].removesuffix("|")
        if tag == "rt":
            rows.append({})
        if tag:
            put(rows[-1] if rows else values, tag, value, problems)
        if rows and tag in _HEAD_TAGS:
            problems.append(tag)
    tests = tuple(Fields(row["rt"].strip(), row) for row in rows)
    return Fields(NAME, values, tests, integrity=Integrity.CHECKED, problems=tuple(problems))


def encode(fields: Fields) -> bytes:
    """The message a mini VIDAS would send, sum computed."""
    parts = [f"{tag}{value}|" for tag, value in fields.values.items()]
    for row in fields.rows:
        parts += [f"{tag}{value}|" for tag, value in {"rt": row.name, **row.values}.items()]
    block = b"".join(RS + bytes_of(part) for part in parts) + GS
    return STX + block + b"%02x" % (sum(block) % 256)
