"""Sysmex UC-1000 urine analyzer: 518 columns between STX and ETX, no checksum.

From column 69 stand twelve slots of 32, three of 15 and one of 20 columns: the widths whose sum is
518.  A slot is mark (``0`` = analysed), comment mark, qualitative call, semi-quantitative value.
What the columns between id and date hold, and the last slot, is not verified: they come out raw.
The device repeats blocks and puts CR LF between them and EOT behind: noise, counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.protocols.text.columns import Column, columns, read, write
from gateway.protocols.text.fields import Fields, body_of, bytes_of, text_of
from gateway.protocols.text.framing import ETX, STX, StxEtx

NAME: Final = "sysmex-uc1000"
WIDTH: Final = 518
HEAD_WIDTH: Final = 69
HEAD: Final = (
    Column("id", 0, 14),
    Column("info", 14, 35),
    Column("date", 49, 10),
    Column("time", 59, 10),
)
_LONG: Final = ("URO", "BLD", "BIL", "KET", "GLU", "PRO", "PH", "NIT", "LEU", "SG", "CRE", "ALB")
SLOTS: Final = (
    *((name, 32) for name in _LONG),
    *((name, 15) for name in ("PCR", "ACR", "SGR")),
    ("COLOR", 20),
)
PARTS: Final = columns(("mark", 1), ("comment", 1), ("call", 6), ("value", 6))

FRAMING: Final = StxEtx({b"": frozenset({WIDTH})})


def decode(raw: bytes) -> Fields:
    """Fields ``id``, ``date``; rows with ``mark``, ``call``, ``value`` and the whole ``raw``."""
    text = text_of(body_of(raw, STX, ETX))
    if len(text) != WIDTH:
        return Fields(NAME, {"text": text}, problems=("layout",))
    return Fields(NAME, read(text, HEAD), tuple(_rows(text)))


def _rows(text: str) -> Iterator[Fields]:
    start = HEAD_WIDTH
    for name, width in SLOTS:
        slot = text[start : start + width]
        parts = {"mark": slot[0]} if name == "COLOR" else read(slot, PARTS)
        yield Fields(name, {**parts, "raw": slot})
        start += width


def encode(fields: Fields) -> bytes:
    """The block a UC-1000 would send; tests without a row are not analysed (mark ``1``)."""
    text = write(fields.values, HEAD, HEAD_WIDTH)
    for name, width in SLOTS:
        row = fields.row(name)
        values = {"mark": "1"} if row is None else row.values
        text += values["raw"] if "raw" in values else write(values, PARTS, width)
    return STX + bytes_of(text) + ETX
