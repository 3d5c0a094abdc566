"""What every kind of table becomes, and how the kinds are told apart by their first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from gateway.protocols.errors import RemoteProtocolError

MOST_ROWS: Final = 5_000
MOST_COLUMNS: Final = 1_000
LONGEST_CELL: Final = 32_768
XML: Final = "xml"  # the name of its grids
_BOM: Final = b"\xef\xbb\xbf"
_HL7: Final = re.compile(rb"[\x0b\s]*(?:MSH|FHS|BHS)[^A-Za-z0-9\s]")


class Unreadable(RemoteProtocolError):
    """No table that may be read; the text is a kind, never the file's words."""


class TooLarge(Unreadable):
    """A table beyond what an analyzer exports in a day."""


class Content(Enum):
    """What a file holds."""

    DELIMITED = auto()
    WORKBOOK = auto()
    MARKUP = auto()
    HL7 = auto()


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of cells, as shown.  ``doubtful``: bytes that are no text in the encoding they should be
    in."""

    name: str
    rows: tuple[tuple[str, ...], ...] = field(repr=False)
    doubtful: bool = False


def content_of(raw: bytes) -> Content:
    """By the first bytes."""
    head = raw.removeprefix(_BOM)[:256].lstrip()
    if raw.startswith(b"PK"):
        return Content.WORKBOOK
    if _HL7.match(head):
        return Content.HL7
    if head.startswith(b"<") or raw[:4] in (b"\xff\xfe<\x00", b"\xfe\xff\x00<"):
        return Content.MARKUP
    return Content.DELIMITED


def looks_whole(raw: bytes) -> bool:
    """Whether the end of a file looks like one: a writer may have paused in the middle."""
    match content_of(raw):
        case Content.WORKBOOK:
            return b"PK\x05\x06" in raw[-66_000:]
        case Content.MARKUP:
            return raw.rstrip(b"\x00 \t\r\n").endswith(b">")
        case _:
            return raw.rstrip(b"\x00\x1a")[-1:] in (b"\r", b"\n", b"\x1c")


def check_size(rows: int, columns: int, cell: int) -> None:
    """TooLarge when a table is larger than any analyzer's."""
    if rows > MOST_ROWS or columns > MOST_COLUMNS or cell > LONGEST_CELL:
        raise TooLarge("a table beyond all limits")
