"""Lines of delimited text, one result a line: ``id;name;test;value unit;time`` (Eurolyser).

``Table`` names the columns.  A line with another number of columns is a problem at its number and
kept whole; quotes are text.  A last column called ``value`` is never split: a profile takes number
and unit apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.protocols.text.fields import Fields, bytes_of, text_of
from gateway.protocols.text.framing import Lines


@dataclass(frozen=True, slots=True)
class Table:
    """``row`` is the column that names the rows."""

    name: str
    names: tuple[str, ...]
    row: str
    separator: str = ";"


EUROLYSER: Final = Table("eurolyser", ("id", "name", "test", "value", "time"), "test")
FRAMING: Final = Lines()


def decode(raw: bytes, table: Table) -> Fields:
    """One row a line, named by its ``table.row`` column."""
    lines = [line for line in text_of(raw).replace("\r", "\n").split("\n") if line.strip()]
    rows = tuple(_row(line, table) for line in lines)
    problems = tuple(str(index) for index, row in enumerate(rows, 1) if row.problems)
    return Fields(table.name, {}, rows, problems=problems)


def _row(line: str, table: Table) -> Fields:
    parts = line.split(table.separator)
    if len(parts) != len(table.names):
        return Fields("", {"raw": line}, problems=("columns",))
    values = dict(zip(table.names, parts, strict=True))
    return Fields(values[table.row].strip(), values | {"raw": line})


def encode(fields: Fields, table: Table) -> bytes:
    """One line a row, ended by CR LF."""
    lines = (
        table.separator.join(row.values.get(name, "") for name in table.names)
        for row in fields.rows
    )
    return b"".join(bytes_of(line) + b"\r\n" for line in lines)
