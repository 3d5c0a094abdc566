"""Does this message say what the report says, all of it, and nothing else?

Every field is compared with the report: ids, values, comparators, units, flags, ranges, statuses,
times, notes, the number and order of segments, and that every other field is empty.  Values are
compared the way a receiver takes them, from OBX-2 and OBX-5 back to a value.  Whatever differs
raises NotEncodable with the position.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import Envelope
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.verification.readback import read_segments
from gateway.messages.verification.request import check_request
from gateway.messages.verification.results import check_results
from gateway.messages.verification.structure import check_structure, structure
from gateway.messages.verification.tables import COMPLETE_TABLES, Key, known, learn, table
from gateway.report import Kind, Report

Segments = Sequence[list[str]]


Tables = Mapping[Key, Any]
_COMPARED: Final = ("HL70001", "HL70078")


def load_tables(profile: DestinationProfile) -> None:
    """Compiles the rules ``verify`` needs for this profile; some tenths of a second, once."""
    structure(profile.structure, profile.version)
    for number in _COMPARED:
        table(number, COMPLETE_TABLES)


def tables_of(profiles: Iterable[DestinationProfile]) -> Tables:
    """What ``load_tables`` looks up for these profiles, for another process."""
    for profile in profiles:
        load_tables(profile)
    return known()


def take_tables(tables: Tables) -> None:
    """From another process: ``load_tables`` then takes no time, and the library is not loaded."""
    learn(tables)


def verify(message: bytes, report: Report, envelope: Envelope, profile: DestinationProfile) -> None:
    """Returns quietly when the message is faithful; raises NotEncodable otherwise."""
    if report.kind is not Kind.PATIENT:
        raise NotEncodable(Obstacle.NOT_A_PATIENT_RUN, "report")
    segments = read_segments(message, profile.charset.codec)
    for fields in segments:
        if fields[0] not in profile.segments:
            raise NotEncodable(Obstacle.SEGMENT_NOT_ALLOWED, "message")
        if not fields[-1] and (fields[0] != "PID" or len(fields) - 1 != profile.pid_fields):
            raise NotEncodable(Obstacle.DIFFERENT, f"{fields[0]}-{len(fields) - 1}")
    check_structure(segments, structure(profile.structure, profile.version))
    head, results, tail = _divided(segments)
    check_results(results, report, envelope, profile)
    check_request(head, tail, results, report, envelope, profile)


def _divided(segments: Segments) -> tuple[Segments, Segments, Segments]:
    """What stands before the first OBX, the OBX with their notes, and what follows these."""
    names = [fields[0] for fields in segments]
    if "OBX" not in names:
        raise NotEncodable(Obstacle.DIFFERENT, "OBX")
    first = names.index("OBX")
    last = next((i for i in range(first, len(names)) if names[i] not in ("OBX", "NTE")), None)
    end = len(names) if last is None else last
    return segments[:first], segments[first:end], segments[end:]
