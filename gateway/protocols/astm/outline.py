"""Follows the joined text of a transmission without keeping it: does it begin with an H record
and end with an L record?

Records end with CR.  A text without any CR is read as one whose records end with LF.  Frames may
cut a record anywhere, so the beginning of the current record is remembered, and nothing else.
"""

from __future__ import annotations

from typing import Final

_KEPT: Final = 8  # enough for digits before a record letter, the letter and a delimiter
_BREAKS: Final = b"\r\n"


def begins_record(line: bytes, letter: bytes, *, loose: bool = False) -> bool:
    """Whether ``line`` is a record of this type (either case): the letter, then no word."""
    if loose:
        line = line.lstrip(b"0123456789")
    return line[:1].upper() == letter and not line[1:2].isalnum()


class Outline:
    """Feed it the text of every accepted frame."""

    __slots__ = ("_by_cr", "_by_lf", "_first", "_loose")

    def __init__(self, *, loose: bool = False) -> None:
        self._loose = loose
        self._first = b""
        self._by_cr = _LastLine(b"\r")
        self._by_lf: _LastLine | None = _LastLine(b"\n")

    def feed(self, text: bytes) -> None:
        if len(self._first) < _KEPT:
            self._first = (self._first + text.lstrip(_BREAKS)[:_KEPT])[:_KEPT]
        self._by_cr.feed(text)
        if self._by_lf is not None:
            self._by_lf = None if b"\r" in text else self._by_lf
            if self._by_lf is not None:
                self._by_lf.feed(text)

    @property
    def has_header(self) -> bool:
        return begins_record(self._first, b"H", loose=self._loose)

    @property
    def has_terminator(self) -> bool:
        line = (self._by_lf or self._by_cr).head
        return begins_record(line, b"L", loose=self._loose)


class _LastLine:
    """The beginning of the last line that is not empty."""

    __slots__ = ("_current", "_last", "_separator")

    def __init__(self, separator: bytes) -> None:
        self._separator = separator
        self._current = b""  # of the line still open
        self._last = b""  # of the last line that was ended

    @property
    def head(self) -> bytes:
        return self._current or self._last

    def feed(self, text: bytes) -> None:
        cut = text.rfind(self._separator)
        if cut < 0:
            self._current = self._extended(text)
            return
        content = text[:cut].rstrip(_BREAKS)
        before = content.rfind(self._separator)
        if before >= 0:
            self._last = content[before + 1 :].lstrip(_BREAKS)[:_KEPT]
        else:
            self._last = self._extended(content) or self._last
        self._current = text[cut + 1 :].lstrip(_BREAKS)[:_KEPT]

    def _extended(self, text: bytes) -> bytes:
        return (
            (self._current + text[:_KEPT])[:_KEPT]
            if self._current
            else text.lstrip(_BREAKS)[:_KEPT]
        )
