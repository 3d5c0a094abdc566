"""Reading rows so that damage in one is ``StoreCorrupt`` for that one and hides no other.

A flipped bit in the file can make text undecodable, change a column's type or break a page; all
of that means the same: this row is not what was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from gateway.errors import StoreCorrupt

T = TypeVar("T")

Row = tuple[Any, ...]
Binding = str | int | bytes | None

DAMAGE = (apsw.CorruptError, ValueError, TypeError, OverflowError, LookupError)


def read_row(
    connection: apsw.Connection,
    select: str,
    bindings: Sequence[Binding],
    convert: Callable[[Row], T],
) -> T | None:
    """The first row, converted; None when there is none."""
    try:
        row = connection.execute(select, bindings).fetchone()
        return None if row is None else convert(row)
    except DAMAGE:
        raise StoreCorrupt("a stored row cannot be read") from None


def read_rows(
    connection: apsw.Connection,
    select_keys: str,
    bindings: Sequence[Binding],
    read: Callable[[apsw.Connection, int], T | None],
) -> Sequence[T]:
    """The rows with these keys, without the damaged ones: a list must not hide the sound."""
    keys: list[int] = [key for (key,) in connection.execute(select_keys, bindings)]
    found: list[T] = []
    for key in keys:
        with suppress(StoreCorrupt):
            row = read(connection, key)
            if row is not None:
                found.append(row)
    return found
