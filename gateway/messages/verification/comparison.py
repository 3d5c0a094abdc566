"""One segment as read, compared field by field with what the report wants it to say.

Each field is compared at most once; ``nothing_else`` then makes sure that all the others are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.verification.readback import iso_of, unescaped

Part = str | Sequence[str]
"""A component: its text, or its subcomponents."""

_PADDING = ("",) * 64
"""Longer than any segment compared here, so that every field can be asked for."""


class Zone:
    """How times of this message are written: in ``zone`` (None: each in its own), to the second,
    with their offset or without any."""

    __slots__ = ("_good", "_offset", "_zone")

    def __init__(self, zone: tzinfo | None, *, offset: bool) -> None:
        self._zone = zone
        self._offset = offset
        self._good: dict[str, datetime] = {}

    def same(self, text: str, wanted: datetime | None) -> bool:
        """A message repeats its times: one found good is good for the same time again, and that
        is this very object, because equal times may be written in different zones."""
        if wanted is None:
            return not text
        if self._good.get(text) is wanted:
            return True
        local = wanted.astimezone(self._zone) if self._zone else wanted
        iso = local.isoformat(timespec="seconds")
        if iso_of(text) != (iso if self._offset else iso[:19]):
            return False
        self._good[text] = wanted
        return True


class Seen:
    """``where`` names the segment (``OBX[3]``) in refusals; ``length`` is its last field."""

    __slots__ = ("_fields", "_left", "length", "where")

    def __init__(self, fields: Sequence[str], where: str) -> None:
        self.where = where
        self.length = len(fields) - 1
        self._fields = (*fields, *_PADDING[len(fields) :])
        self._left = len(fields) - 1 - fields.count("")

    def raw(self, number: int) -> str:
        """The field as it stands; it counts as compared."""
        text = self._fields[number]
        if text:
            self._left -= 1
        return text

    def text(self, number: int, wanted: str) -> None:
        """One value without components."""
        text = self.raw(number)
        if (text or wanted) and not same_text(text, wanted):
            raise self.differs(number)

    def parts(self, number: int, *wanted: Part) -> None:
        """Components, without empty last ones."""
        if not same_parts(self.raw(number), wanted):
            raise self.differs(number)

    def repetitions(self, number: int, wanted: Sequence[Sequence[Part]]) -> None:
        if not same_repetitions(self.raw(number), wanted):
            raise self.differs(number)

    def moment(self, number: int, wanted: datetime | None, zone: Zone) -> None:
        if not zone.same(self.raw(number), wanted):
            raise self.differs(number)

    def nothing_else(self) -> None:
        if self._left:
            raise NotEncodable(Obstacle.DIFFERENT, self.where)

    def differs(self, number: int) -> NotEncodable:
        return NotEncodable(Obstacle.DIFFERENT, f"{self.where}-{number}")


def same_repetitions(text: str, wanted: Sequence[Sequence[Part]]) -> bool:
    found = text.split("~") if text else []
    return len(found) == len(wanted) and all(map(same_parts, found, wanted))


def same_parts(text: str, wanted: Sequence[Part]) -> bool:
    """Whether one repetition holds these components and no more."""
    if not text and not wanted:
        return True
    kept = list(wanted)
    while kept and not any(kept[-1]):
        kept.pop()
    found = text.split("^") if text else []
    if found == kept:
        return "~" not in text and "&" not in text and "\\" not in text
    return len(found) == len(kept) and all(map(_same_part, found, kept))


def _same_part(text: str, wanted: Part) -> bool:
    if isinstance(wanted, str):
        return same_text(text, wanted)
    kept = list(wanted)
    while kept and not kept[-1]:
        kept.pop()
    found = text.split("&") if text else []
    return len(found) == len(kept) and all(map(same_text, found, kept))


def same_text(text: str, wanted: str) -> bool:
    """Whether a leaf, its escapes read, is this text."""
    if "^" in text or "~" in text or "&" in text:
        return False
    return text == wanted if "\\" not in text else unescaped(text) == wanted
