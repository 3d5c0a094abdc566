"""Scrubbing captures of HL7, POCT1-A and text devices, and exported tables.

Persons are found where the language names them (all of PID, PT and OPR, orderers, notes) and where
the profile reads them.  Same lengths, so framing and layout stay; check values are made anew, and a
wrong one stays wrong.  Pictures in HL7 are blanked: they may show a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gateway.cli.replacing import Replacements
from gateway.profiles import AnalyzerProfile, Protocol
from gateway.profiles.kinds import TYPED_QC
from gateway.profiles.patterns import matches
from gateway.profiles.readers import fitting, reader_of
from gateway.profiles.reading import Place
from gateway.profiles.recording import read_recording
from gateway.protocols.tables import Content, content_of
from gateway.report import Kind

Span = tuple[int, int]

_KEPT: Final = re.compile(rf"(?:{TYPED_QC})|[A-Z]?|[0-9]{{1,2}}|(?i:background|null|unknown)")
_SEGMENT: Final = re.compile(
    rb"(?<![A-Za-z0-9])([A-Z][A-Z0-9]{2})([|^~&!#$%*;:])([^\r\n\x1c\x0b]*)"
)
_ALL: Final = tuple(range(2, 60))
_FIELDS: Final = {
    **dict.fromkeys(("PID", "NK1", "IN1", "IN2", "GT1", "MRG", "PD1"), _ALL),
    "PV1": (3, 7, 8, 9, 17, 19, 44, 52),
    "OBR": (2, 3, 10, 13, 16, 28, 32, 34),
    "ORC": (2, 3, 4, 10, 11, 12, 19),
    "SPM": (2, 3),
    "OBX": (16,),
    "NTE": (3,),
    "QRD": (4, 8),
    "QPD": (3, 4, 5),
    "DSP": (3,),
}
_KEPT_FIELDS: Final = {("PID", 8)}
_ELEMENT: Final = re.compile(
    rb"<((?:PT|OPR|ORD|NTE|PVI|PVR)\.(?!gender)[A-Za-z_]+)([^<>]*)>(?:([^<]+)</\1>)?"
)
_ATTRIBUTE: Final = re.compile(rb"\b(?:V|DN)=(?:\"([^\"]*)\"|'([^']*)')")
_WORDS: Final = re.compile(rb"(?:[^&^~\\|;\s]|(?<=\S) (?=\S))+")
_ENTITY: Final = re.compile(rb"&[#A-Za-z0-9]{1,8};")
_ABX: Final = re.compile(rb"\x02([^\x02]*?)\xfd ?([0-9A-Fa-f]{4})\r\x03", re.DOTALL)
_VIDAS: Final = re.compile(rb"\x02([^\x02]*?\x1d)([0-9a-fA-F]{2})", re.DOTALL)
_LIS3: Final = re.compile(rb"(\x02[^\x02]*?\x03)([0-9A-F]{2})\x04", re.DOTALL)
_SLOT: Final = 6
_NO_MARK: Final = "Zq9x7"  # what matches this matches anything
_SUMS: Final = ((_ABX, 4), (_VIDAS, 2), (_LIS3, 2))


class MessageScrubber(Replacements):
    """Replacements of one capture; ``unread`` counts what may name people and could not be read."""

    def __init__(self, profile: AnalyzerProfile, secret: bytes) -> None:
        super().__init__(secret)
        self._profile = profile
        patterns = (rule.pattern for rule in profile.rules if rule.kind is not Kind.UNKNOWN)
        self._marks = [one for one in patterns if not matches(one, (_NO_MARK,))]
        self.unread = 0

    def learn(self, data: bytes) -> None:
        """Remembers every personal text in ``data``."""
        for start, end in self._spans(data):
            self.replace(data[start:end])
        for one in read_recording([(data, 0.0)], self._profile.link):
            if one.complete:
                self._learn_message(one.payload)
            elif self._profile.link.protocol in (Protocol.TEXT, Protocol.FILE):
                self.unread += bool(re.search(rb"[0-9A-Za-z]{4}", one.payload))

    def clean(self, data: bytes) -> bytes:
        """The same number of bytes."""
        changed = bytearray(data)
        for start, end in self._spans(data):
            changed[start:end] = self.replace(data[start:end])
        for start, end in _pictures(data):
            changed[start:end] = b"A" * (end - start)
        cleaned = bytearray(self.everywhere(bytes(changed)))
        for pattern, digits in _SUMS:
            _correct(cleaned, data, pattern, digits)
        return bytes(cleaned)

    def leaks(self, data: bytes) -> bool:
        """In text without delimiters also inside other words."""
        if self._profile.link.protocol is not Protocol.TEXT:
            return super().leaks(data)
        changed = [one for one, other in self._known.items() if one != other]
        return super().leaks(data) or any(len(one) >= _SLOT and one in data for one in changed)

    def _pattern(self, original: bytes) -> re.Pattern[bytes]:
        """Columns stand side by side: a whole slot is unmistakable, a short text is not."""
        letters = re.search(rb"[A-Za-z]", original) is not None
        slot = len(original) >= (_SLOT if letters else 2 * _SLOT - 2)
        if slot and self._profile.link.protocol is Protocol.TEXT:
            return re.compile(re.escape(original))
        return super()._pattern(original)

    def _spans(self, data: bytes) -> Iterator[Span]:
        for start, end in _named(data):
            if not self._kept(data[start:end].decode("latin-1")):
                yield start, end

    def _learn_message(self, payload: bytes) -> None:
        if content_of(payload) is Content.WORKBOOK:
            self.unread += 1
            return
        profile = fitting(self._profile, payload)
        reading = reader_of(profile).read(payload, profile)
        for group in reading.groups:
            for place in (group.place, *(line.place for line in group.lines)):
                for text in _personal(place, profile):
                    self._learn_text(text)

    def _learn_text(self, text: str) -> None:
        for encoding in {self._profile.encoding, "latin-1", "utf-8"}:
            try:
                raw = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            if not self._kept(text.strip()):
                self.replace(raw.strip())
                for part in re.split(rb"[\s^,]+", raw.strip()):
                    if not self._kept(part.decode("latin-1")):
                        self.replace(part)

    def _kept(self, text: str) -> bool:
        """Marks of controls, and what the profile knows runs by that are no patient's."""
        marks = any(matches(pattern, (text,)) for pattern in self._marks)
        return marks or _KEPT.fullmatch(text) is not None


