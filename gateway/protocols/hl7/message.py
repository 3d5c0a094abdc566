"""A tolerant reader of HL7 v2 in ER7: any version, any segment order, nothing dropped.

Segments may end in CR, LF or CRLF (the first segment shows which); a byte order mark, blank lines
and MLLP leftovers around the message are passed over; fields are addressed by position only, so
unknown segments and fields beyond the standard are simply there.  Escapes are read once, when a
value is asked for.  Refused: no MSH, two of them, unusable delimiters, more segments than allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.protocols.hl7.errors import Unreadable
from gateway.protocols.hl7.separators import Separators
from gateway.protocols.hl7.text import unescape

NULL = '""'
"""A field holding this is explicitly empty (delete); an absent field says nothing."""

MAX_SEGMENTS = 20_000

_NAME = re.compile("[A-Z][A-Z0-9]{2}")
_PATH = re.compile(r"([A-Z][A-Z0-9]{2})(?:\((\d+)\))?-(\d+)(?:\((\d+)\))?(?:\.(\d+))?(?:\.(\d+))?")
_EDGES = "\ufeff\x0b\x1c\r\n \x00"
_BATCH = ("FHS", "BHS", "BTS", "FTS")


@dataclass(frozen=True, slots=True)
class Segment:
    """``fields[0]`` is the name; the others are ER7 as sent, MSH-1 being its separator."""

    name: str
    fields: tuple[str, ...]
    separators: Separators

    def field(self, number: int) -> str:
        """Field ``number`` as sent, escapes and all; empty when absent."""
        return self.fields[number] if 0 < number < len(self.fields) else ""

    def repetitions(self, number: int) -> tuple[str, ...]:
        """The repetitions of a field as sent; none when it is empty."""
        text = self.field(number)
        if not text or self._verbatim(number):
            return (text,) if text else ()
        return tuple(text.split(self.separators.repetition))

    def at(
        self, number: int, component: int = 1, subcomponent: int = 1, *, repetition: int = 1
    ) -> str | None:
        """One value, unescaped; None when it is absent or empty."""
        if self._verbatim(number):
            return self.field(number) or None
        text = _part(self.field(number), self.separators.repetition, repetition)
        text = _part(text, self.separators.component, component)
        text = _part(text, self.separators.subcomponent, subcomponent)
        return unescape(text, self.separators) or None

    def text(self, number: int, *, repetition: int = 1) -> str | None:
        """A whole repetition as text: what stands in it, with delimiters that were not escaped."""
        text = _part(self.field(number), self.separators.repetition, repetition)
        return unescape(text, self.separators) or None

    def components(self, number: int, *, repetition: int = 1) -> tuple[str, ...]:
        """The components of one repetition, unescaped; subcomponents stay joined."""
        text = _part(self.field(number), self.separators.repetition, repetition)
        parts = text.split(self.separators.component) if text else []
        return tuple(unescape(part, self.separators) for part in parts)

    def _verbatim(self, number: int) -> bool:
        return self.name == "MSH" and number in (1, 2)

    def __repr__(self) -> str:
        return f"Segment({self.name!r}, {len(self.fields) - 1} fields)"


@dataclass(frozen=True, slots=True)
class Message:
    """Segments in the order sent.  ``malformed`` holds the indices of those without a name."""

    segments: tuple[Segment, ...]
    separators: Separators
    malformed: tuple[int, ...] = ()

    @property
    def header(self) -> Segment:
        return self.segments[0]

    @property
    def type(self) -> str | None:
        """MSH-9.1, ``ORU``."""
        return self.header.at(9)

    @property
    def trigger(self) -> str | None:
        """MSH-9.2, ``R01``."""
        return self.header.at(9, 2)

    @property
    def control_id(self) -> str | None:
        return self.header.at(10)

    @property
    def version(self) -> str | None:
        return self.header.at(12)

    def all(self, name: str) -> tuple[Segment, ...]:
        return tuple(segment for segment in self.segments if segment.name == name)

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)

    def at(self, path: str) -> str | None:
        """``PID-3.1``, ``OBX(2)-5``, ``PID-3(2).4.1``; None when absent or empty."""
        match = _PATH.fullmatch(path)
        if match is None:
            raise ValueError("not a path like PID-3(2).4.1")
        name, occurrence, field, repetition, component, subcomponent = match.groups()
        found = self.all(name)[int(occurrence or 1) - 1 :]
        if not found:
            return None
        position = (int(field), int(component or 1), int(subcomponent or 1))
        return found[0].at(*position, repetition=int(repetition or 1))

    def groups(self, *starts: str) -> Iterator[tuple[Segment, ...]]:
        """Runs of segments, each beginning where one of ``starts`` does; MSH and others before
        the first are left out."""
        edges = [i for i, segment in enumerate(self.segments) if segment.name in starts]
        for begin, end in zip(edges, [*edges[1:], len(self.segments)], strict=True):
            yield self.segments[begin:end]

    def __repr__(self) -> str:
        return f"Message({[segment.name for segment in self.segments]})"


def read(text: str, *, max_segments: int = MAX_SEGMENTS) -> Message:
    """The one message in ``text``; ``Unreadable`` when there is none, or more than one."""
    messages = read_all(text, max_segments=max_segments)
    if len(messages) > 1:
        raise Unreadable("more than one MSH")
    return messages[0]


def read_all(text: str, *, max_segments: int = MAX_SEGMENTS) -> tuple[Message, ...]:
    """Every message of a file; batch and file headers are passed over."""
    lines = _lines(text)
    if len(lines) > max_segments:
        raise Unreadable("too many segments")
    starts = [index for index, line in enumerate(lines) if line.startswith("MSH")]
    if not starts or any(not line.startswith(_BATCH) for line in lines[: starts[0]]):
        raise Unreadable("does not begin with MSH")
    ends = [*starts[1:], len(lines)]
    return tuple(_message(lines[a:b]) for a, b in zip(starts, ends, strict=True))


def _message(lines: list[str]) -> Message:
    separators = Separators.of_header(lines[0])
    kept = [line for line in lines if not line.startswith(_BATCH)]
    segments = tuple(_segment(line, separators) for line in kept)
    nameless = (i for i, segment in enumerate(segments) if not _NAME.fullmatch(segment.name))
    return Message(segments, separators, tuple(nameless))


def _segment(line: str, separators: Separators) -> Segment:
    fields = tuple(line.split(separators.field))
    if fields[0] == "MSH":
        fields = ("MSH", separators.field, *fields[1:])
    return Segment(fields[0], fields, separators)


def _lines(text: str) -> list[str]:
    """A line feed inside a message whose segments end in CR is text, not an end."""
    text = text.strip(_EDGES)
    end = "\r" if "\r" in text.partition("\n")[0] or "\n" not in text else "\n"
    lines = (line.strip("\r\n") for line in text.split(end))
    return [line for line in lines if line]


def _part(text: str, separator: str, number: int) -> str:
    if not separator or separator not in text:
        return text if number == 1 else ""
    parts = text.split(separator, number)
    return parts[number - 1] if 0 < number <= len(parts) else ""
