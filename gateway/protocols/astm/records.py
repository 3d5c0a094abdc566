"""LIS02-A2 records and the addresses manuals use for their parts.

Fields are numbered from 1, the record letter being field 1; components and repeats too:
``R.3.4`` is component 4 of field 3, ``O.5[2].4`` component 4 of its second repeat (without an
index the first), ``O.5[2]`` that repeat and ``R.4`` the whole field.  ``H.2`` is the delimiter
definition.  What is absent, empty or ``""`` reads as ``None``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from gateway.protocols.astm.delimiters import Delimiters
from gateway.protocols.errors import LocalProtocolError

TYPES: Final = frozenset("HPORCQMSL")
MAX_FIELDS: Final = 9_999  # the last one holds the rest
DELETED: Final = '""'  # the sender wants what is stored there erased
_CUTS: Final = MAX_FIELDS - 1
_PATH: Final = re.compile(r"([A-Z])\.([1-9]\d{0,3})(?:\[([1-9]\d{0,3})\])?(?:\.([1-9]\d{0,3}))?")


@dataclass(frozen=True, slots=True)
class At:
    """An address inside a record."""

    type: str
    field: int
    component: int | None = None
    repeat: int | None = None

    @classmethod
    def parse(cls, path: str) -> At:
        """``ValueError`` for anything that is not such an address."""
        return _parsed(path)

    def __str__(self) -> str:
        repeat = f"[{self.repeat}]" if self.repeat else ""
        component = f".{self.component}" if self.component else ""
        return f"{self.type}.{self.field}{repeat}{component}"


@lru_cache(maxsize=1024)
def _parsed(path: str) -> At:
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError(f"not a record address: {path!r}")
    letter, number, repeat, component = match.groups()
    return At(
        letter,
        int(number),
        int(component) if component else None,
        int(repeat) if repeat else None,
    )


@dataclass(slots=True, unsafe_hash=True, repr=False, init=False)
class Record:
    """``raw`` is the decoded record without its CR, as sent; ``type`` is its upper-case letter.

    One is made of every line, and a frozen one takes twice as long: it is ``Final`` instead.
    """

    type: Final[str]
    raw: Final[str]
    delimiters: Final[Delimiters]
    encoding: Final[str]
    fields: Final[tuple[str, ...]]

    def __init__(
        self, letter: str, raw: str, delimiters: Delimiters, encoding: str = "latin-1"
    ) -> None:
        self.type = letter
        self.raw = raw
        self.delimiters = delimiters
        self.encoding = encoding
        self.fields = tuple(raw.split(delimiters.field, _CUTS))

    def __repr__(self) -> str:
        return f"Record({self.type}, fields={len(self.fields)})"

    def field(self, number: int) -> str:
        """A field as sent, still escaped; empty when absent."""
        return self.fields[number - 1] if 0 < number <= len(self.fields) else ""

    def repeats(self, number: int) -> tuple[str, ...]:
        """The repeats of a field as sent; none when it is empty."""
        text = self.field(number)
        if self.type == "H" and number == 2:
            return (text,)
        return tuple(text.split(self.delimiters.repeat)) if text else ()

    def components(self, number: int, repeat: int = 1) -> tuple[str, ...]:
        """The components of one repeat of a field, unescaped; none when it is empty."""
        found = self.repeats(number)
        if not 0 < repeat <= len(found) or not found[repeat - 1]:
            return ()
        return tuple(map(self._meaning, found[repeat - 1].split(self.delimiters.component)))

    def at(self, path: At | str) -> str | None:
        """What stands there, unescaped."""
        text = self.sent(path)
        return None if text in ("", DELETED) else self._meaning(text)

    def sent(self, path: At | str) -> str:
        """What stands there as sent, still escaped; empty when absent."""
        where = _parsed(path) if isinstance(path, str) else path
        if where.type != self.type:
            raise LocalProtocolError(f"{where} asked of a record of type {self.type}")
        text = self.field(where.field)
        if not text or (where.component is None and where.repeat is None):
            return text
        if where.field == 2 and self.type == "H":
            return ""
        delimiters = self.delimiters
        if where.repeat is not None or delimiters.repeat in text:
            text = _nth(text, delimiters.repeat, where.repeat or 1)
        return (
            text if where.component is None else _nth(text, delimiters.component, where.component)
        )

    def _meaning(self, text: str) -> str:
        return self.delimiters.unescape(text, self.encoding)

    @classmethod
    def build(
        cls,
        letter: str,
        values: Mapping[At | str, str | None],
        delimiters: Delimiters | None = None,
        encoding: str = "latin-1",
    ) -> Record:
        """A record holding ``values`` at their addresses, delimiters in them escaped.

        An address without component takes its text as one; a value of ``None`` is left out.
        """
        chosen = delimiters or Delimiters()
        cells: dict[int, dict[int, dict[int, str]]] = {}
        for path, value in values.items():
            if value is None:
                continue
            where = _parsed(path) if isinstance(path, str) else path
            if where.type != letter or where.field == 1 or (letter == "H" and where.field == 2):
                raise LocalProtocolError(f"{where} cannot be set in a record of type {letter}")
            repeats = cells.setdefault(where.field, {})
            repeats.setdefault(where.repeat or 1, {})[where.component or 1] = chosen.quote(value)
        last = max(cells, default=1)
        texts = [letter, *(_joined(cells.get(n, {}), chosen) for n in range(2, last + 1))]
        if letter == "H":
            texts[1:2] = [str(chosen)[1:]]
        return cls(letter, chosen.field.join(texts), chosen, encoding)


def _nth(text: str, delimiter: str, number: int) -> str:
    parts = text.split(delimiter, number)
    return parts[number - 1] if number <= len(parts) else ""


def _joined(repeats: Mapping[int, Mapping[int, str]], delimiters: Delimiters) -> str:
    return delimiters.repeat.join(
        delimiters.component.join(
            repeats.get(repeat, {}).get(component, "")
            for component in range(1, max(repeats.get(repeat, {1: ""})) + 1)
        )
        for repeat in range(1, max(repeats, default=0) + 1)
    )
