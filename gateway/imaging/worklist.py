"""Scheduled procedure steps as a worklist shows them (PS3.4 annex K), and where they come from.

``check`` says what a modality could not take: identifiers that are too long for their VR are
refused, never cut, because a cut number is somebody else's.  ``data_set`` makes the row in a
device's character set; names and descriptions are spelled out where it lacks letters, and an
identifier that would need that makes the row impossible for that device.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import GatewayError
from gateway.imaging.datasets import new, sequence, unchecked
from gateway.imaging.text import changes, fit
from gateway.protocols.dicom import is_valid_uid

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.sequence import Sequence as Items


class Unfit(GatewayError):
    """A row cannot be shown as it is; names fields and limits, quotes no value."""


@dataclass(frozen=True, slots=True)
class Code:
    """Code Value, Coding Scheme Designator, Code Meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ScheduledSpecimen:
    """A container that is expected to be filled during the procedure."""

    container_id: str
    specimen_id: str = ""
    specimen_uid: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class ScheduledStep:
    """One row.  Text as it should read; ``patient_name`` is family^given^...; dates as dates.
    ``stations``: the AE titles it is meant for, none for whoever asks."""

    patient_id: str
    patient_name: str
    accession: str
    study_uid: str
    procedure_id: str
    step_id: str
    date: dt.date
    time: dt.time | None = None
    modality: str = "US"
    stations: tuple[str, ...] = ()
    issuer: str = ""
    birth_date: dt.date | None = None
    sex: str = ""
    admission_id: str = ""
    placer: str = ""
    filler: str = ""
    referring_physician: str = ""
    requesting_physician: str = ""
    performing_physician: str = ""
    procedure_description: str = ""
    procedure_code: Code | None = None
    step_description: str = ""
    protocol_codes: tuple[Code, ...] = ()
    station_name: str = ""
    location: str = ""
    priority: str = ""
    alerts: str = ""
    allergies: str = ""
    specimens: tuple[ScheduledSpecimen, ...] = ()

    def __repr__(self) -> str:
        return f"ScheduledStep({self.date}, {self.modality})"

    @property
    def order(self) -> tuple[dt.date, dt.time, str]:
        """By which rows are sorted."""
        return self.date, self.time or dt.time.min, self.step_id


class WorklistSource(Protocol):
    """Where rows come from: a file, the orders."""

    async def rows(self) -> Sequence[ScheduledStep]:
        """All that are to be done now, in any order."""
        ...


class Sources:
    """Several sources as one; of rows for the same step the first source's counts."""

    def __init__(self, sources: Sequence[WorklistSource]) -> None:
        self._sources = tuple(sources)

    async def rows(self) -> Sequence[ScheduledStep]:
        """Sorted by time."""
        found: dict[tuple[str, str], ScheduledStep] = {}
        for source in self._sources:
            for row in await source.rows():
                found.setdefault((row.study_uid, row.step_id), row)
        return sorted(found.values(), key=lambda row: row.order)


LIMITS: Final = {
    "patient_id": 64,
    "issuer": 64,
    "accession": 16,
    "procedure_id": 16,
    "step_id": 16,
    "modality": 16,
    "sex": 16,
    "admission_id": 64,
    "placer": 64,
    "filler": 64,
    "procedure_description": 64,
    "step_description": 64,
    "station_name": 16,
    "location": 16,
    "priority": 16,
    "alerts": 64,
    "allergies": 64,
}
_NAMES: Final = (
    "patient_name",
    "referring_physician",
    "requesting_physician",
    "performing_physician",
)
_GROUP: Final = 64
_MUST: Final = ("patient_id", "patient_name", "study_uid", "procedure_id", "step_id", "modality")
_IDENTIFIERS: Final = (
    "patient_id",
    "issuer",
    "accession",
    "procedure_id",
    "step_id",
    "admission_id",
    "placer",
    "filler",
)


def check(row: ScheduledStep) -> tuple[str, ...]:
    """What is wrong with a row, in words for whoever made it; nothing when it can be shown."""
    return tuple(_faults(row))


def _faults(row: ScheduledStep) -> Iterator[str]:
    for name in _MUST:
        if not getattr(row, name):
            yield f"{name} is missing"
    for name, limit in LIMITS.items():
        length = len(getattr(row, name))
        if length > limit:
            yield f"{name} has {length} characters, a worklist takes {limit}; it is never cut"
    for name in _NAMES:
        if any(len(group) > _GROUP for group in getattr(row, name).split("=")):
            yield f"{name} has more than {_GROUP} characters in a group"
    if row.study_uid and not is_valid_uid(row.study_uid):
        yield "study_uid is no UID"
    for title in row.stations:
        if not 1 <= len(title) <= 16 or not title.isascii():
            yield "stations: an AE title has 1 to 16 ASCII characters"
    for code in (row.procedure_code, *row.protocol_codes):
        if code is not None:
            yield from _code_faults(code)
    for field in fields(row):
        value = getattr(row, field.name)
        if isinstance(value, str) and any(not c.isprintable() or c == "\\" for c in value):
            yield f"{field.name} holds a backslash or a control character"


