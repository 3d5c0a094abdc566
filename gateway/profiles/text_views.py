"""How the messages of each text language fall into specimens and result rows.

Most are one specimen, one row a result.  Here stand those that are not: a HemoCue prints many
records, each with HbA1c in two units; a Eurolyser line is a specimen of its own; a BC-3000Plus
sends a block for each test and others besides; LIS3 notices announce and say nothing yet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import Final

from gateway.profiles.units import spelled, unit_table
from gateway.protocols import lis3
from gateway.protocols.text import CODECS, Fields, Framing, Silence, drichem, generic
from gateway.protocols.text.patterns import LINES

LIS3: Final = "lis3"
GENERIC: Final = "generic-text"
_SILENCE: Final = Silence(patience=2.0)

_MARKS: Final = re.compile(
    r"[0-9+*#?<>=\xb1]|--|\.\.|\b(?i:over|under|high|low|hi|lo|err|error|invalid|pos|neg|positive|"
    r"negative|trace|n/?a|no result|not measured|masked)\b"
)
_RULE: Final = re.compile(r"[-=_*#.~ ]{3,}")
_LIS3_DATA: Final = ("_NEW_DATA", "_EDIT_DATA")
_HEMOCUE_UNITS: Final = (("percent", "%"), ("mmol", "mmol/mol"))


@dataclass(frozen=True, slots=True)
class Part:
    """One specimen of a message: its head, its result rows."""

    head: Fields
    rows: tuple[Fields, ...]


View = Callable[[Fields], Iterator[Part]]


def decode(raw: bytes, codec: str) -> Fields:
    """A message of the text language ``codec``.  Raises RemoteProtocolError, KeyError."""
    if codec == LIS3:
        return lis3.decode(raw)
    if codec == GENERIC:
        return _unread(generic.decode(raw, codec, LINES))
    return CODECS[codec].decode(raw)


def framing(codec: str) -> Framing:
    """Where messages of the text language ``codec`` begin and end.  Raises KeyError."""
    if codec == LIS3:
        return lis3.Lis3Framing()
    return _SILENCE if codec == GENERIC else CODECS[codec].framing


def known_codec(codec: str | None) -> bool:
    return codec in CODECS or codec in (LIS3, GENERIC)


def parts(fields: Fields, codec: str) -> Iterator[Part]:
    """The specimens of a message, in the order sent."""
    yield from _VIEWS.get(codec, _whole)(fields)


def _unread(fields: Fields) -> Fields:
    """A line with a figure, a mark, an answer or a unit in it may have been a result."""
    lines = (name for name in fields.values if name.startswith("line"))
    unread = tuple(name for name in lines if _like_a_result(fields.values[name]))
    return replace(fields, problems=(*fields.problems, *unread))


def _like_a_result(line: str) -> bool:
    """A rule across the printout is none."""
    if _RULE.fullmatch(line):
        return False
    units = (word for word in line.split()[1:] if spelled(word) in unit_table())
    return _MARKS.search(line) is not None or any(units)


def _whole(fields: Fields) -> Iterator[Part]:
    yield Part(fields, fields.rows)


def _hemocue(fields: Fields) -> Iterator[Part]:
    for record in fields.rows:
        when = {"date": _dated(record.values), "time": _timed(record.values.get("time", ""))}
        head = Fields(fields.name, {**record.values, **when, "number": record.name})
        texts = ((unit, record.values.get(key, "")) for key, unit in _HEMOCUE_UNITS)
        rows = tuple(
            Fields("HbA1c", {"value": text, "unit": unit}) for unit, text in texts if text.strip()
        )
        yield Part(head, rows)


def _dated(values: Mapping[str, str]) -> str:
    """Year, month and day by the record's own order tag."""
    order, parts = values.get("order", "").split("/"), values.get("date", "").split("/")
    if sorted(order) != ["D", "M", "Y"] or len(parts) != 3:
        return values.get("date", "")
    found = dict(zip(order, parts, strict=True))
    return "-".join(found[letter].strip() for letter in "YMD")


def _timed(text: str) -> str:
    """``PM 10:15`` on the clock of 24 hours."""
    half, _, clock = text.strip().partition(" ")
    hour, _, minute = clock.partition(":")
    if half not in ("AM", "PM") or not (hour.isascii() and hour.isdigit()):
        return text
    return f"{int(hour) % 12 + 12 * (half == 'PM'):02d}:{minute}"


def _eurolyser(fields: Fields) -> Iterator[Part]:
    for _, rows in groupby(fields.rows, key=lambda row: row.values.get("id", "")):
        lines = tuple(rows)
        yield Part(Fields(fields.name, lines[0].values), lines)


def _bc3000(fields: Fields) -> Iterator[Part]:
    """Blocks with a value are results, others describe the run; histograms are neither."""
    results = tuple(row for row in fields.rows if "Val" in row.values)
    head: dict[str, str] = {}
    for block in fields.rows:
        if "Val" not in block.values:
            head |= {f"{block.name}.{key}": text for key, text in block.values.items()}
            head |= {key: text for key, text in block.values.items() if key not in head}
    yield Part(Fields(fields.name, head), tuple(map(_ranged, results)))


def _ranged(row: Fields) -> Fields:
    """The two ends of the reference range in one text."""
    low, high = (row.values.get(key, "").strip() for key in ("Low", "High"))
    return replace(row, values={**row.values, "Range": f"{low}-{high}" if low or high else ""})


def _drichem(fields: Fields) -> Iterator[Part]:
    """The sign has a column of its own; ``=`` says nothing, and no other text joins a number."""
    rows = tuple(
        replace(row, values={**row.values, "value": _signed(row.values)}) for row in fields.rows
    )
    yield Part(fields, rows)


def _signed(values: Mapping[str, str]) -> str:
    sign, value = values.get("sign", ""), values.get("value", "").strip()
    return f"{sign.strip(' =')}{value}" if sign in drichem.SIGNS else f"{sign} {value}"


def _lis3(fields: Fields) -> Iterator[Part]:
    if fields.name.endswith(_LIS3_DATA):
        yield Part(fields, fields.rows)


_VIEWS: Final[Mapping[str, View]] = MappingProxyType(
    {
        "hemocue-hba1c-501": _hemocue,
        "eurolyser": _eurolyser,
        "mindray-bc3000plus": _bc3000,
        "fuji-drichem": _drichem,
        LIS3: _lis3,
    }
)
