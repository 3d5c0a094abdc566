"""The observations of a message read back and compared with the report's, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gateway.messages import wording
from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import Envelope
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.verification.comparison import Seen, Zone, same_repetitions
from gateway.messages.verification.readback import (
    lost,
    seen_in_line,
    seen_in_text,
    wire_length,
)
from gateway.messages.verification.tables import COMPLETE_TABLES, table
from gateway.messages.verification.values import IS_LENGTH, ST_LENGTH, needs_string, same_value
from gateway.report import (
    Absent,
    Coded,
    Observation,
    Quantity,
    Range,
    Report,
    Status,
    Text,
)

Segments = Sequence[list[str]]


def check_results(
    segments: Segments, report: Report, envelope: Envelope, profile: DestinationProfile
) -> None:
    """``segments`` begins with an OBX; each is followed by its notes."""
    starts = [index for index, fields in enumerate(segments) if fields[0] == "OBX"]
    if len(starts) != len(report.observations):
        raise NotEncodable(Obstacle.DIFFERENT, "OBX")
    ends = [*starts[1:], len(segments)]
    checker = _Checker(report, envelope, profile)
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        checker.observation(index, segments[start], segments[start + 1 : end])


def check_notes(segments: Segments, wanted: Sequence[str], dropped: int, where: str) -> None:
    """NTE after NTE, numbered, ours, one for each note that says anything."""
    expected = [seen_in_text(note) for note in wanted if seen_in_line(note).strip()]
    if dropped:
        expected.append(wording.removed(dropped))
    if len(segments) != len(expected):
        raise NotEncodable(Obstacle.DIFFERENT, f"{where} notes")
    for number, (fields, text) in enumerate(zip(segments, expected, strict=True), start=1):
        seen = Seen(fields, f"{where} NTE[{number}]")
        seen.text(1, str(number))
        seen.text(2, "L")
        seen.text(3, text)
        seen.nothing_else()


class _Checker:
    def __init__(self, report: Report, envelope: Envelope, profile: DestinationProfile) -> None:
        self._report = report
        self._envelope = envelope
        self._profile = profile
        self._names = [_name(observation) for observation in report.observations]
        self._times = Counter(self._names)
        self._seen: Counter[str] = Counter()
        self._sent = _sent(envelope.previous)
        self._equipment = _equipment(report) if profile.analysis_fields else []
        self._zone = Zone(
            envelope.zone(report, offsets=profile.zone_offset), offset=profile.zone_offset
        )
        self._good: set[tuple[object, str]] = set()

    def observation(self, index: int, fields: list[str], notes: Segments) -> None:
        now, name = self._report.observations[index], self._names[index]
        self._seen[name] += 1
        seen = Seen(fields, f"OBX[{index + 1}]")
        seen.text(1, str(index + 1))
        self._code(seen, now)
        seen.text(4, str(self._seen[name]) if self._times[name] > 1 else "")
        if not same_value(now, seen.raw(2), seen.raw(5), self._profile):
            raise seen.differs(5)
        self._unit(seen, now)
        seen.text(7, seen_in_line(now.range or ""))
        flags, other = self._flags(now)
        seen.repetitions(8, [[flag] for flag in flags])
        before = self._sent.get((name, self._seen[name]))
        status = self._status(now, before)
        seen.text(11, status.value)
        self._when(seen, now)
        seen.text(16, seen_in_line(now.operator or ""))
        self._repeated(seen, 18, "equipment", self._equipment)
        seen.nothing_else()
        said = [*_remarks(now, before, status), *(wording.flag(flag) for flag in other), *now.notes]
        check_notes(notes, said, _dropped(now), seen.where)

    def _code(self, seen: Seen, now: Observation) -> None:
        code = now.code
        if code.loinc is None:
            return seen.parts(3, code.device, seen_in_line(code.display or code.device), "L")
        shown = seen_in_line(code.display or "")
        shown = shown if wire_length(shown) <= ST_LENGTH else ""
        return seen.parts(3, code.loinc, shown, "LN", code.device, code.device, "L")

    def _unit(self, seen: Seen, now: Observation) -> None:
        unit = now.value.unit if isinstance(now.value, Quantity | Range) else None
        if unit is None:
            return seen.text(6, "")
        device, ucum = seen_in_line(unit.device), unit.ucum
        if ucum is None:
            wanted = [device, device, "L"] if device else []
        elif device in ("", ucum):
            wanted = [ucum, ucum, "UCUM"]
        else:
            wanted = [ucum, device, "UCUM", device, device, "L"]
        return self._repeated(seen, 6, unit, [wanted] if wanted else [])

    def _repeated(
        self, seen: Seen, number: int, what: object, wanted: Sequence[Sequence[str]]
    ) -> None:
        """What stands alike in many observations is taken apart once."""
        text = seen.raw(number)
        if (what, text) in self._good:
            return
        if not same_repetitions(text, wanted):
            raise seen.differs(number)
        self._good.add((what, text))

    def _flags(self, now: Observation) -> tuple[list[str], list[str]]:
        flags = list(now.flags)
        if not flags and not isinstance(now.value, Quantity):
            return [], []
        if isinstance(now.value, Quantity) and needs_string(now.value, self._profile):
            beyond = now.value.comparator
            flags += [beyond.value] if beyond in ("<", ">") and beyond not in flags else []
        table_0078 = table("HL70078", COMPLETE_TABLES) or frozenset()
        known = [flag for flag in flags if flag in table_0078 and flag != "null"]
        other = [flag for flag in flags if flag.strip() and flag not in known]
        if self._profile.several_flags:
            return known, other
        return known[:1], known[1:] + other

    def _status(self, now: Observation, before: Observation | None) -> Status:
        if isinstance(now.value, Absent):
            keeps = now.status in (Status.PENDING, Status.DELETED, Status.WRONG)
            return now.status if keeps else Status.NO_RESULT
        if now.status is not Status.FINAL or not self._envelope.revision:
            return now.status
        if self._envelope.previous is None:
            return Status.CORRECTED
        return Status.CORRECTED if before and _replaces(now, before) else Status.FINAL

    def _when(self, seen: Seen, now: Observation) -> None:
        collected, observed = self._report.specimen.collected_at, now.observed_at
        if self._profile.analysis_fields:
            seen.moment(14, collected or observed, self._zone)
            seen.moment(19, observed, self._zone)
        else:
            seen.moment(14, observed or collected, self._zone)


def _dropped(now: Observation) -> int:
    """How many characters of what the device sent a reader will not see."""
    unit = getattr(now.value, "unit", None)
    said = [now.code.display, now.range, now.operator, unit.device if unit else None]
    if isinstance(now.value, Text | Coded):
        said.append(now.value.text)
    if isinstance(now.value, Coded | Absent):
        said.append(now.raw)
    return lost(*said, *now.flags, *now.notes)


def _name(observation: Observation) -> str:
    """What a receiver tells results apart by: the first code of OBX-3 and its system."""
    loinc = observation.code.loinc
    return f"LN {loinc}" if loinc else f"L {observation.code.device}"


def _sent(previous: Report | None) -> dict[tuple[str, int], Observation]:
    """What the receiver holds already, by name and the how-manieth of it."""
    found: dict[tuple[str, int], Observation] = {}
    times: Counter[str] = Counter()
    for observation in previous.observations if previous else ():
        times[_name(observation)] += 1
        found[_name(observation), times[_name(observation)]] = observation
    return found


def _was_final(before: Observation) -> bool:
    return before.status in (Status.FINAL, Status.CORRECTED)


def _replaces(now: Observation, before: Observation) -> bool:
    same = (now.value, now.flags, now.range, now.notes) == (
        before.value,
        before.flags,
        before.range,
        before.notes,
    )
    return _was_final(before) and not same


def _remarks(now: Observation, before: Observation | None, status: Status) -> Iterator[str]:
    if isinstance(now.value, Absent):
        yield wording.no_result(now.value, now.raw)
    if status is Status.DELETED or status is Status.WRONG:
        yield wording.STATUS_NOTES[status]
    if before is not None and _was_final(before) and before.value != now.value:
        yield wording.corrected(before.value)


def _equipment(report: Report) -> list[list[str]]:
    device = report.device
    maker = device.manufacturer or ""
    maker = maker if wire_length(maker) <= IS_LENGTH else ""
    serial = [device.serial or device.id, maker]
    return [serial, [device.model, maker]] if device.model else [serial]
