"""Data types of HL7 v2.5.1 chapter 2A, and which of them an OBX-5 may hold under which OBX-2.

Lengths and forms are those of the primitive types; codes are enforced for the tables in
``CHECKED_TABLES`` only.  Texts are looked at as they stand on the wire, escapes included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gateway.messages.errors import Obstacle

CHECKED_TABLES = frozenset(
    f"HL7{number}"
    for number in (
        *("0001", "0004", "0008", "0027", "0038", "0065", "0074", "0076", "0078", "0085"),
        *("0103", "0105", "0119", "0123", "0125", "0155", "0200", "0211", "0369", "0396"),
    )
)
"""Tables whose codes are enforced; the others are the site's own or lists that are never whole."""

_ALSO_VALID = {
    "HL70078": frozenset(),
    "HL70125": frozenset({"CWE"}),
    "HL70396": frozenset({"UCUM", "SCT", "HL70353"}),
}
"""What 2.5.1 allows and hl7apy's copy of its tables lacks."""

_SYSTEM = re.compile("[A-Z0-9+]{1,12}")
_LOCAL_SYSTEM = re.compile("99[A-Z0-9]{1,4}|HL7[0-9]{4}|ISO[0-9]{1,4}")
_NUMERIC = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_YEAR = r"[0-9]{4}(?:(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_HOURS = r"(?:[01][0-9]|2[0-3])"
_ZONE = r"(?:[+-](?:0[0-9]|1[0-4])[0-5][0-9])?"
_TIME = rf"{_HOURS}(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{{1,4}})?)?)?"
_DATE_PATTERN = rf"{_YEAR}(?:{_DAY})?)?"
_MOMENT_PATTERN = rf"{_YEAR}(?:{_DAY}(?:{_TIME})?)?)?{_ZONE}"

_PATTERNS = {
    "NM": re.compile(_NUMERIC),
    "SI": re.compile("[0-9]{1,4}"),
    "DT": re.compile(_DATE_PATTERN),
    "TM": re.compile(_TIME + _ZONE),
    "DTM": re.compile(_MOMENT_PATTERN),
}
_LENGTHS = {"ST": 199, "IS": 20, "NM": 16, "FT": 65536, "TX": 65536, "ID": 199, "TN": 199}
_DEFAULT_LENGTH = 199

Leaf = Callable[[str], Obstacle | None]
"""None when a text is good."""


def typed(datatype: str) -> Leaf:
    pattern = _PATTERNS.get(datatype)
    limit = _LENGTHS.get(datatype, _DEFAULT_LENGTH)

    def check(text: str) -> Obstacle | None:
        if len(text) > limit:
            return Obstacle.TOO_LONG
        if "^" in text or "&" in text or (pattern and pattern.fullmatch(text) is None):
            return Obstacle.DATA_TYPE
        return None

    return check


def code_of(number: str, codes: frozenset[str]) -> Leaf:
    valid = (codes - {"null"}) | _ALSO_VALID.get(number, frozenset())

    def check(text: str) -> Obstacle | None:
        if text in valid or (number == "HL70396" and _LOCAL_SYSTEM.fullmatch(text)):
            return None
        return Obstacle.TABLE_VALUE

    return check


def composite(checks: Sequence[Leaf], separator: str) -> Leaf:
    """A type of components (or subcomponents), any of which may be empty or left out."""

    def check(text: str) -> Obstacle | None:
        parts = text.split(separator)
        if len(parts) > len(checks):
            return Obstacle.TOO_MANY
        for part, one in zip(parts, checks, strict=False):
            if part:
                obstacle = one(part)
                if obstacle is not None:
                    return obstacle
        return None

    return check


def anything(text: str) -> Obstacle | None:
    return None


def nothing(text: str) -> Obstacle | None:
    return Obstacle.TOO_MANY


_SN_COMPARATORS = frozenset(("", ">", "<", ">=", "<=", "=", "<>"))
_SN_SEPARATORS = frozenset(("", "-", "+", "/", ".", ":"))


def fits_value_type(value_type: str, text: str) -> bool:
    """Whether OBX-5 can be what OBX-2 says; an empty one always can."""
    return not text or _VALUE_CHECKS.get(value_type, _never)(text)


def _is_number(text: str) -> bool:
    return len(text) <= _LENGTHS["NM"] and _PATTERNS["NM"].fullmatch(text) is not None


def _is_structured(text: str) -> bool:
    comparator, first, separator, second = (*text.split("^"), "", "", "")[:4]
    numbers = _is_number(first) and (_is_number(second) if separator else not second)
    closed = comparator in _SN_COMPARATORS and separator in _SN_SEPARATORS
    return text.count("^") <= 3 and closed and numbers


def _is_line(text: str) -> bool:
    return len(text) <= _LENGTHS["ST"] and not set(text) & set("^&~")


def _is_formatted(text: str) -> bool:
    return len(text) <= _LENGTHS["FT"] and not set(text) & set("^&~")


def _is_coded(parts: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        components = text.split("^")
        short = all(len(component) <= _LENGTHS["ST"] for component in components)
        systems = (part for part in components[2:6:3] if part)
        known = all(_SYSTEM.fullmatch(system) for system in systems)
        return len(components) <= parts and short and known and not set(text) & set("&~")

    return check


def _never(text: str) -> bool:
    return False


_VALUE_CHECKS: dict[str, Callable[[str], bool]] = {
    "NM": _is_number,
    "SN": _is_structured,
    "ST": _is_line,
    "FT": _is_formatted,
    "CE": _is_coded(6),
    "CWE": _is_coded(9),
}
