"""Observations of a report as OBX segments, each with its notes (HL7 2.5.1 chapter 7.4.2).

OBX-4 counts 1..n where the same test stands more than once.  Flags of table 0078 go to OBX-8,
others to a note.  A correction marks what differs from the report last sent as ``C`` and says the
previous value; without that report every final result is marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from gateway.messages import wording
from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import Envelope
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.oru.pen import Pen
from gateway.messages.oru.recurring import equipment, identifier, unit_of_measure
from gateway.messages.oru.values import Written, write_value
from gateway.protocols.hl7 import escape, removed, segment
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

ABNORMAL_FLAGS = frozenset(
    ("L", "H", "LL", "HH", "<", ">", "N", "A", "AA", "U", "D", "B", "W", "S", "R", "I", "MS", "VS")
)
"""HL7 table 0078, without its word for nothing."""

Key = tuple[str, str, int]
_KEPT_WITHOUT_RESULT = (Status.PENDING, Status.DELETED, Status.WRONG)
_FINAL = (Status.FINAL, Status.CORRECTED)


class Results:
    """Writes the observations of one report; ``statuses`` are the OBX-11 written so far."""

    def __init__(
        self, report: Report, envelope: Envelope, profile: DestinationProfile, pen: Pen
    ) -> None:
        self.statuses: list[Status] = []
        self._report = report
        self._profile = profile
        self._pen = pen
        self._revision = envelope.revision
        self._previous = _keyed(envelope.previous) if envelope.previous else None
        self._collected = report.specimen.collected_at

    def segments(self) -> list[str]:
        keys = _keys(self._report.observations)
        if self._previous is not None and not set(self._previous) <= set(keys):
            raise NotEncodable(Obstacle.SNAPSHOT_INCOMPLETE, "OBX")
        repeated = Counter([key[:2] for key in keys])
        self._pen.where = "OBX[1]"
        device = equipment(self._report.device, self._pen) if self._profile.analysis_fields else ""
        lines: list[str] = []
        for number, (key, now) in enumerate(
            zip(keys, self._report.observations, strict=True), start=1
        ):
            sub_id = str(key[2]) if repeated[key[:2]] > 1 else ""
            lines += self._one(number, sub_id, self._before(key), now, device)
        return lines

    def _before(self, key: Key) -> Observation | None:
        return self._previous.get(key) if self._previous is not None else None

    def _one(
        self, number: int, sub_id: str, before: Observation | None, now: Observation, device: str
    ) -> list[str]:
        self._pen.where = f"OBX[{number}]"
        written = write_value(now.value, now.raw, self._profile, self._pen)
        flags, other = split_flags(now.flags, written[2], several=self._profile.several_flags)
        status = self._status(now, before)
        self.statuses.append(status)
        line = self._line(str(number), sub_id, now, written, flags, status, device)
        said = [*self._remarks(now, before, status), *map(wording.flag, other), *now.notes]
        lost = _removed(now)
        return [line, *note_segments(said, self._pen, lost)] if said or lost else [line]

    def _line(
        self,
        number: str,
        sub_id: str,
        now: Observation,
        written: Written,
        flags: list[str],
        status: Status,
        device: str,
    ) -> str:
        pen, value_type, value = self._pen, written[0], written[1]
        when = pen.moment(self._relevant(now.observed_at), 14)
        unit = now.value.unit if isinstance(now.value, (Quantity, Range)) else None
        return segment(
            "OBX", number, value_type, identifier(now.code, pen), sub_id, value,
            unit_of_measure(unit, pen) if unit else "",
            pen.text(now.range, 7) if now.range else "", "~".join(flags),
            "", "", status, "", "", when, "", pen.text(now.operator, 16) if now.operator else "",
            "", device, self._analysed(now.observed_at),
        )  # fmt: skip

    def _relevant(self, observed_at: datetime | None) -> datetime | None:
        """OBX-14: when the specimen was as measured; 2.3 has no other place for the run's time."""
        if not self._profile.analysis_fields:
            return observed_at or self._collected
        return self._collected or observed_at

    def _analysed(self, observed_at: datetime | None) -> str:
        return self._pen.moment(observed_at, 19) if self._profile.analysis_fields else ""

    def _status(self, now: Observation, before: Observation | None) -> Status:
        if isinstance(now.value, Absent):
            return now.status if now.status in _KEPT_WITHOUT_RESULT else Status.NO_RESULT
        if now.status is Status.FINAL and self._revision and self._corrects(now, before):
            return Status.CORRECTED
        return now.status

    def _corrects(self, now: Observation, before: Observation | None) -> bool:
        if self._previous is None:
            return True
        return before is not None and before.status in _FINAL and _content(now) != _content(before)

    def _remarks(
        self, now: Observation, before: Observation | None, status: Status
    ) -> Iterator[str]:
        if isinstance(now.value, Absent):
            yield wording.no_result(now.value, now.raw)
        if status in wording.STATUS_NOTES:
            yield wording.STATUS_NOTES[status]
        if before is not None and before.value != now.value and before.status in _FINAL:
            yield wording.corrected(before.value)


def note_segments(notes: Iterable[str], pen: Pen, lost: int) -> Iterator[str]:
    """One NTE a note; the last one says how many characters could not be written."""
    written = [pen.formatted(note, 3) for note in notes if escape(note).strip()]
    if lost:
        written.append(wording.removed(lost))
    for number, text in enumerate(written, start=1):
        yield segment("NTE", str(number), "L", text)


def split_flags(flags: Sequence[str], extra: str, *, several: bool) -> tuple[list[str], list[str]]:
    """Flags for OBX-8 and flags for notes; ``extra`` is one the value itself calls for."""
    if not flags and not extra:
        return [], []
    wanted = [*flags, *([extra] if extra and extra not in flags else [])]
    known = [text for text in wanted if text in ABNORMAL_FLAGS]
    other = [text for text in wanted if text.strip() and text not in ABNORMAL_FLAGS]
    return (known, other) if several else (known[:1], known[1:] + other)


def _removed(now: Observation) -> int:
    """Characters of the device's text that no message may carry."""
    texts = [now.code.display, now.range, now.operator, *now.flags, *now.notes]
    match now.value:
        case Quantity(unit=unit) | Range(unit=unit):
            texts.append(unit.device if unit else None)
        case Text(text):
            texts.append(text)
        case Coded(text=text):
            texts += [text, now.raw]
        case Absent():
            texts.append(now.raw)
    said = "".join([text for text in texts if text])
    return 0 if said.isprintable() else removed(said)


def _content(observation: Observation) -> tuple[object, ...]:
    return (observation.value, observation.flags, observation.range, observation.notes)


def _keys(observations: Iterable[Observation]) -> list[Key]:
    """What OBX-3 says first, and the how-manieth of its kind each observation is."""
    seen: dict[tuple[str, str], int] = {}
    keys = []
    for observation in observations:
        code = observation.code
        test = (code.loinc, "LN") if code.loinc else (code.device, "L")
        seen[test] = seen.get(test, 0) + 1
        keys.append((*test, seen[test]))
    return keys


def _keyed(report: Report) -> dict[Key, Observation]:
    return dict(zip(_keys(report.observations), report.observations, strict=True))
