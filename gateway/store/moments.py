"""Times in the store: whole microseconds since 1970 UTC, so that both sorting and zones are plain.

Only aware datetimes go in; what comes out is in UTC and equal to what went in.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since the epoch.  A naive datetime raises ``TypeError``."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def optional_from_micros(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
