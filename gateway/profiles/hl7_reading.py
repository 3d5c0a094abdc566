"""HL7 v2 results (ORU, OUL) as a ``Reading``: one group for each specimen, each OBX under its OBR.

OBRs that follow one another and name the same specimen and the same kind of run are one group.
Pictures and curves (OBX-2 ED, RP) are attachments, never lines.  Queries, acknowledgments and
messages of a device's state give nothing.  Left out of the content: MSH-7, MSH-10 and MSH-13, set
ids, and the bytes of attachments, whose digest stands for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import groupby
from typing import Final

from gateway.profiles.astm_reading import Payload
from gateway.profiles.encodings import encoding_of
from gateway.profiles.hl7_place import Hl7Place, address
from gateway.profiles.patterns import matches
from gateway.profiles.reading import Group, Line, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.protocols.hl7 import Message, Segment, Unreadable
from gateway.protocols.hl7device import (
    Observation,
    Order,
    Results,
    Scope,
    read_header,
    read_results,
)
from gateway.report import Attachment, Problem, ProblemCode

_NEXT: Final = re.compile(rb"(?<=[\r\n])(?=MSH[^\w\s])")
_RESULTS: Final = ("ORU", "OUL")
_VOLATILE: Final = ("MSH.7", "MSH.10", "MSH.13")
_NUMBERED: Final = frozenset({"PID", "OBR", "OBX", "NTE", "SPM"})
_MEDIA: Final = {
    "BMP": "image/bmp",
    "PNG": "image/png",
    "JPG": "image/jpeg",
    "JPEG": "image/jpeg",
    "PDF": "application/pdf",
}
_BINARY: Final = "application/octet-stream"


def read_hl7(payload: Payload, profile: AnalyzerProfile) -> Reading:
    """Never fails: what cannot be read becomes a problem with its position."""
    groups: list[Group] = []
    problems: list[Problem] = []
    contents: list[str] = []
    for number, raw in enumerate(_messages(payload), start=1):
        prefix = "" if number == 1 else f"MSH[{number}]/"
        try:
            results = read_results(raw, _codec(raw, profile))
        except Unreadable:
            problems.append(Problem(ProblemCode.MALFORMED_RECORD, f"{prefix}MSH[1]"))
            contents.append(sha256(raw).hexdigest())
            continue
        page = _Page(results, profile, prefix)
        found = tuple(page.groups())
        groups += found
        problems += () if found else page.missing()
        contents.append(page.content(results.message.segments))
    spoiled = (replace(one, problems=(*one.problems, *problems)) for one in groups)
    return Reading(tuple(spoiled), "\n".join(contents), tuple(problems))


def hl7_header(payload: Payload, profile: AnalyzerProfile) -> Hl7Place | None:
    """The first header alone; None where there is none that can be read."""
    for raw in _messages(payload):
        try:
            return Hl7Place(Scope((), read_header(raw)), {})
        except Unreadable:
            return None
    return None


def _messages(payload: Payload) -> tuple[bytes, ...]:
    """The messages of a payload: one off a line, perhaps several of a file."""
    if not isinstance(payload, bytes):
        raise TypeError("HL7 is read from bytes")
    return tuple(filter(None, _NEXT.split(payload)))


def _codec(raw: bytes, profile: AnalyzerProfile) -> str | None:
    """The profile's encoding, where the message does not name its own."""
    return None if read_header(raw).at(18) else encoding_of(raw, profile)


