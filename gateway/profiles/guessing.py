"""What bytes of an unknown device look like: the wire language, and the profiles that know it.

A guess is said aloud and used for nothing: no result is read by it.  A language counts when a whole
message of it is there; without one the first bytes are described.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from gateway.profiles.catalogue import catalogue
from gateway.profiles.context import Context
from gateway.profiles.link import Link, Protocol
from gateway.profiles.normalize import interpret
from gateway.profiles.recognition import identify
from gateway.profiles.recording import read_recording
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.table_reading import read_table
from gateway.profiles.text_views import GENERIC, LIS3, decode
from gateway.protocols.errors import ProtocolError
from gateway.protocols.tables import Content, content_of
from gateway.protocols.text import CODECS
from gateway.report import ProblemCode

_LARGEST: Final = 65_536
_MOST: Final = 3
_NOBODY: Final = Context("guess", ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC), "guess")
_STARTS: Final[Mapping[bytes, str]] = {
    b"\x05": "ASTM frames, or another language that asks before it sends",
    b"\x02": "text between STX and ETX, or frames without their enquiry",
    b"\x0b": "HL7 in MLLP, cut off",
    b"\x01": "an envelope of ASTM records, cut off",
    b"<": "XML, cut off",
    b"MSH": "HL7 without MLLP, cut off",
    b"\x10": "blocks that begin with DLE",
}


@dataclass(frozen=True, slots=True)
class Guess:
    """``profiles`` may read it; the first one whose signature stands in it, where one does."""

    language: str
    messages: int = 0
    profiles: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Words for a person; no text of the device."""
        words = self.language
        if self.messages:
            words += f", {self.messages} whole message{'s' if self.messages > 1 else ''}"
        return words + (f"; perhaps {' or '.join(self.profiles)}" if self.profiles else "")


def guess(data: bytes) -> Guess:
    """The likeliest language of what a device sent, by its first 64 KiB."""
    return _guess(data[:_LARGEST])


@lru_cache(maxsize=8)
def _guess(data: bytes) -> Guess:
    return next(_guesses(data), None) or Guess(_beginning(data))


def _guesses(data: bytes) -> Iterator[Guess]:
    known = catalogue()
    yield from _spoken("ASTM", data, known["generic-astm"].link, "generic-astm")
    yield from _spoken("HL7", data, known["generic-hl7"].link, "generic-hl7", b"MSH")
    yield from _spoken("POCT1-A", data, known["generic-poct1a"].link, "generic-poct1a")
    yield from _spoken("LIS3", data, Link(Protocol.TEXT, "tcp", codec=LIS3))
    marked = [name for name, codec in CODECS.items() if codec.checked or codec.framing.anchored]
    yield from _text(data, sorted(marked, key=lambda name: not CODECS[name].checked))
    if content_of(data) is not Content.HL7 and read_table(data, known["file-drop"]).groups:
        yield Guess("an exported table", 1, ("file-drop",))
    yield from _text(data, [name for name in CODECS if name not in marked])
    if _readable(data, known[GENERIC]):
        yield Guess("lines of text", 1, (GENERIC,))


def _spoken(
    name: str, data: bytes, link: Link, generic: str = "", start: bytes = b""
) -> Iterator[Guess]:
    found = (one for one in read_recording([(data, 0.0)], link) if one.complete)
    whole = [one.payload for one in found if one.payload.startswith(start)]
    if whole:
        profiles = _candidates(whole, link) or ((generic,) if generic else ())
        yield Guess(name, len(whole), profiles[:_MOST])


def _candidates(whole: list[bytes], link: Link) -> tuple[str, ...]:
    """Profiles whose signature stands there, else those that know every test in it."""
    same = [
        profile
        for profile in catalogue().values()
        if (profile.link.protocol, profile.link.codec) == (link.protocol, link.codec)
    ]
    if link.codec is not None:
        return tuple(profile.name for profile in same)
    certain = [p.name for p in same if any(identify(one, p).certain for one in whole)]
    return tuple(certain or (p.name for p in same if not p.generic and _readable(whole[0], p)))


def _readable(payload: bytes, profile: AnalyzerProfile) -> bool:
    """Whether there are results, none of a test the profile does not know."""
    reports = interpret(payload, profile, _NOBODY).reports
    wrong = {ProblemCode.UNKNOWN_DEVICE, ProblemCode.MALFORMED_RECORD}
    wrong |= set() if profile.generic else {ProblemCode.UNKNOWN_TEST}
    codes = {problem.code for report in reports for problem in report.problems}
    return any(report.observations for report in reports) and not codes & wrong


def _text(data: bytes, codecs: Iterable[str]) -> Iterator[Guess]:
    for codec in codecs:
        link = Link(Protocol.TEXT, "serial", codec=codec)
        whole = [one.payload for one in read_recording([(data, 0.0)], link) if one.complete]
        if not whole or not all(_fits(one, codec) for one in whole):
            continue
        profiles = _candidates(whole, link)
        marked = CODECS[codec].checked or CODECS[codec].framing.anchored
        if marked or any(_readable(whole[0], catalogue()[name]) for name in profiles):
            yield Guess("plain text", len(whole), profiles[:_MOST])


def _fits(payload: bytes, codec: str) -> bool:
    try:
        fields = decode(payload, codec)
    except ProtocolError:
        return False
    rows = [row for row in fields.rows if row.name.strip()]
    return bool(rows) and not fields.problems and not any(row.problems for row in rows)


def _beginning(data: bytes) -> str:
    start = data.lstrip(b"\x00\xff\r\n")
    for mark, words in _STARTS.items():
        if start.startswith(mark):
            return words
    if not start:
        return "nothing but line ends and idle bytes"
    printable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in data)
    return "lines of text" if printable * 10 > len(data) * 9 else "binary, or another line speed"
