"""Fields of ADT and order segments as values: persons, numbers, times, priorities.

Read as HL7 v2.3 to 2.5.1 place them, tolerant of what is missing and strict with what identifies:
a field that cannot be read raises ``NotTaken`` with its segment and number.  ``""`` reads as an
empty string (erase), an absent field as ``None``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone, tzinfo

from gateway.names import name_of
from gateway.orders.errors import missing, wrong
from gateway.orders.model import Identifier, Person
from gateway.protocols.hl7 import NULL, ErrorCode, Segment, has_control

LONGEST = 199
_SEXES = frozenset("AFMNOU")
_TIME = re.compile(
    r"(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.\d{1,4})?(?:([+-])(\d\d)(\d\d))?"
)


def value(segment: Segment, field: int, component: int = 1, subcomponent: int = 1) -> str | None:
    """Trimmed text; ``""`` in the message is an empty string, nothing is None."""
    text = segment.at(field, component, subcomponent)
    if text is None:
        return None
    text = text.strip()
    if text == NULL:
        return ""
    if len(text) > LONGEST:
        raise wrong(ErrorCode.DATA_TYPE, segment.name, field)
    return text or None


def entity(segment: Segment, field: int) -> tuple[str, str] | None:
    """EI: number and namespace."""
    number = number_at(segment, field)
    return (number, value(segment, field, 2) or "") if number else None


def number_at(segment: Segment, field: int, component: int = 1) -> str | None:
    """A number that must come back as it is: no line breaks or other control characters."""
    text = value(segment, field, component)
    if text and has_control(text):
        raise wrong(ErrorCode.DATA_TYPE, segment.name, field)
    return text


def person(pid: Segment, *, occurrence: int = 1) -> Person:
    """PID; at least one number must identify the patient."""
    found = identifiers(pid, 3) or identifiers(pid, 2)
    if not found:
        raise missing("PID", 3, occurrence)
    return Person(found, _name(pid), _birth_date(pid, occurrence), _sex(pid))


def identifiers(segment: Segment, field: int) -> tuple[Identifier, ...]:
    """CX repetitions: number, assigning authority, type."""
    found = []
    for repetition in range(1, len(segment.repetitions(field)) + 1):
        number = (segment.at(field, repetition=repetition) or "").strip()
        if not number or number == NULL:
            continue
        if len(number) > LONGEST or has_control(number):
            raise wrong(ErrorCode.DATA_TYPE, segment.name, field)
        authority = segment.at(field, 4, repetition=repetition) or ""
        kind = segment.at(field, 5, repetition=repetition) or ""
        found.append(Identifier(number, authority.strip(), kind.strip()))
    return tuple(dict.fromkeys(found))


def _name(pid: Segment) -> str | None:
    if pid.field(5) == NULL:
        return ""
    parts = [(pid.at(5, number) or "").strip() for number in range(1, 6)]
    return name_of(parts)[:LONGEST] or None


def _birth_date(pid: Segment, occurrence: int) -> str | None:
    text = value(pid, 7)
    if not text:
        return text
    match = _TIME.fullmatch(text)
    if match is None:
        raise wrong(ErrorCode.DATA_TYPE, "PID", 7, occurrence)
    year, month, day = match.groups()[:3]
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise wrong(ErrorCode.DATA_TYPE, "PID", 7, occurrence) from None
    return "-".join(part for part in (year, month, day) if part)


def _sex(pid: Segment) -> str | None:
    text = value(pid, 8)
    letter = (text or "")[:1].upper()
    return letter if letter in _SEXES else None


def moment(segment: Segment, field: int, zone: tzinfo, component: int = 1) -> datetime | None:
    """TS; without an offset it is in ``zone``.  Only a whole day or better is a time."""
    text = value(segment, field, component)
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise wrong(ErrorCode.DATA_TYPE, segment.name, field)
    if match[3] is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_offset(match) or zone)
    except ValueError:
        raise wrong(ErrorCode.DATA_TYPE, segment.name, field) from None


def _offset(match: re.Match[str]) -> tzinfo | None:
    if match[7] is None:
        return None
    shift = timedelta(hours=int(match[8]), minutes=int(match[9]))
    return timezone(-shift if match[7] == "-" else shift)
