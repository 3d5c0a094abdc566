"""Fuji Dri-Chem 3500: fixed columns between STX and ETX, no checksum.

Head of 50: mode 7, date 10, time 5, sequence 13, id 13, position 1, one more; then results of 36:
name 7, sign 1, value 9, unit 6, dilution 2, warning 10, one more.  The sign is part of the value
(``<``, ``>``).  A length that leaves part of a result over is a problem at ``length``, another sign
one at ``sign``: columns that have moved.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.text.columns import columns, read, write
from gateway.protocols.text.fields import Fields, body_of, bytes_of, text_of
from gateway.protocols.text.framing import ETX, STX, StxEtx

NAME: Final = "fuji-drichem"
HEAD_WIDTH: Final = 50
ROW_WIDTH: Final = 36
HEAD: Final = columns(
    ("mode", 7), ("date", 10), ("time", 5), ("sequence", 13), ("id", 13), ("position", 1)
)
ROW: Final = columns(
    ("name", 7), ("sign", 1), ("value", 9), ("unit", 6), ("dilution", 2), ("warning", 10)
)

SIGNS: Final = frozenset(" =<>")

FRAMING: Final = StxEtx(limit=8_192)


def decode(raw: bytes) -> Fields:
    """Fields ``id``, ``date``, ``time``, ``sequence``; rows named by test."""
    text = text_of(body_of(raw, STX, ETX))
    if len(text) < HEAD_WIDTH:
        return Fields(NAME, {"text": text}, problems=("layout",))
    whole, left = divmod(len(text) - HEAD_WIDTH, ROW_WIDTH)
    starts = (HEAD_WIDTH + ROW_WIDTH * index for index in range(whole))
    rows = tuple(_row(text[start : start + ROW_WIDTH]) for start in starts)
    rest = {"rest": text[len(text) - left :]} if left else {}
    problems = ("length",) if left else ()
    return Fields(NAME, {**read(text, HEAD), **rest}, rows, problems=problems)


def _row(text: str) -> Fields:
    values = read(text, ROW)
    problems = () if values["sign"] in SIGNS else ("sign",)
    return Fields(values["name"].strip(), {**values, "raw": text}, problems=problems)


def encode(fields: Fields) -> bytes:
    """The block a Dri-Chem would send."""
    rows = (write({"name": row.name, **row.values}, ROW, ROW_WIDTH) for row in fields.rows)
    return STX + bytes_of(write(fields.values, HEAD, HEAD_WIDTH) + "".join(rows)) + ETX
