"""Roche Reflotron: five or six lines between STX and ETX, one result, no checksum.

Line 2 holds the date ``dd.mm.yy`` and the time, line 3 what the operator typed, line 4 the result
with name, comparator, number, unit and temperature glued or blank-padded (``CHOL<15.26mmol/l``),
then hint and free text.  The degree sign is one byte of a code page (0xF8, 0xB0) and stays one.
A result line that cannot be taken apart is a problem at ``result`` and kept whole.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.text.fields import Fields, body_of, bytes_of, text_of
from gateway.protocols.text.framing import ETX, STX, StxEtx

NAME: Final = "reflotron"
FRAMING: Final = StxEtx(limit=2_048)

_DATE = re.compile(r"(\d\d\.\d\d\.\d\d)")
_TIME = re.compile(r"(\d\d:\d\d:\d\d)")
# Without a unit it is no result: "ERROR 152" has the shape of one.
_RESULT = re.compile(
    r"([A-Za-z]{1,5}) ?(?:([<>]? ?\d{1,6}(?:[.,]\d{1,4})?) ?(%|[A-Za-z\xb5\xe6]{1,5}/[A-Za-z]{1,3})"
    r"|([-*]{2,8}) ?(\S{1,9})?) ?(\d\d[^\w ]C|\d\d\xf8C)?"
)
_NAMES: Final = ("first", "when", "id", "result", "hint", "note")


def decode(raw: bytes) -> Fields:
    """Fields ``date``, ``time``, ``id``, ``result``, ``hint``; one row named by the test."""
    lines = re.split(r"\r\n|\r|\n", text_of(body_of(raw, STX, ETX)))
    values = dict(zip(_NAMES, lines, strict=False))
    values["rest"] = "\n".join(lines[len(_NAMES) :])
    for name, pattern in (("date", _DATE), ("time", _TIME)):
        match = pattern.search(values.get("when", ""))
        values[name] = match[1] if match else ""
    result = _RESULT.fullmatch(" ".join(values.get("result", "").split()))
    problems = tuple(name for name in ("date", "time") if not values[name])
    if result is None:
        return Fields(NAME, values, problems=(*problems, "result"))
    return Fields(NAME, values, (_row(result),), problems=problems)


def _row(match: re.Match[str]) -> Fields:
    name, number, unit, void, asked, temperature = match.groups(default="")
    values = {"value": number.replace(" ", "") or void, "unit": unit or asked}
    values |= {"temperature": temperature, "raw": match[0]}
    return Fields(name.upper(), values)


def encode(fields: Fields) -> bytes:
    """The block a Reflotron would send."""
    when = f"{fields.values.get('date', '')} {fields.values.get('time', '')}"
    lines = [fields.values.get("first", ""), when, fields.values.get("id", "")]
    lines += [_result_line(row) for row in fields.rows]
    lines += [fields.values.get("hint", ""), fields.values.get("note", "")]
    return STX + bytes_of("\r\n".join(lines)) + ETX


def _result_line(row: Fields) -> str:
    parts = (row.values.get(name, "") for name in ("value", "unit", "temperature"))
    return row.values.get("raw") or " ".join((row.name, *parts)).strip()
