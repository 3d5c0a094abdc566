"""Times as devices write them, in the zone of the device's clock.

A form is written with YYYY, YY, MM, MON, DD, hh, mm and ss; everything else stands for itself.
Behind a time of day a fraction of the second and an offset from UTC (``+0100``, ``+01:00``, ``Z``)
may follow.

Nothing is invented: a date without a time of day gives no moment, a time that the clocks skipped
is unreadable, one that they had twice is the earlier one and marked so.  Zeros only mean absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

_TOKENS: Final = re.compile("YYYY|YY|MON|MM|DD|hh|mm|ss")
_DIGITS: Final = {
    "YYYY": "(?P<year>[0-9]{4})",
    "YY": "(?P<short>[0-9]{2})",
    "MM": "(?P<month>[0-9]{2})",
    "MON": "(?P<name>[A-Za-z]{3})",
    "DD": "(?P<day>[0-9]{2})",
    "hh": "(?P<hour>[0-9]{2})",
    "mm": "(?P<minute>[0-9]{2})",
    "ss": "(?P<second>[0-9]{2})",
}
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_FRACTION: Final = r"(?:\.(?P<fraction>[0-9]{1,9}))?"
_OFFSET: Final = "(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?"
_ZEROS: Final = re.compile("[0 /:.-]*")


@dataclass(frozen=True, slots=True)
class ClockLimits:
    """How far a device's times may be from when they were received.

    Beyond ``ahead`` and ``old`` they are marked, beyond ``future`` and ``stale`` held.  A device
    that sends stored results sends old ones, so by default none is held for its age.
    """

    ahead: timedelta = timedelta(minutes=5)
    future: timedelta = timedelta(minutes=60)
    old: timedelta = timedelta(days=7)
    stale: timedelta | None = None

    def doubts(self, early: timedelta) -> bool:
        """Whether a time is worth a mark that is ``early`` after its reception."""
        return early > self.ahead or -early > self.old or self.holds(early)

    def holds(self, early: timedelta) -> bool:
        """Whether a person has to look."""
        return early > self.future or (self.stale is not None and -early > self.stale)


LIMITS: Final = ClockLimits()


class When(NamedTuple):
    """``moment`` has a fixed offset; ``day`` alone where no time of day was given.  ``second`` is
    the later moment of the same wall clock, in the hour the clocks had twice."""

    moment: datetime | None = None
    day: date | None = None
    second: datetime | None = None

    @property
    def twice(self) -> bool:
        return self.second is not None


class UnreadableTime(ValueError):
    """No form fits, or there is no such day or hour."""


ABSENT: Final = When()


@lru_cache(maxsize=512)
def read_time(text: str, forms: tuple[str, ...], zone: tzinfo, today: date) -> When:
    """``today`` settles the century of two-digit years.  UnreadableTime when no form fits."""
    trimmed = text.strip()
    if _ZEROS.fullmatch(trimmed):
        return ABSENT
    for form in forms:
        match = _pattern(form).fullmatch(trimmed)
        if match is not None:
            return _existing(match.groupdict(), zone, today)
    raise UnreadableTime("no form of a time fits")


def _existing(found: dict[str, str | None], zone: tzinfo, today: date) -> When:
    try:
        return _when(found, zone, today)
    except (ValueError, OverflowError) as error:  # the year 1 or 9999, beyond what UTC has
        raise UnreadableTime(str(error)) from None


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    pieces, position = [], 0
    for token in _TOKENS.finditer(form):
        pieces += [re.escape(form[position : token.start()]), _DIGITS[token[0]]]
        position = token.end()
    pieces.append(re.escape(form[position:]))
    if "ss" in form:
        pieces.append(_FRACTION)
    if "hh" in form:
        pieces.append(_OFFSET)
    return re.compile("".join(pieces))


def _when(found: dict[str, str | None], zone: tzinfo, today: date) -> When:
    day = _day(found, today)
    hour = found.get("hour")
    if hour is None:
        return When(day=day)
    moment = datetime(
        day.year,
        day.month,
        day.day,
        int(hour),
        int(found.get("minute") or 0),
        int(found.get("second") or 0),
        int((found.get("fraction") or "").ljust(6, "0")[:6]),
        tzinfo=zone,
    )
    offset = found.get("offset")
    if offset:
        exact = moment.replace(tzinfo=_offset(offset))
        exact.astimezone(UTC)
        return When(exact, day)
    return _local(moment, zone)


def _day(found: dict[str, str | None], today: date) -> date:
    month = found.get("month")
    name = (found.get("name") or "").upper()
    number = int(month) if month else _MONTHS.index(name) + 1
    return date(_year(found, today), number, int(found.get("day") or 1))


def _year(found: dict[str, str | None], today: date) -> int:
    """Two digits mean the latest such year that is not after next year."""
    year, short = found.get("year"), found.get("short")
    if short is None:
        return int(year or 0)
    last = today.year + 1
    return last - (last - int(short)) % 100


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":"))
    if hours > 14 or minutes > 59:
        raise ValueError("not an offset from UTC")
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if text[0] == "-" else delta)


def _local(moment: datetime, zone: tzinfo) -> When:
    there_and_back = moment.astimezone(UTC).astimezone(zone)
    if there_and_back.replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise ValueError("the clocks skipped this time")
    first, second = _fixed(moment), _fixed(moment.replace(fold=1))
    return When(first, moment.date(), second if second != first else None)


def _fixed(moment: datetime) -> datetime:
    """With the offset it has: sums and comparisons of times in one zone go by the wall clock, and
    a time of the hour the clocks had twice equals none of another zone (PEP 495)."""
    return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta()), fold=0)


def settled(when: When, received_at: datetime, limits: ClockLimits = LIMITS) -> When:
    """Of a time the clocks had twice, the first where the second had not come yet."""
    if when.second is not None and when.second - received_at > limits.ahead:
        return when._replace(second=None)
    return when


def write_time(moment: datetime, form: str) -> str:
    """The wall clock of ``moment`` in a form; without its offset, as devices write it."""
    texts = {
        "YYYY": f"{moment:%Y}",
        "YY": f"{moment:%y}",
        "MON": _MONTHS[moment.month - 1],
        "MM": f"{moment:%m}",
        "DD": f"{moment:%d}",
        "hh": f"{moment:%H}",
        "mm": f"{moment:%M}",
        "ss": f"{moment:%S}",
    }
    return _TOKENS.sub(lambda token: texts[token[0]], form)
