"""A mistake in the configuration, and the words for what a type check or a look-up found."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Mistake:
    """``where`` is the key path; ``text`` what is wrong and what is allowed."""

    where: tuple[str, ...]
    text: str


_KINDS: Final = (
    ("string", "must be text in quotes"),
    ("path", "must be a path in quotes"),
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("finite_number", "must be a number"),
    ("decimal", "must be a number"),
    ("bool", "must be true or false"),
    ("tuple", 'must be a list, e.g. ["a", "b"]'),
    ("list", 'must be a list, e.g. ["a", "b"]'),
    ("dict", "must be a table of names and values"),
    ("mapping", "must be a table of names and values"),
    ("dataclass", "must be a table, e.g. [{where}]"),
)


def words(kind: str, context: Mapping[str, Any], where: tuple[str, ...]) -> str:
    """What is allowed where a value is of the wrong type or size."""
    match kind:
        case "greater_than":
            return f"must be more than {context['gt']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
    for beginning, text in _KINDS:
        if kind.startswith(beginning):
            return text.format(where=".".join(where))
    return "has a value that is not allowed here"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A name nobody has, with the one that was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown {what} '{name}'; {hint}known: {', '.join(names) or 'none'}"