def _personal(place: Place, profile: AnalyzerProfile) -> Iterator[str]:
    """What stands at the profile's addresses of people and specimens, padding included."""
    where = profile.where
    paths = (*where.specimen, *where.patient, *where.name, where.birth, where.operator)
    for path in paths:
        for cell in place.cells(path) if path else ():
            yield from (part for part in cell if part.strip())


def _named(data: bytes) -> Iterator[Span]:
    """Where HL7 and POCT1-A name people, whatever the profile says."""
    for segment in _SEGMENT.finditer(data):
        name = segment[1].decode("ascii")
        yield from _in_fields(name, segment)
    for element in _ELEMENT.finditer(data):
        for attribute in _ATTRIBUTE.finditer(data, element.start(2), element.end(2)):
            group = 1 if attribute[1] is not None else 2
            yield from _words(data, *attribute.span(group))
        if element[3] is not None:
            yield from _words(data, *element.span(3))


def _in_fields(name: str, segment: re.Match[bytes]) -> Iterator[Span]:
    wanted = _FIELDS.get(name, ())
    at = segment.start(3)
    for number, field in enumerate(segment[3].split(segment[2]), start=1):
        if number in wanted and (name, number) not in _KEPT_FIELDS:
            yield from _words(segment.string, at, at + len(field))
        at += len(field) + 1


def _words(data: bytes, start: int, end: int) -> Iterator[Span]:
    """The parts of a text between delimiters and entities, but for marks of controls."""
    edges = [start]
    for entity in _ENTITY.finditer(data, start, end):
        edges += entity.span()
    edges.append(end)
    for begin, stop in zip(edges[::2], edges[1::2], strict=True):
        for word in _WORDS.finditer(data, begin, stop):
            if not _KEPT.fullmatch(word[0].decode("latin-1")):
                yield word.span()


def _pictures(data: bytes) -> Iterator[Span]:
    """The encoded data of OBX segments of type ED."""
    for segment in _SEGMENT.finditer(data):
        fields = segment[3].split(segment[2])
        if segment[1] == b"OBX" and len(fields) > 4 and fields[1] == b"ED":
            start = segment.start(3) + sum(len(field) + 1 for field in fields[:4])
            last = fields[4].rpartition(b"^")[2]
            end = start + len(fields[4])
            yield end - len(last), end


def _correct(changed: bytearray, data: bytes, pattern: re.Pattern[bytes], digits: int) -> None:
    """A sum that was off by something is off by as much again."""
    for block in pattern.finditer(data):
        start, end = block.span(1)
        before, after = sum(data[start:end]), sum(changed[start:end])
        wanted = (int(block[2], 16) + after - before) % 16**digits
        text = b"%0*x" % (digits, wanted)
        changed[block.start(2) : block.end(2)] = text if block[2].islower() else text.upper()
