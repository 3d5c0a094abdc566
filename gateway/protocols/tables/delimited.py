"""CSV and its kin (RFC 4180): the separator is the one that gives all rows the same width.

UTF-16 goes by its mark, other bytes are UTF-8 or else the device's own encoding, and said so when
they are neither.  A NUL or a quote that never closes makes a file unreadable, not a shorter table.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from typing import Final

from gateway.protocols.tables.grid import Grid, Unreadable, check_size

_SEPARATORS: Final = (";", "\t", ",", "|")
_MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_TRIED: Final = 500
Rows = tuple[tuple[str, ...], ...]


def read_delimited(raw: bytes, encoding: str) -> Grid:
    """Raises Unreadable."""
    text, doubtful = _text(raw, encoding)
    if "\0" in text:
        raise Unreadable("not text")
    sample = "".join(text.splitlines(keepends=True)[:_TRIED])
    separator = max(_SEPARATORS, key=lambda one: _fitness(sample, one))
    return Grid("csv", _rows(text, separator), doubtful)


def write_delimited(rows: Iterable[Iterable[str]], separator: str = ",") -> bytes:
    """The other way, as UTF-8, every line ended."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _text(raw: bytes, encoding: str) -> tuple[str, bool]:
    for mark, name in _MARKS.items():
        if raw.startswith(mark):
            return raw.decode(name, "replace"), not _decodes(raw, name)
    for name in ("utf-8", encoding):
        if _decodes(raw, name):
            return raw.decode(name), False
    return raw.decode("latin-1"), True


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _rows(text: str, separator: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found: list[tuple[str, ...]] = []
    try:
        for row in reader:
            check_size(len(found), len(row), max(map(len, row), default=0))
            found.append(tuple(row))
    except csv.Error:
        raise Unreadable("quotes that do not fit") from None
    return tuple(found)


def _fitness(sample: str, separator: str) -> tuple[int, int]:
    """How many rows have the usual number of columns, more than one; and that number."""
    try:
        rows = _rows(sample, separator)
    except Unreadable:
        return 0, 0
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 0, 0
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    return count, width
