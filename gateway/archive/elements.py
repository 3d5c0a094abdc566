"""Walks the elements of a data set where it lies, without holding it (PS3.5 7.1, 7.5, A).

Values are skipped, not read; sequences of undefined length are walked with a stack of our own, at
most ``DEPTH`` deep and ``ELEMENTS`` elements in all.  ``Unreadable`` for what breaks the rules of
encoding; nothing beyond them is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from gateway.errors import GatewayError

DEPTH: Final = 32
ELEMENTS: Final = 100_000
UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
_DELIMITERS: Final = 0xFFFE
_LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())


class Unreadable(GatewayError):
    """The head of a data set makes no sense; says where, quotes nothing."""


class Source(Protocol):
    """Bytes at a place; fewer than asked for at the end."""

    def read(self, at: int, count: int) -> bytes: ...


class Encoding(NamedTuple):
    """How elements are written."""

    order: str  # "little" or "big"
    explicit: bool


class Place(NamedTuple):
    """An element: where its value begins, and its length or ``UNDEFINED``."""

    tag: int
    vr: bytes
    at: int
    length: int


IMPLICIT: Final = Encoding("little", explicit=False)


class Walker:
    """Elements of one data set; the budget counts for all walks together."""

    def __init__(self, source: Source, length: int, encoding: Encoding) -> None:
        self._source = source
        self._length = length
        self.encoding = encoding
        self._budget = ELEMENTS

    def elements(
        self, start: int = 0, end: int | None = None, *, last: int = UNDEFINED
    ) -> Iterator[Place]:
        """From ``start`` to ``end``, to the delimiter of their item, or behind the ``last`` tag."""
        how = self.encoding
        limit = self._length if end is None else end
        at = start
        while at < limit:
            place = self.element(at, how)
            if place.tag == ITEM_END or place.tag > last:
                return
            if place.length != UNDEFINED and place.at + place.length > limit:
                raise Unreadable(f"an element at byte {at} goes beyond the end")
            yield place
            at = self.behind(place, how)

    def first_item(self, sequence: Place) -> Iterator[Place]:
        """The elements of a sequence's first item; none when it is empty."""
        if sequence.length == 0:
            return iter(())
        item = self.element(sequence.at, self.encoding)
        if item.tag != ITEM:
            return iter(())
        end = None if item.length == UNDEFINED else item.at + item.length
        return self.elements(item.at, end)

    def value(self, place: Place, limit: int) -> bytes:
        """Of an element of defined length; at most ``limit`` bytes of it."""
        if place.length == UNDEFINED:
            return b""
        return self._source.read(place.at, min(place.length, limit))

    def element(self, at: int, how: Encoding) -> Place:
        """The element that begins at ``at``."""
        self._budget -= 1
        if self._budget < 0:
            raise Unreadable(f"more than {ELEMENTS} elements")
        head = self._source.read(at, 12)
        if len(head) < 8:
            raise Unreadable(f"an element cut off at byte {at}")
        tag = _number(head[0:2], how) << 16 | _number(head[2:4], how)
        return self._placed(tag, head, at, how)

    def behind(self, place: Place, how: Encoding) -> int:
        """Where the element after this one begins."""
        if place.length != UNDEFINED:
            return place.at + place.length
        inner = IMPLICIT if place.vr == b"UN" else how
        return self._behind_sequence(place.at, inner)

    def _placed(self, tag: int, head: bytes, at: int, how: Encoding) -> Place:
        if tag >> 16 == _DELIMITERS or not how.explicit:
            return Place(tag, b"", at + 8, _number(head[4:8], how))
        vr = head[4:6]
        if not (vr.isalpha() and vr.isupper()):
            raise Unreadable(f"no value representation at byte {at}")
        if vr not in _LONG:
            return Place(tag, vr, at + 8, _number(head[6:8], how))
        if len(head) < 12:
            raise Unreadable(f"an element cut off at byte {at}")
        return Place(tag, vr, at + 12, _number(head[8:12], how))

    def _behind_sequence(self, at: int, how: Encoding) -> int:
        """Skips a sequence of undefined length; its content may nest."""
        open_levels = [(SEQUENCE_END, how)]
        while open_levels:
            ends_with, inner = open_levels[-1]
            place = self.element(at, inner)
            at = place.at
            if place.tag == ends_with:
                open_levels.pop()
            elif place.length != UNDEFINED:
                at += place.length
            elif len(open_levels) >= 2 * DEPTH:
                raise Unreadable(f"sequences nest deeper than {DEPTH}")
            elif place.tag == ITEM:
                open_levels.append((ITEM_END, inner))
            else:
                deeper = IMPLICIT if place.vr == b"UN" else inner
                open_levels.append((SEQUENCE_END, deeper))
        return at


def _number(data: bytes, how: Encoding) -> int:
    return int.from_bytes(data, "big" if how.order == "big" else "little")
