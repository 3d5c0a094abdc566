"""Unit spellings of devices to UCUM, by a closed table.  Nothing is ever converted.

The table tells capitals from small letters (``g/L`` is grams, ``G/L`` is 10*9/L; ``K/uL`` is a
thousand a microlitre and never kelvin).  Signs for micro, superscripts and blanks are spelled one
way first.  A unit that is not in the table, the profile or the site's map is unknown.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

_SPELLING: Final = str.maketrans(
    {
        "µ": "u",  # U+00B5
        "μ": "u",  # U+03BC
        "æ": "u",  # 0xE6, the micro sign of code page 437, read as Latin-1
        "Â": "",  # a micro sign in UTF-8, read as Latin-1
        "²": "^2",
        "³": "^3",
        "⁶": "^6",
        "⁹": "^9",
        "×": "x",
        " ": "",
        "\u00a0": "",
    }
)


def spelled(unit: str) -> str:
    """The one spelling under which the table holds a unit."""
    return unit.translate(_SPELLING)


@cache
def unit_table() -> Mapping[str, str]:
    """Device spelling to UCUM; every UCUM unit of the table also stands for itself."""
    text = files("gateway.profiles").joinpath("data", "units.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    table = {row["ucum"]: row["ucum"] for row in rows}
    table.update({spelled(row["device"]): row["ucum"] for row in rows})
    return MappingProxyType(table)


def known_ucum() -> frozenset[str]:
    """Every UCUM unit the table knows."""
    return frozenset(unit_table().values())


def to_ucum(unit: str, code: str, *tables: Mapping[str, str]) -> str | None:
    """``tables`` (the site's, then the profile's) come before the common one.

    In them ``CODE:UNIT`` is the unit of one test only; nothing stands after the colon where the
    device sends no unit.
    """
    trimmed = unit.strip()
    for table in tables:
        if table:
            found = table.get(f"{code}:{trimmed}") or (table.get(trimmed) if trimmed else None)
            if found:
                return found
    return _common(trimmed) if trimmed else None


@lru_cache(maxsize=1024)
def _common(unit: str) -> str | None:
    return unit_table().get(spelled(unit))