class _Page:
    """One message while it is being read."""

    def __init__(self, results: Results, profile: AnalyzerProfile, prefix: str) -> None:
        self._results = results
        self._profile = profile
        self._prefix = prefix
        self._numbers = _numbered(results.message)
        self._left_out = _left_out(results, profile.volatile)

    def groups(self) -> Iterator[Group]:
        flaws = tuple(self._flaws())
        for _, orders in groupby(enumerate(self._orders()), key=self._same):
            yield self._group(tuple(order for _, order in orders), flaws)

    def missing(self) -> Iterator[Problem]:
        """A message of results that holds none."""
        if self._results.header.type in _RESULTS:
            yield Problem(ProblemCode.NO_RESULTS, f"{self._prefix}MSH[1]")

    def content(self, segments: Iterable[Segment]) -> str:
        return "\r".join(self._canon(line) for line in segments)

    def _orders(self) -> tuple[Order, ...]:
        orders = self._results.orders
        if self._results.header.type in _RESULTS:
            return orders
        return tuple(order for order in orders if order.observations)

    def _same(self, numbered: tuple[int, Order]) -> tuple[object, ...]:
        """Orders with the same of these belong together; one without any id stands alone."""
        number, order = numbered
        place, where = self._place(order.scope), self._profile.where
        ids = tuple(place.every(path) for path in (*where.specimen, *where.patient))
        rules = (rule for rule in self._profile.rules if not rule.each_line)
        marks = tuple(matches(rule.pattern, place.every(rule.path)) for rule in rules)
        patient = next((line for line in order.scope.segments if line.name == "PID"), None)
        named = any(place.every(path) for path in where.specimen)
        return (ids, marks, id(patient), None if named else number)

    def _group(self, orders: tuple[Order, ...], flaws: tuple[Problem, ...]) -> Group:
        first = orders[0]
        place = self._place(first.scope)
        found = [one for order in orders for one in order.observations]
        attachments = [one for one in found if one.attachment is not None]
        lines = tuple(self._line(one) for one in found if one.attachment is None)
        orphans = (self._orphan(order) for order in orders if order.obr is None)
        name = "OBR" if first.obr is not None else "OBX"
        return Group(
            place,
            place.locate(f"{name}.1").removesuffix(".1"),
            lines,
            self._group_content(orders),
            tuple(text for order in orders for note in order.notes for text in _note(note)),
            (*flaws, *filter(None, orphans)),
            tuple(self._attachment(one) for one in attachments),
        )

    def _place(self, scope: Scope) -> Hl7Place:
        return Hl7Place(scope, self._numbers, self._prefix)

    def _line(self, one: Observation) -> Line:
        remarks = tuple(text for note in one.notes for text in _note(note))
        return Line(self._place(one.scope), remarks)

    def _attachment(self, one: Observation) -> Attachment:
        place = self._place(one.scope)
        code = self._profile.where.code
        names = (place.whole(path) for path in ("OBX.3.2", *code))
        data = one.attached()
        sent = one.obx.field(5).encode("utf-8", "surrogatepass") if data is None else data
        kind = (place.at("OBX.5.3") or "").upper()
        return Attachment(
            next(filter(None, names), "attachment"),
            _BINARY if data is None else _MEDIA.get(kind, _BINARY),
            len(sent),
            sha256(sent).hexdigest(),
        )

    def _orphan(self, order: Order) -> Problem | None:
        """OBX before the first OBR; where a device sends no OBR at all, that is its way."""
        if all(other.obr is None for other in self._results.orders):
            return None
        at = self._place(order.observations[0].scope).locate("OBX.3")
        return Problem(ProblemCode.ORPHAN_RECORD, at.removesuffix(".3"))

    def _flaws(self) -> Iterator[Problem]:
        for index in self._results.message.malformed:
            yield Problem(ProblemCode.MALFORMED_RECORD, f"{self._prefix}segment[{index + 1}]")
        if self._results.doubtful:
            yield Problem(ProblemCode.ENCODING_DOUBTFUL, f"{self._prefix}MSH[1].18")

    def _group_content(self, orders: tuple[Order, ...]) -> str:
        segments: dict[int, Segment] = {}
        for order in orders:
            lines = (*order.scope.segments, *order.notes)
            below = ((one.obx, *one.notes, *one.more) for one in order.observations)
            for line in (*lines, *(segment for some in below for segment in some)):
                segments.setdefault(id(line), line)
        return self.content((self._results.header.segment, *segments.values()))

    def _canon(self, line: Segment) -> str:
        """A segment without what changes when the same is sent again, in one spelling."""
        fields = list(line.fields)
        if line.name == "OBX" and line.at(2) in ("ED", "RP") and len(fields) > 5:
            fields[5] = sha256(fields[5].encode("utf-8", "surrogatepass")).hexdigest()
        for number in self._left_out.get(line.name, ()):
            if number < len(fields):
                fields[number] = ""
        return "|".join(fields).rstrip("|")


def _numbered(message: Message) -> Mapping[int, int]:
    counts: dict[str, int] = {}
    found: dict[int, int] = {}
    for line in message.segments:
        counts[line.name] = counts.get(line.name, 0) + 1
        found[id(line)] = counts[line.name]
    return found


def _left_out(results: Results, volatile: Iterable[str]) -> Mapping[str, set[int]]:
    """Field numbers, by segment, that have no part in the content."""
    found: dict[str, set[int]] = {name: {1} for name in _NUMBERED}
    for path in (*_VOLATILE, *volatile):
        where = address(path)
        header = where.name == "MSH"
        number = results.header.position(where.field) if header else where.field
        found.setdefault(where.name, set()).add(number)
    return found


def _note(line: Segment) -> Iterator[str]:
    """The comments of one NTE."""
    for repeat in range(1, len(line.repetitions(3)) + 1):
        parts = (part.strip() for part in line.components(3, repetition=repeat))
        if text := " ".join(part for part in parts if part):
            yield text
