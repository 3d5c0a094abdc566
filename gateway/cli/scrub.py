"""``gateway scrub``: a capture without patients, fit to be sent to somebody.

What stands where the profile says that a person or a specimen is named (and in every other field of
P records) becomes something else of the same length and kind of characters, the same for the same
text, wherever it stands; comments in words are masked.  Checksums are made anew; frames, timing,
codes, values, marks of controls and damage stay as they were.  What speaks no ASTM is scrubbed by
``gateway.cli.scrub_messages``.
"""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Final

from gateway.cli.captures import Entry, known_profile, read_entries
from gateway.cli.replacing import Replacements
from gateway.cli.scrub_messages import MessageScrubber
from gateway.errors import ConfigurationError, GatewayError
from gateway.profiles import AnalyzerProfile, Protocol
from gateway.profiles.kinds import TYPED_QC
from gateway.protocols.astm import (
    Comment,
    Direction,
    checksum,
    said,
    write_wire,
)

_FRAME: Final = re.compile(rb"\x02([0-9])([^\x02\x03\x17]*)([\x03\x17])([0-9A-Fa-f]{2})")
_PERSONAL: Final = {  # LIS02-A2 fields that may name a person or what is theirs
    "P": (3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 19, 21, 22, 23, 24, 25, 26),
    "O": (3, 11, 17, 18, 19, 20),
    "R": (11,),
    "Q": (3, 4),
    "C": (4,),
}
_KEPT: Final = re.compile(rf"(?:{TYPED_QC})|ALL|[A-Z]?|[0-9]{{1,2}}|(?i:sample|cal|ctrl|qc) ?#?")


def scrub_capture(file: Path, output: Path, profile: str, key: str | None) -> int:
    """Writes the same kind of file; GatewayError when something personal would be left."""
    chosen = known_profile(profile)
    secret = key.encode() if key else secrets.token_bytes(16)
    entries, transcript = read_entries(file)
    scrubber: Scrubber | MessageScrubber
    if chosen.link.protocol in (Protocol.ASTM, Protocol.RECORDING):
        scrubber = Scrubber(chosen, secret)
    else:
        scrubber = MessageScrubber(chosen, secret)
    replaced = _entries(entries, scrubber)
    if isinstance(scrubber, MessageScrubber) and scrubber.unread:
        raise GatewayError(
            f"{file}: {scrubber.unread} message(s) could not be read with {profile} and may name "
            "people; nothing was written. Another profile? 'gateway decode' shows what is wrong"
        )
    cleaned = write_wire(replaced).encode() if transcript else said(replaced)
    if scrubber.leaks(cleaned):
        raise GatewayError(f"{file}: something personal would be left; nothing was written")
    try:
        with output.open("xb") as target:
            target.write(cleaned)
    except OSError as error:
        why = "exists already" if isinstance(error, FileExistsError) else error.strerror
        raise ConfigurationError([f"{output}: {why}"]) from None
    print(f"{output}: {scrubber.count} texts replaced; read it before you send it", file=sys.stderr)
    return 0


def _entries(entries: tuple[Entry, ...], scrubber: Scrubber | MessageScrubber) -> list[Entry]:
    sides = {side: said(entries, side) for side in Direction}
    for data in sides.values():
        scrubber.learn(data)
    cleaned = {side: memoryview(scrubber.clean(data)) for side, data in sides.items()}
    written: list[Entry] = []
    taken = dict.fromkeys(Direction, 0)
    for entry in entries:
        if isinstance(entry, Comment):
            words = scrubber.clean(entry.text.encode()).decode("utf-8", "replace")
            written.append(Comment(words))
            continue
        start = taken[entry.direction]
        taken[entry.direction] = end = start + len(entry.data)
        written.append(replace(entry, data=bytes(cleaned[entry.direction][start:end])))
    return written


