"""LIS3 messages of Siemens RAPIDPoint and RAPIDLab: where they end, what they say.

``STX NAME FS RS key GS value GS unit GS exceptions GS FS ... RS ETX hh EOT``; ``hh`` is the sum
from STX to ETX, both included, modulo 256, upper-case.  A sample's results are the entries whose
key begins with ``m`` (measured) or ``c`` (calculated); other entries describe it (``iPID``,
``rSEQ``, ``rDATE``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.protocols.events import Damage, Integrity
from gateway.protocols.text.fields import Fields, body_of, bytes_of, put, text_of
from gateway.protocols.text.framing import ETX, SILENT, STX
from gateway.protocols.text.receiver import Abandoned, Answers, Broken, Cut, Junk, Whole

EOT: Final = b"\x04"
FS: Final = "\x1c"
GS: Final = "\x1d"
RS: Final = "\x1e"
ETB: Final = "\x17"
_TAIL: Final = 4  # ETX, two digits, EOT


def checksum(block: bytes) -> bytes:
    """The two digits for everything from STX to ETX."""
    return b"%02X" % (sum(block) % 256)


ACK: Final = b"\x02\x06\x03" + checksum(b"\x02\x06\x03") + EOT


@dataclass(frozen=True, slots=True)
class Lis3Framing:
    """Blocks whose sum holds."""

    limit: int = 65_536
    patience: float = 15.0
    answers: Answers = SILENT
    anchored: ClassVar[bool] = True

    def cut(self, buffer: bytearray, searched: int) -> Cut | None:
        if (start := buffer.find(STX)) != 0:
            return Junk(start if start > 0 else len(buffer))
        begin = max(searched - _TAIL, 1)
        end = buffer.find(ETX, begin)
        again = buffer.find(STX, begin, end + _TAIL if end > 0 else len(buffer))
        if again > 0:
            return Abandoned(again)
        if end < 0 or len(buffer) < end + _TAIL:
            return None
        return self._judge(bytes(buffer[: end + _TAIL]))

    def close(self, buffer: bytearray) -> Cut | None:
        return None

    def _judge(self, block: bytes) -> Cut:
        if not block.endswith(EOT):
            return Broken(len(block) - 1, Damage.FORMAT)
        if block[-3:-1] != checksum(block[:-3]):
            return Broken(len(block), Damage.CHECKSUM)
        return Whole(len(block), Integrity.CHECKED)


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: str
    unit: str = ""
    exceptions: tuple[str, ...] = ()


def encode(name: str, entries: Iterable[Entry] = ()) -> bytes:
    """One message, its sum computed."""
    texts = (
        GS.join((entry.key, entry.value, entry.unit, ETB.join(entry.exceptions), ""))
        for entry in entries
    )
    groups = "".join(text + FS for text in texts)
    block = STX + bytes_of(f"{name}{FS}{RS}{groups}{RS if groups else ''}") + ETX
    return block + checksum(block) + EOT


def decode(raw: bytes) -> Fields:
    """``name`` is the message's; fields by key; rows for ``m*`` (measured) and ``c*`` (calculated).

    A row has ``value``, ``unit`` and ``exceptions`` (ETB between them).
    """
    name, *texts = text_of(body_of(raw, STX, raw[-_TAIL:])).split(FS)
    values: dict[str, str] = {}
    rows: list[Fields] = []
    problems: list[str] = []
    for text in texts:
        key, *rest = text.strip(RS).split(GS)
        value, unit, exceptions = (*rest, "", "", "")[:3]
        if key[:1] in ("m", "c") and rest:
            row = {"value": value, "unit": unit, "exceptions": exceptions}
            rows.append(Fields(key, row, integrity=Integrity.CHECKED))
        elif key:
            put(values, key, value, problems)
    return Fields(name, values, tuple(rows), integrity=Integrity.CHECKED, problems=tuple(problems))
