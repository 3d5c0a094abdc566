"""Numbers as analyzers write them: ASCII digits, one point, nothing clever.

At most 20 significant digits, 40 characters and an exponent of 12; no NaN, no infinity, no digit
groups.  The text is kept as it is; a decimal comma, where the profile says so, becomes a point.
Where a device may write either, ``1,234`` stays unreadable: it may be a group of thousands.
"""

from __future__ import annotations

import re
from typing import Final

SIGNIFICANT: Final = 20
EXPONENT: Final = 12
LONGEST: Final = 40

EITHER: Final = ".,"
"""The decimal sign of devices that write a point or a comma, as their language has it."""

_COMMA: Final = re.compile(r"[+-]?(?:[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})|0,[0-9]+)")
_NUMBER: Final = re.compile(
    r"[+-]?(?P<digits>[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)


def read_number(text: str, decimal: str = ".") -> str | None:
    """The number in this text, written with a point; None when it is none or too long."""
    if decimal == EITHER:
        decimal = "," if _COMMA.fullmatch(text) else "."
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".", 1)
    if len(text) > LONGEST:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    significant = match["digits"].replace(".", "").lstrip("0")
    exponent = int(match["exponent"] or 0)
    return text if len(significant) <= SIGNIFICANT and abs(exponent) <= EXPONENT else None
