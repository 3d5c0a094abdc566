"""Observations of a report as OBX segments, each with its notes (HL7 2.5.1 chapter 7.4.2).

OBX-3 is ``LOINC^name^LN^device^device^L`` (the device's own code alone where no LOINC is known).
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
from gateway.messages.oru.pen import IS_LENGTH, ST_LENGTH, Pen
from gateway.messages.oru.values import Written, write_value
from gateway.protocols.hl7 import components, escape, removed, segment
from gateway.report import (
    Absent,
    Code,
    Coded,
    Device,
    Observation,
    Quantity,
    Range,
    Report,
    Status,
    Text,
    Unit,
    Value,
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
        self._units: dict[Unit, str] = {}
        self._revision = envelope.revision
        self._previous = _keyed(envelope.previous) if envelope.previous else None
        self._collected = report.specimen.collected_at

    def segments(self) -> Iterator[str]:
        keys = list(_keys(self._report.observations))
        if self._previous is not None and not set(self._previous) <= set(keys):
            raise NotEncodable(Obstacle.SNAPSHOT_INCOMPLETE, "OBX")
        repeated = Counter(key[:2] for key in keys)
        self._pen.where = "OBX[1]"
        device = equipment(self._report.device, self._pen) if self._profile.analysis_fields else ""
        for number, (key, observation) in enumerate(
            zip(keys, self._report.observations, strict=True), start=1
        ):
            sub_id = str(key[2]) if repeated[key[:2]] > 1 else ""
            yield from self._one(number, sub_id, self._before(key), observation, device)

    def _before(self, key: Key) -> Observation | None:
        return self._previous.get(key) if self._previous is not None else None

    def _one(
        self, number: int, sub_id: str, before: Observation | None, now: Observation, device: str
    ) -> Iterator[str]:
        self._pen.where = f"OBX[{number}]"
        written = write_value(now.value, now.raw, self._profile, self._pen)
        flags, other = split_flags(now.flags, written[2], several=self._profile.several_flags)
        status = self._status(now, before)
        self.statuses.append(status)
        yield self._line(str(number), sub_id, now, written, flags, status, device)
        said = [*self._remarks(now, before, status), *map(wording.flag, other), *now.notes]
        yield from note_segments(said, self._pen, _removed(now))

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
        return segment(
            "OBX", number, value_type, identifier(now.code, pen), sub_id, value,
            self._unit(now.value), pen.text(now.range or "", 7), "~".join(flags),
            "", "", status.value, "", "", when, "", pen.text(now.operator or "", 16), "",
            device, self._analysed(now.observed_at),
        )  # fmt: skip

    def _unit(self, value: Value) -> str:
        """Panels repeat their units: each is written once."""
        unit = value.unit if isinstance(value, Quantity | Range) else None
        if unit is None:
            return ""
        if unit not in self._units:
            self._units[unit] = unit_of_measure(unit, self._pen)
        return self._units[unit]

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


def identifier(code: Code, pen: Pen) -> str:
    """OBX-3.  A LOINC name is never shortened: one that does not fit is left out."""
    device = pen.identifier(code.device, 3)
    if code.loinc is None:
        return components(device, pen.text(code.display or code.device, 3), "L")
    name = code.display or ""
    name = pen.text(name, 3) if len(escape(name)) <= ST_LENGTH else ""
    return components(pen.identifier(code.loinc, 3), name, "LN", device, device, "L")


def unit_of_measure(unit: Unit, pen: Pen) -> str:
    """OBX-6: UCUM first where it is known, else the device's own unit."""
    device = pen.text(unit.device, 6)
    if unit.ucum is None:
        return components(device, device, "L") if device else ""
    ucum = pen.text(unit.ucum, 6)
    if device in ("", ucum):
        return components(ucum, ucum, "UCUM")
    return components(ucum, device, "UCUM", device, device, "L")


def equipment(device: Device, pen: Pen) -> str:
    """OBX-18 as IHE LAW repeats it: the serial number (else the name here), then the model."""
    maker = device.manufacturer or ""
    maker = pen.exact(maker, 18) if len(escape(maker)) <= IS_LENGTH else ""
    serial = components(pen.identifier(device.serial or device.id, 18), maker)
    model = components(pen.identifier(device.model, 18), maker) if device.model else ""
    return f"{serial}~{model}" if model else serial


def split_flags(flags: Sequence[str], extra: str, *, several: bool) -> tuple[list[str], list[str]]:
    """Flags for OBX-8 and flags for notes; ``extra`` is one the value itself calls for."""
    wanted = [*flags, *([extra] if extra and extra not in flags else [])]
    known = [text for text in wanted if text in ABNORMAL_FLAGS]
    other = [text for text in wanted if text.strip() and text not in ABNORMAL_FLAGS]
    return (known, other) if several else (known[:1], known[1:] + other)


def _removed(now: Observation) -> int:
    """Characters of the device's text that no message may carry."""
    texts = [now.code.display, now.range, now.operator, *now.flags, *now.notes]
    match now.value:
        case Quantity(unit=Unit(device)) | Range(unit=Unit(device)):
            texts.append(device)
        case Text(text):
            texts.append(text)
        case Coded(text=text):
            texts += [text, now.raw]
        case Absent():
            texts.append(now.raw)
    return removed("".join([text for text in texts if text]))


def _content(observation: Observation) -> tuple[object, ...]:
    return (observation.value, observation.flags, observation.range, observation.notes)


def _keys(observations: Iterable[Observation]) -> Iterator[Key]:
    """What OBX-3 says first, and the how-manieth of its kind each observation is."""
    seen: Counter[tuple[str, str]] = Counter()
    for observation in observations:
        code = observation.code
        test = (code.loinc, "LN") if code.loinc else (code.device, "L")
        seen[test] += 1
        yield (*test, seen[test])


def _keyed(report: Report) -> dict[Key, Observation]:
    return dict(zip(_keys(report.observations), report.observations, strict=True))
