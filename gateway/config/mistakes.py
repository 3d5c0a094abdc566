"""A mistake in the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """``where`` is the key path; ``text`` what is wrong and what is allowed."""

    where: tuple[str, ...]
    text: str


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A name nobody has, with the one that was probably meant."""
    names = sorted(known)
    close = difflib.get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown {what} '{name}'; {hint}known: {', '.join(names) or 'none'}"
