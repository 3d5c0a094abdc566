"""XLSX by openpyxl, read-only, after the archive itself has been judged.

Refused: more than 64 MiB unpacked, members packed beyond all sense, encrypted ones, a document
type.  A number is written with the decimals its format shows, never with fewer than it has: what
stands on the screen as 5.40 is 5.40, and an id shown as 000123 keeps its zeros.
"""

from __future__ import annotations

import datetime
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import ParseError

from gateway.protocols.tables.grid import Grid, TooLarge, Unreadable, check_size

_UNPACKED: Final = 64 * 1024 * 1024
_MEMBERS: Final = 1_000
_DENSEST: Final = 200
_ZEROS: Final = re.compile(r"0+")
_DECIMALS: Final = re.compile(r"(?:#,##)?0\.(0+)")
_MISREAD: Final = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, NotImplementedError),
    *(OSError, ParseError, RecursionError, RuntimeError, TypeError, ValueError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_workbook(raw: bytes) -> tuple[Grid, ...]:
    """The sheets with something on them, in order.  Raises Unreadable."""
    try:
        _judge(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that say nothing here
            return tuple(_sheets(raw))
    except Unreadable:
        raise
    except _MISREAD:
        raise Unreadable("no workbook that can be read") from None


def _judge(raw: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        if len(members) > _MEMBERS or sum(one.file_size for one in members) > _UNPACKED:
            raise TooLarge("a workbook beyond all limits")
        for one in members:
            dense = one.file_size > (1 << 20) and one.file_size > _DENSEST * one.compress_size
            if dense or one.flag_bits & 1:
                raise Unreadable("a workbook packed beyond all sense, or encrypted")
            if one.filename.lower().endswith((".xml", ".rels", ".vml")):
                _refuse_document_type(archive.read(one))


def _refuse_document_type(markup: bytes) -> None:
    if b"<!DOCTYPE" in markup or b"<\0!\0D\0O\0C" in markup or b"\0<\0!\0D\0O\0C" in markup:
        raise Unreadable("a document type")


def _sheets(raw: bytes) -> Iterator[Grid]:
    from openpyxl import load_workbook  # a fifth of a second, which nobody else shall pay

    book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    for sheet in book.worksheets:
        sheet.reset_dimensions()  # what a file says of its own size is not believed
        rows: list[tuple[str, ...]] = []
        for row in sheet.iter_rows():
            cells = tuple(
                _shown(cell.value, str(getattr(cell, "number_format", ""))) for cell in row
            )
            check_size(len(rows), len(cells), max(map(len, cells), default=0))
            rows.append(cells)
        if any(any(row) for row in rows):
            yield Grid(f"sheet {len(rows)}", _squared(rows))


def _squared(rows: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Cells that were never written are missing from a row's end; here they are blank."""
    width = max(map(len, rows))
    return tuple(row + ("",) * (width - len(row)) for row in rows)


def _shown(value: object, form: str) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case int() | float():
            return _number(Decimal(repr(value)), form)
        case datetime.datetime():
            whole_day = value.time() == datetime.time() and "h" not in form.lower()
            return value.date().isoformat() if whole_day else value.isoformat(" ", "seconds")
        case datetime.date():
            return value.isoformat()
        case datetime.time():
            return value.isoformat("seconds")
        case _:
            return str(value)


def _number(value: Decimal, form: str) -> str:
    if not value.is_finite():
        return str(value)
    text = format(value, "f")
    text = text.removesuffix(".0")
    if _ZEROS.fullmatch(form):
        return text.zfill(len(form))
    shown = _DECIMALS.fullmatch(form)
    if shown is None:
        return text
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.ljust(len(shown[1]), '0')}"
