"""A device's host query (LIS02-A2 Q record) as a value, read where its profile says.

Q-3 holds ids joined by the repeat delimiter, or ``ALL``; with Q-4 it is a range.  Q-5 names tests
or ``ALL``, Q-7 and Q-8 a time range, and Q-13 ``A`` takes an earlier query back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.profiles import AnalyzerProfile
from gateway.profiles.link import HostQuery
from gateway.protocols.astm import At, Record, decode

_EVERYTHING = "ALL"
MOST_IDS = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """An id and the whole of Q-3 it stood in, for devices that want rack and position back."""

    specimen: str
    cell: tuple[str, ...]

    def __repr__(self) -> str:
        return "Asked()"


@dataclass(frozen=True, slots=True)
class Query:
    """``everything``: all that waits.  ``until`` makes a range of the first id."""

    asked: tuple[Asked, ...]
    everything: bool
    until: str | None
    tests: frozenset[str] | None
    cancels: bool


def read_queries(payload: bytes, profile: AnalyzerProfile) -> tuple[Query, ...]:
    """The queries of a transmission; none when it is something else."""
    place = profile.query
    if place is None or (b"Q" not in payload and b"q" not in payload):
        return ()
    messages = decode(payload, profile.encoding)
    nodes = [node for message in messages for node in message.queries]
    return tuple(_query(node.record, place) for node in nodes)


def _query(record: Record, place: HostQuery) -> Query:
    where = At.parse(place.specimen)
    asked = tuple(_asked(record, where))[:MOST_IDS]
    cells = [part.strip().upper() for part in record.field(where.field).split()]
    everything = any(one.specimen.upper() == _EVERYTHING for one in asked)
    everything = everything or _says_all(record, where.field) or not (asked or cells)
    end = record.components(where.field + 1)
    until = (end[(where.component or 1) - 1].strip() or None) if _long(end, where) else None
    named = tuple(_tests(record, At.parse(place.tests).field))
    return Query(
        () if everything else asked,
        everything,
        until,
        None if not named or _EVERYTHING in (one.upper() for one in named) else frozenset(named),
        (record.at("Q.13") or "").strip().upper() == "A",
    )


def _asked(record: Record, where: At) -> Iterator[Asked]:
    for number in range(1, len(record.repeats(where.field)) + 1):
        cell = record.components(where.field, number)
        if _long(cell, where) and (text := cell[(where.component or 1) - 1].strip()):
            yield Asked(text, cell)
        elif len(cell) == 1 and cell[0].strip():
            yield Asked(cell[0].strip(), cell)


def _long(cell: tuple[str, ...], where: At) -> bool:
    return len(cell) >= (where.component or 1)


def _says_all(record: Record, field: int) -> bool:
    return any(part.strip().upper() == _EVERYTHING for part in record.components(field))


def _tests(record: Record, field: int) -> Iterator[str]:
    for number in range(1, len(record.repeats(field)) + 1):
        filled = [part.strip() for part in record.components(field, number) if part.strip()]
        if filled:
            yield filled[-1]
