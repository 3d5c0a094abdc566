"""LOINC codes: their check digit, and the small list of tests that ships with the gateway.

The list is ``data/analytes.csv``; its notice stands beside it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_LOINC: Final = re.compile("([1-9][0-9]{0,6})-([0-9])")


@dataclass(frozen=True, slots=True)
class Term:
    """``name`` is the long common name as published; ``analyte`` our own short description."""

    code: str
    analyte: str
    unit: str | None
    name: str | None = None

    @property
    def display(self) -> str:
        return self.name or self.analyte


def is_loinc(code: str) -> bool:
    """Whether this has the form of a LOINC code and the right check digit (mod 10)."""
    match = _LOINC.fullmatch(code)
    return match is not None and check_digit(match[1]) == int(match[2])


def check_digit(number: str) -> int:
    """The digit behind the dash: every second digit from the right counts twice."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        weighted = int(digit) * (2 if position % 2 == 0 else 1)
        total += weighted // 10 + weighted % 10
    return -total % 10


@cache
def terms() -> Mapping[str, Term]:
    """The list, by code.  A code that stands there twice keeps its first line."""
    found: dict[str, Term] = {}
    for row in _rows("analytes.csv"):
        name = names().get(row["LOINC"])
        term = Term(row["LOINC"], row["analyte"], row["UCUM default"] or None, name)
        found.setdefault(term.code, term)
    return MappingProxyType(found)


def display_of(code: str) -> str | None:
    """A name to show; None for a code that is in neither list."""
    term = terms().get(code)
    return term.display if term else names().get(code)


@cache
def names() -> Mapping[str, str]:
    """Long common names, by code."""
    return {row["LOINC"]: row["long common name"] for row in _rows("loinc-names.csv")}


def _rows(name: str) -> list[dict[str, str]]:
    text = files("gateway.profiles").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
