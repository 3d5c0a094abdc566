"""The observations of a message read back and compared with the report's, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.messages import wording
from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import Envelope
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.verification.comparison import (
    Seen,
    Zone,
    same_repetitions,
    same_text,
)
from gateway.messages.verification.readback import (
    lost,
    seen_in_line,
    seen_in_text,
    wire_length,
)
from gateway.messages.verification.recurring import same_test, same_unit
from gateway.messages.verification.tables import COMPLETE_TABLES, table
from gateway.messages.verification.values import IS_LENGTH, needs_string, same_value
from gateway.report import (
    Absent,
    Code,
    Coded,
    Observation,
    Quantity,
    Range,
    Report,
    Status,
    Text,
)

Segments = Sequence[list[str]]
Key = tuple[str, int]
"""The first code of OBX-3 with its system, and the how-manieth of that name."""

_LAST = 19
"""The last field of OBX that says anything."""


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
        self._keys, self._times = _counted(report.observations)
        self._sent = _sent(envelope.previous)
        self._equipment = _equipment(report) if profile.analysis_fields else []
        self._known_equipment: str | None = None
        self._table_0078 = table("HL70078", COMPLETE_TABLES) or frozenset()
        self._zone = Zone(
            envelope.zone(report, offsets=profile.zone_offset), offset=profile.zone_offset
        )

    def observation(self, index: int, fields: list[str], notes: Segments) -> None:
        now, key = self._report.observations[index], self._keys[index]
        row = fields if len(fields) > _LAST else [*fields, *[""] * (_LAST + 1 - len(fields))]
        sub_id = str(key[1]) if self._times[key[0]] > 1 else ""
        before = self._sent.get(key)
        status = self._status(now, before)
        flags, other = self._flags(now)
        wrong = (
            _not_this_test(row, now.code, str(index + 1), sub_id)
            or self._not_this_result(row, now, flags)
            or self._not_so_obtained(row, now, status)
        )
        if wrong:
            raise NotEncodable(Obstacle.DIFFERENT, f"OBX[{index + 1}]-{wrong}")
        if self._says_more(row):
            raise NotEncodable(Obstacle.DIFFERENT, f"OBX[{index + 1}]")
        said = [*_remarks(now, before, status), *map(wording.flag, other), *now.notes]
        dropped = _dropped(now)
        if notes or said or dropped:
            check_notes(notes, said, dropped, f"OBX[{index + 1}]")

    def _not_this_result(self, row: list[str], now: Observation, flags: list[str]) -> int:
        """The first field of value, unit, range and flags that differs; 0 for none."""
        if not same_value(now, row[2], row[5], self._profile):
            return 5
        unit = now.value.unit if isinstance(now.value, (Quantity, Range)) else None
        if not (same_unit(row[6], unit.device, unit.ucum) if unit else same_text(row[6], "")):
            return 6
        if not same_text(row[7], seen_in_line(now.range or "")):
            return 7
        return 0 if row[8] == "~".join(flags) else 8  # codes of a table need no escapes

    def _not_so_obtained(self, row: list[str], now: Observation, status: Status) -> int:
        """The first field of status, times, operator and equipment that differs; 0 for none."""
        if row[11] != status:
            return 11
        collected, observed, zone = self._report.specimen.collected_at, now.observed_at, self._zone
        analysis = self._profile.analysis_fields
        first, second = (collected, observed) if analysis else (observed, collected)
        if not zone.same(row[14], first or second):
            return 14
        if analysis and not zone.same(row[19], observed):
            return 19
        if not same_text(row[16], seen_in_line(now.operator or "")):
            return 16
        return 0 if self._same_equipment(row[18]) else 18

    def _same_equipment(self, text: str) -> bool:
        """It stands alike in all observations and is taken apart once."""
        if text != self._known_equipment and not same_repetitions(text, self._equipment):
            return False
        self._known_equipment = text
        return True

    def _says_more(self, row: list[str]) -> bool:
        """Whether a field has something that none of the others compare."""
        unused = row[9] or row[10] or row[12] or row[13] or row[15] or row[17]
        analysed = row[19] and not self._profile.analysis_fields
        return bool(unused or analysed) or any(row[_LAST + 1 :])

    def _flags(self, now: Observation) -> tuple[list[str], list[str]]:
        """Those of OBX-8, and those of notes."""
        flags = now.flags
        if isinstance(now.value, Quantity) and now.value.comparator is not None:
            beyond = now.value.comparator
            if beyond in ("<", ">") and beyond not in flags:
                flags += (beyond.value,) if needs_string(now.value, self._profile) else ()
        if not flags:
            return [], []
        known = [flag for flag in flags if flag in self._table_0078 and flag != "null"]
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


def _dropped(now: Observation) -> int:
    """How many characters of what the device sent a reader will not see."""
    value, said = now.value, [now.code.display, now.range, now.operator]
    if isinstance(value, (Quantity, Range)):
        said.append(value.unit.device if value.unit else None)
    elif isinstance(value, (Text, Coded)):
        said.append(value.text)
    if isinstance(value, (Coded, Absent)):
        said.append(now.raw)
    return lost(*said, *now.flags, *now.notes)


def _counted(observations: Sequence[Observation]) -> tuple[list[Key], dict[str, int]]:
    """What a receiver tells each result apart by, and how often each name stands."""
    times: dict[str, int] = {}
    keys = []
    for observation in observations:
        loinc = observation.code.loinc
        name = f"LN {loinc}" if loinc else f"L {observation.code.device}"
        times[name] = times.get(name, 0) + 1
        keys.append((name, times[name]))
    return keys, times


def _sent(previous: Report | None) -> dict[Key, Observation]:
    """What the receiver holds already."""
    sent = previous.observations if previous else ()
    return dict(zip(_counted(sent)[0], sent, strict=True))


def _not_this_test(row: list[str], code: Code, number: str, sub_id: str) -> int:
    """The first field of number, test and sub-id that differs; 0 for none."""
    if row[1] != number:
        return 1
    if not same_test(row[3], code.device, code.loinc, code.display):
        return 3
    return 0 if same_text(row[4], sub_id) else 4


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
