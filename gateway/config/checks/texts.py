"""Texts and names of the file that can mean nothing, whatever the section: empty ones, ones with
control characters in them.  Looked for in the document as it was written, before paths are made of
its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gateway.config.mistakes import Mistake

_MAY_BE_EMPTY: Final = frozenset({"receiving_application", "receiving_facility", "lot", "level"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def text_mistakes(value: Any, where: tuple[str, ...] = ()) -> Iterator[Mistake]:
    """Every one below ``value``, which stands at ``where``."""
    match value:
        case dict():
            for name, inner in value.items():
                if where[-1:] != ("columns",):  # a table's heading may be empty
                    yield from _name(name, where)
                yield from text_mistakes(inner, (*where, name))
        case list():
            for number, inner in enumerate(value):
                yield from text_mistakes(inner, (*where, str(number)))
        case str():
            yield from _text(value, where)


def _name(name: str, where: tuple[str, ...]) -> Iterator[Mistake]:
    if not name.strip():
        yield Mistake(where, "holds an empty name")
    elif _CONTROL.search(name):
        yield Mistake(where, "holds a name with a control character in it")


def _text(text: str, where: tuple[str, ...]) -> Iterator[Mistake]:
    if not text.strip() and where[-1] not in _MAY_BE_EMPTY:
        yield Mistake(where, "is empty; leave it out where there is nothing to say")
    elif _CONTROL.search(text):
        yield Mistake(where, "has a control character (a line end, a tab, ...) in it")
