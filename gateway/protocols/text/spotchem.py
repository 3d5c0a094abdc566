"""Arkray Spotchem EL SE-1520: one text line between STX and ETX, no checksum.

``yy/mm/dd hh:mm``, an id and perhaps a specimen type in brackets, then the three electrolytes as
name, value and unit.  The line is read by its words, not by columns: widths are not documented.
An electrolyte that cannot be read, or comes twice, is a problem at its name.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.text.fields import Fields, body_of, bytes_of, text_of
from gateway.protocols.text.framing import ETX, STX, StxEtx

NAME: Final = "spotchem-el"
TESTS: Final = ("Na", "K", "Cl")
FRAMING: Final = StxEtx(limit=1_024)

_DATE = re.compile(r"\d\d/\d\d/\d\d")
_TIME = re.compile(r"\d\d:\d\d")
_RESULT = re.compile(r"(?:^|\s)(Na|K|Cl)\s+(\S+?)(?:\s*([A-Za-z]+/[A-Za-z]+))?(?=\s|$)")


def decode(raw: bytes) -> Fields:
    """Fields ``date``, ``time``, ``id``, ``specimen``; rows ``Na``, ``K``, ``Cl``."""
    text = text_of(body_of(raw, STX, ETX))
    found = list(_RESULT.finditer(text))
    head = _head(text[: found[0].start()]) if found else None
    if head is None:
        return Fields(NAME, {"text": text}, problems=("layout",))
    rows = tuple(_row(match) for match in found)
    return Fields(NAME, head | {"text": text}, rows, problems=_problems(rows))


def _head(text: str) -> dict[str, str] | None:
    words, _, specimen = text.partition("[")
    match words.split():
        case [date, time, *rest] if _DATE.fullmatch(date) and _TIME.fullmatch(time):
            name = " ".join(rest).removeprefix("ID#").strip()
            kind = specimen.partition("]")[0].strip()
            return {"date": date, "time": time, "id": name, "specimen": kind}
    return None


def _row(match: re.Match[str]) -> Fields:
    name, value, unit = match.groups(default="")
    return Fields(name, {"value": value, "unit": unit, "raw": match[0].strip()})


def _problems(rows: tuple[Fields, ...]) -> tuple[str, ...]:
    counts = {name: sum(row.name == name for row in rows) for name in TESTS}
    nameless = {row.name for row in rows if not row.values["unit"]}
    return tuple(name for name in TESTS if counts[name] != 1 or name in nameless)


def encode(fields: Fields) -> bytes:
    """The line a Spotchem EL would send (its column widths are ours)."""
    head = f"{fields.values.get('date', '')} {fields.values.get('time', '')}"
    specimen = f" [{fields.values['specimen']}]" if fields.at("specimen") else ""
    results = "".join(
        f" {row.name:<2} {row.values.get('value', ''):>8}  {row.values.get('unit', '')}"
        for row in fields.rows
    )
    return STX + bytes_of(f"{head} ID# {fields.at('id') or '':<12}{specimen}{results} ") + ETX
