"""A file to its tables."""

from __future__ import annotations

from gateway.protocols.tables.delimited import read_delimited
from gateway.protocols.tables.grid import Content, Grid, Unreadable, content_of
from gateway.protocols.tables.markup import read_markup


def read(raw: bytes, encoding: str) -> tuple[Grid, ...]:
    """``encoding`` is that of text that is not UTF-8.  Raises Unreadable."""
    match content_of(raw):
        case Content.WORKBOOK:
            from gateway.protocols.tables.workbook import read_workbook  # large libraries

            return read_workbook(raw)
        case Content.MARKUP:
            return read_markup(raw)
        case Content.HL7:
            raise Unreadable("HL7 is no table")
        case Content.DELIMITED:
            return (read_delimited(raw, encoding),)
