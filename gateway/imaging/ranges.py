"""Dates and times in a query (PS3.4 C.2.2.2.5): single values, open and closed ranges.

A value is the moment span it names: ``2026`` the year, ``1030`` the minute.  Old separators
(``2026.01.05``, ``10:30``) are tolerated in both.  What is no date or time matches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DATE_LOW, _DATE_HIGH = "00000101", "99991231"
_TIME_LOW, _TIME_HIGH = "000000.000000", "235959.999999"
_LENGTHS: Final = {"DA": (4, 6, 8), "TM": (2, 4, 6)}


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends included; texts of one length, so that they compare."""

    low: str
    high: str

    def holds(self, other: Span) -> bool:
        """Whether the other begins within this one."""
        return self.low <= other.low <= self.high


def span(value: str, vr: str) -> Span | None:
    """What a single date (DA), time (TM) or date and time (DT) names; None when it is neither."""
    if vr == "DT":
        return _moment(value)
    digits, fraction = _digits(value, vr)
    if digits is None or len(digits) not in _LENGTHS[vr]:
        return None
    if vr == "DA":
        return Span(digits + _DATE_LOW[len(digits) :], digits + _DATE_HIGH[len(digits) :])
    exact = f"{digits}.{fraction}" if fraction else digits
    return Span(exact + _TIME_LOW[len(exact) :], exact + _TIME_HIGH[len(exact) :])


def asked(value: str, vr: str) -> Span | None:
    """What a key asks for: a single value or a range."""
    if vr == "DT" or "-" not in value:
        return span(value, vr)
    first, _, last = value.partition("-")
    low = span(first.strip(), vr) if first.strip() else _edge(vr)
    high = span(last.strip(), vr) if last.strip() else _edge(vr)
    if low is None or high is None:
        return None
    return Span(low.low, high.high)


def is_range(value: str) -> bool:
    return "-" in value


def joined(date: Span, time: Span) -> Span:
    """A range of dates and one of times as one stretch of time (PS3.4 table K.6-1)."""
    return Span(date.low + time.low, date.high + time.high)


def _edge(vr: str) -> Span:
    low, high = (_DATE_LOW, _DATE_HIGH) if vr == "DA" else (_TIME_LOW, _TIME_HIGH)
    return Span(low, high)


def _moment(value: str) -> Span | None:
    bare = value.strip()[:21]
    date = span(bare[:8], "DA")
    time = span(bare[8:], "TM") if len(bare) > 8 else Span(_TIME_LOW, _TIME_HIGH)
    return None if date is None or time is None else joined(date, time)


def _digits(value: str, vr: str) -> tuple[str | None, str]:
    bare = value.strip()
    whole, _, fraction = bare.partition(".") if vr == "TM" else (bare.replace(".", ""), "", "")
    whole = whole.replace(":", "") if vr == "TM" else whole
    sound = whole.isascii() and whole.isdigit() and len(fraction) <= 6
    sound = sound and (not fraction or (fraction.isdigit() and len(whole) == 6))
    return (whole if sound else None), fraction