class Scrubber(Replacements):
    """Replacements of one ASTM capture."""

    def __init__(self, profile: AnalyzerProfile, secret: bytes) -> None:
        super().__init__(secret)
        self._places = _places(profile)

    def learn(self, data: bytes) -> None:
        """Remembers every personal text of the frames and records in ``data``."""
        for text, _ in _texts(data):
            for original in self._personal(text):
                self.replace(original)

    def clean(self, data: bytes) -> bytes:
        """The same number of bytes; checksums that were right are right again, others as wrong."""
        changed = bytearray(data)
        for text, places in _texts(data):
            for at, byte in zip(places, self._replaced(text), strict=True):
                changed[at] = byte
        for start, end in _gaps(data):
            changed[start:end] = self.everywhere(bytes(changed[start:end]))
        for frame in _FRAME.finditer(data):
            _correct(changed, data, frame)
        return bytes(changed)

    def _replaced(self, text: bytes) -> bytes:
        """By position, then the same texts wherever else they stand."""
        pieces = bytearray(text)
        for start, end in self._spans(text):
            pieces[start:end] = self._known.get(text[start:end], text[start:end])
        return self.everywhere(bytes(pieces))

    def _personal(self, text: bytes) -> Iterator[bytes]:
        for start, end in self._spans(text):
            yield text[start:end]

    def _spans(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where in joined records a person may be named: each part between delimiters."""
        delimiters = b"|\\^&"
        for record in re.finditer(rb"[^\r\n]+", text):
            raw, letter = record[0], record[0][:1].decode("latin-1").upper()
            if letter == "H" and len(raw) > 4:
                delimiters = raw[1:5]
            ends = list(accumulate(len(field) + 1 for field in raw.split(delimiters[:1])))
            inner = re.escape(delimiters[1:3])
            for number in self._places.get(letter, ()):
                if number > len(ends):
                    continue
                start = ends[number - 2] if number > 1 else 0
                field = raw[start : ends[number - 1] - 1]
                for part in re.finditer(rb"[^" + inner + rb"]+", field):
                    word = part[0].strip()
                    if word and not _KEPT.fullmatch(word.decode("latin-1")):
                        begin = record.start() + start + part.start() + part[0].index(word)
                        yield begin, begin + len(word)


def _places(profile: AnalyzerProfile) -> dict[str, tuple[int, ...]]:
    """Field numbers by record letter: the standard's and the profile's own."""
    where = profile.where
    paths = [*where.specimen, *where.patient, *where.name]
    paths += [path for path in (where.birth, where.operator) if path]
    places = {letter: set(numbers) for letter, numbers in _PERSONAL.items()}
    for path in paths:
        letter, number = path.split(".")[:2]
        places.setdefault(letter, set()).add(int(number.partition("[")[0]))
    return {letter: tuple(sorted(numbers)) for letter, numbers in places.items()}


def _texts(data: bytes) -> Iterator[tuple[bytes, list[int]]]:
    """The joined text of frames, or of bare records, with the place of each byte in ``data``."""
    frames = list(_FRAME.finditer(data))
    if not frames:
        yield data, list(range(len(data)))
        return
    places: list[int] = []
    for frame in frames:
        if frame[1] == b"1" and data[frame.start(2) : frame.start(2) + 2] == b"H|":
            yield bytes(data[at] for at in places), places
            places = []
        places += range(frame.start(2), frame.end(2))
    yield bytes(data[at] for at in places), places


def _gaps(data: bytes) -> Iterator[tuple[int, int]]:
    """What stands between frames."""
    end = 0
    for frame in _FRAME.finditer(data):
        yield end, frame.start()
        end = frame.end()
    if end:
        yield end, len(data)


def _correct(changed: bytearray, data: bytes, frame: re.Match[bytes]) -> None:
    """A sum that was off by something is off by as much again."""
    start, end = frame.start(1), frame.end(3)
    before, after = checksum(data[start:end]), checksum(bytes(changed[start:end]))
    digits = b"%02X" % ((after + int(frame[4], 16) - before) % 256)
    changed[frame.start(4) : frame.end(4)] = digits.lower() if frame[4].islower() else digits