def _code_faults(code: Code) -> Iterator[str]:
    for part, limit in (("value", 16), ("scheme", 16), ("meaning", 64)):
        length = len(getattr(code, part))
        if not 1 <= length <= limit:
            yield f"a code's {part} has {length} characters; it takes 1 to {limit}"


def data_set(row: ScheduledStep, character_set: str) -> Dataset:
    """The row as a data set.  ``Unfit`` when an identifier does not fit the character set."""
    for name in _IDENTIFIERS:
        if changes(getattr(row, name), character_set):
            raise Unfit(f"{name} has letters that {character_set} lacks")
    with unchecked():
        return _Pen(character_set).row(row)


class _Pen:
    """Writes in one character set."""

    def __init__(self, character_set: str) -> None:
        self._set = character_set

    def row(self, row: ScheduledStep) -> Dataset:
        found = new()
        found.SpecificCharacterSet = self._set
        self._patient(found, row)
        self._request(found, row)
        found.ScheduledProcedureStepSequence = sequence([self._step(row)])
        return found

    def _patient(self, found: Dataset, row: ScheduledStep) -> None:
        found.PatientName = self._text(row.patient_name)
        found.PatientID = row.patient_id
        found.IssuerOfPatientID = row.issuer
        found.PatientBirthDate = _day(row.birth_date)
        found.PatientSex = row.sex
        found.MedicalAlerts = self._text(row.alerts)
        found.Allergies = self._text(row.allergies)
        found.AdmissionID = row.admission_id

    def _request(self, found: Dataset, row: ScheduledStep) -> None:
        found.AccessionNumber = row.accession
        found.StudyInstanceUID = row.study_uid
        found.ReferencedStudySequence = sequence()
        found.ReferencedPatientSequence = sequence()
        found.ReferringPhysicianName = self._text(row.referring_physician)
        found.RequestingPhysician = self._text(row.requesting_physician)
        found.RequestedProcedureID = row.procedure_id
        found.RequestedProcedureDescription = self._text(row.procedure_description)
        found.RequestedProcedurePriority = row.priority
        codes = () if row.procedure_code is None else (row.procedure_code,)
        found.RequestedProcedureCodeSequence = self._codes(codes)
        found.PlacerOrderNumberImagingServiceRequest = row.placer
        found.FillerOrderNumberImagingServiceRequest = row.filler

    def _step(self, row: ScheduledStep) -> Dataset:
        step = new()
        step.Modality = row.modality
        step.ScheduledStationAETitle = list(row.stations)
        step.ScheduledProcedureStepStartDate = _day(row.date)
        step.ScheduledProcedureStepStartTime = "" if row.time is None else f"{row.time:%H%M%S}"
        step.ScheduledPerformingPhysicianName = self._text(row.performing_physician)
        step.ScheduledProcedureStepDescription = self._text(row.step_description)
        step.ScheduledProtocolCodeSequence = self._codes(row.protocol_codes)
        step.ScheduledProcedureStepID = row.step_id
        step.ScheduledStationName = self._text(row.station_name, 16)
        step.ScheduledProcedureStepLocation = self._text(row.location, 16)
        step.ScheduledProcedureStepStatus = "SCHEDULED"
        step.ScheduledSpecimenSequence = sequence(_specimen(one) for one in row.specimens)
        return step

    def _codes(self, codes: Sequence[Code]) -> Items:
        return sequence(self._code(code) for code in codes)

    def _code(self, code: Code) -> Dataset:
        item = new()
        item.CodeValue = code.value
        item.CodingSchemeDesignator = code.scheme
        item.CodeMeaning = self._text(code.meaning)
        return item

    def _text(self, value: str, limit: int = 64) -> str:
        return fit(value, self._set, limit)


def _specimen(specimen: ScheduledSpecimen) -> Dataset:
    item = new()
    item.ContainerIdentifier = specimen.container_id
    described = new()
    described.SpecimenIdentifier = specimen.specimen_id
    described.SpecimenUID = specimen.specimen_uid
    item.SpecimenDescriptionSequence = sequence([described])
    return item


def _day(day: dt.date | None) -> str:
    return "" if day is None else f"{day:%Y%m%d}"
