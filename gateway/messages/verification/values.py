"""What a receiver takes out of OBX-2 and OBX-5, held against the value of the report."""

from __future__ import annotations

from gateway.messages.destinations import DestinationProfile, ValueType
from gateway.messages.verification.comparison import same_parts
from gateway.messages.verification.readback import (
    seen_in_line,
    seen_in_text,
    unescaped,
    wire_length,
)
from gateway.report import Absent, Coded, Observation, Quantity, Range, Text, Titer

ST_LENGTH = 199
IS_LENGTH = 20
NM_LENGTH = 16


def same_value(now: Observation, value_type: str, text: str, profile: DestinationProfile) -> bool:
    """Whether it is the same value, written in the type this destination is to get it in."""
    if value_type == "NM" and isinstance(now.value, Quantity):
        return now.value.comparator is None and text == now.value.number and _is_numeric(text)
    match value_type, now.value:
        case "SN", (Quantity() | Titer() | Range()) as value:
            return profile.structured_numeric and text.split("^") == _structured(value)
        case "ST", (Quantity() | Titer() | Range()) as value:
            return needs_string(value, profile) and unescaped(text) == _in_line(value)
        case (("ST" | "FT"), Text(said)):
            return _same_text(value_type, text, said, profile)
        case (("CE" | "CWE"), Coded() as value):
            return value_type == profile.coded and _same_code(text, value, now.raw, profile)
        case (("" | "ST"), Absent()):
            return not text and value_type == ("ST" if profile.value_type_required else "")
    return False


def _same_text(value_type: str, text: str, said: str, profile: DestinationProfile) -> bool:
    line, lines = seen_in_line(said), seen_in_text(said)
    long = "\n" in lines or wire_length(line) > ST_LENGTH
    if value_type == "ST":
        return unescaped(text) == line and (not long or profile.long_text is None)
    return unescaped(text) == lines and long and profile.long_text is ValueType.FT


def _same_code(text: str, value: Coded, raw: str, profile: DestinationProfile) -> bool:
    wanted = [value.code, seen_in_line(value.text), (value.system or "L") if value.code else ""]
    original = seen_in_line(raw)
    if profile.coded is ValueType.CWE and original.strip() and wire_length(original) <= ST_LENGTH:
        wanted += ["", "", "", "", "", original]
    return same_parts(text, wanted)


def _structured(value: Quantity | Titer | Range) -> list[str] | None:
    """The components of SN; None for a plain number, which is no SN."""
    match value:
        case Quantity(number, comparator):
            return [comparator.value, number] if comparator else None
        case Titer(first, second):
            return ["", first, ":", second]
        case Range(first, second):
            return ["", first, "-", second]


def needs_string(value: Quantity | Titer | Range, profile: DestinationProfile) -> bool:
    """Whether this number (or two) can only be written as ST for this destination."""
    numbers = (value.number,) if isinstance(value, Quantity) else _both(value)
    if not all(map(_is_numeric, numbers)):
        return True
    return not profile.structured_numeric and _structured(value) is not None


def _is_numeric(number: str) -> bool:
    """Whether NM can hold it: HL7 knows no exponents."""
    return len(number) <= NM_LENGTH and "e" not in number and "E" not in number


def _in_line(value: Quantity | Titer | Range) -> str:
    match value:
        case Quantity(number, comparator):
            return f"{comparator.value if comparator else ''}{number}"
        case Titer(first, second):
            return f"{first}:{second}"
        case Range(first, second):
            return f"{first}-{second}"


def _both(value: Titer | Range) -> tuple[str, str]:
    match value:
        case Titer(first, second) | Range(first, second):
            return (first, second)
