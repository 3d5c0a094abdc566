"""Follows the joined text of a transmission without keeping it: does it begin with an H record
and end with an L record?

Records end with CR.  A text without any CR is read as one whose records end with LF.  Frames may
cut a record anywhere, so the beginning of the current record is remembered, and nothing else.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.astm.control import CR, LF

_KEPT: Final = 8  # enough for a digit before a record letter, the letter and a delimiter
_DIGITS: Final = b"0123456789"
_BREAKS: Final = CR + LF + b"\0"  # a device may fill up its records with NULs
_CR: Final = CR[0]


def begins_record(line: bytes, letter: bytes, *, loose: bool = False) -> bool:
    """Whether ``line`` is a record of this type (either case): the letter, then no word."""
    if loose:
        line = line.lstrip(_DIGITS)
    return line[:1].upper() == letter and not line[1:2].isalnum()


class Outline:
    """Feed it the text of every accepted frame."""

    __slots__ = ("_by_lf", "_ended", "_first", "_loose", "_open", "_whole")

    def __init__(self, *, loose: bool = False) -> None:
        self._loose = loose
        self._first = b""
        self._open = b""  # the beginning of the record that goes on
        self._ended = b""  # of the last one that ended, unless empty
        self._whole = b""  # whole records that came after it and were not looked at
        self._by_lf: tuple[bytes, bytes] | None = (b"", b"")  # the same two, until a CR is seen

    def feed(self, text: bytes) -> None:
        if text > b" " and text[-1] == _CR and not self._open:
            self._whole = text  # whole records: the usual case, quickly
            if not self._first:
                self._first, self._by_lf = _extended(b"", text), None
        else:
            self._catch_up()
            self._feed(text)

    def _catch_up(self) -> None:
        if self._whole:
            self._open, self._ended = _last_lines(self._whole, CR, self._open, self._ended)
            self._whole = b""

    def _feed(self, text: bytes) -> None:
        if len(self._first) < _KEPT:
            self._first = _extended(self._first, text)
        self._open, self._ended = _last_lines(text, CR, self._open, self._ended)
        if CR in text:
            self._by_lf = None
        elif self._by_lf is not None:
            self._by_lf = _last_lines(text, LF, *self._by_lf)

    @property
    def has_header(self) -> bool:
        return begins_record(self._first, b"H", loose=self._loose)

    @property
    def has_terminator(self) -> bool:
        self._catch_up()
        going, ended = self._by_lf or (self._open, self._ended)
        return begins_record(going or ended, b"L", loose=self._loose)


def _last_lines(text: bytes, separator: bytes, going: bytes, ended: bytes) -> tuple[bytes, bytes]:
    """The beginnings of the line that goes on after ``text`` and of the last one that ended."""
    cut = text.rfind(separator)
    if cut < 0:
        return _extended(going, text), ended
    content = text[:cut].rstrip(_BREAKS)
    before = content.rfind(separator)
    if before >= 0:
        ended = _beginning(content[before + 1 :].lstrip(_BREAKS))
    else:
        ended = _extended(going, content) or ended
    return _beginning(text[cut + 1 :].lstrip(_BREAKS)), ended


def _extended(going: bytes, text: bytes) -> bytes:
    return _beginning(going + text if going else text.lstrip(_BREAKS))


def _beginning(line: bytes) -> bytes:
    """What is kept of it: of digits before a letter, however many, the first."""
    bare = line.lstrip(_DIGITS)
    return (line if bare is line else line[:1] + bare)[:_KEPT]
