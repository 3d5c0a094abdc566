"""Fixed-width text read and written from one table of columns.

A ``Column`` is a name, where it starts and how wide it is, counted from the first byte of the text
(or of its row).  Reading cuts, never trims; writing pads, and refuses what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    start: int
    width: int

    def read(self, text: str) -> str:
        return text[self.start : self.start + self.width]


def columns(*widths: tuple[str, int]) -> tuple[Column, ...]:
    """Columns one after the other; a name of ``""`` is a gap."""
    laid: list[Column] = []
    start = 0
    for name, width in widths:
        if name:
            laid.append(Column(name, start, width))
        start += width
    return tuple(laid)


def read(text: str, layout: Sequence[Column]) -> dict[str, str]:
    """Every column of ``layout`` by name, padding included."""
    return {column.name: column.read(text) for column in layout}


def write(values: Mapping[str, str], layout: Sequence[Column], width: int) -> str:
    """A text of ``width`` characters, blanks where ``values`` says nothing."""
    text = [" "] * width
    for column in layout:
        value = values.get(column.name, "")
        if len(value) > column.width:
            raise LocalProtocolError(f"{column.name} is wider than {column.width} characters")
        text[column.start : column.start + column.width] = value.ljust(column.width)
    return "".join(text)
