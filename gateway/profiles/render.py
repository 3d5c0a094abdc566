"""A profile read backwards: what a device of this model would send for given results.

The message is read again by the same profile before it is given away; what would be read as
anything else is refused.  So simulators cannot say what the profile cannot hear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gateway.profiles.context import Context
from gateway.profiles.link import Protocol
from gateway.profiles.normalize import normalize
from gateway.profiles.samples import Finding, NotExpressible, Sample
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.writer import Writer
from gateway.protocols.astm import Message, decode, encode
from gateway.report import Kind, Observation, Patient, Quantity, Range, Report


def render(
    profile: AnalyzerProfile,
    samples: Sequence[Sample],
    *,
    sent_at: datetime,
    timezone: ZoneInfo,
    serial: str | None = None,
) -> Message:
    """One message with all samples.  ``sent_at`` is aware; the device's clock runs in ``timezone``.

    NotExpressible when the profile would not read the very same samples from it.
    """
    if profile.link.protocol is not Protocol.ASTM:
        raise NotExpressible("only ASTM messages are written here")
    writer = Writer(profile, timezone)
    records = list(writer.message(samples, sent_at, serial))
    (message,) = decode(b"".join(encode(records)), profile.encoding)
    context = Context("simulator", timezone, sent_at, "rendered")
    reports = normalize(message, profile, context)
    if len(reports) != len(samples):
        raise NotExpressible("specimens: another number of them would be read")
    for report, sample in zip(reports, samples, strict=True):
        compare(report, sample, profile)
    return message


def compare(report: Report, sample: Sample, profile: AnalyzerProfile) -> None:
    specimen, patient = report.specimen, report.patient
    read = [_read(one) for one in report.observations]
    said = [fact for one in sample.findings for fact in _said(one, profile)]
    meant = [_as_read(fact, one) for fact, one in zip(said, report.observations, strict=False)]
    meant += said[len(meant) :]
    pairs = (
        ("kind", report.kind, sample.kind),
        ("specimen", specimen.id, sample.specimen or _mark(report)),
        ("patient", _first_id(patient), sample.patient or _mark_as_patient(report)),
        ("position", specimen.position, sample.position),
        ("name", patient.name, sample.name),
        ("birth", patient.birth_date, sample.birth),
        ("sex", patient.sex, sample.sex),
        ("results", read, meant),
    )
    for place, found, wanted in pairs:
        if found != wanted:
            raise NotExpressible(f"{place}: something else would be read")


def _mark(report: Report) -> str | None:
    """A control's mark may stand where the specimen's id does."""
    return None if report.kind is Kind.PATIENT else report.specimen.id


def _first_id(patient: Patient) -> str | None:
    return next((one.value for one in patient.ids), None)


def _mark_as_patient(report: Report) -> str | None:
    """Or where the patient's id does."""
    return None if report.kind is Kind.PATIENT else _first_id(report.patient)


class Fact(NamedTuple):
    """What of a result must come through."""

    code: str
    value: str
    unit: str
    flags: tuple[str, ...]
    range: str | None
    operator: str | None
    observed_at: datetime | None


def _read(one: Observation) -> Fact:
    value, unit = one.raw.strip(), ""
    if isinstance(one.value, Quantity | Range) and one.value.unit is not None:
        unit = one.value.unit.device
    return Fact(one.code.device, value, unit, one.flags, one.range, one.operator, one.observed_at)


def _as_read(fact: Fact, one: Observation) -> Fact:
    """A unit beside what is no number is sent and not read."""
    measured = isinstance(one.value, Quantity | Range)
    return fact if measured else fact._replace(unit="")


def _said(one: Finding, profile: AnalyzerProfile) -> Iterator[Fact]:
    words = (profile.flags.get(flag, flag) for flag in one.flags)
    flags = tuple(dict.fromkeys(word for word in words if word))
    texts = (one.value, one.number) if one.number else (one.value,)
    for text in texts:
        value = text.strip()
        yield Fact(one.code, value, one.unit, flags, one.range, one.operator, one.observed_at)
