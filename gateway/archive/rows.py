"""Rows of the index as values, and how they are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.store.moments import from_micros
from gateway.store.rows import Row


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """``match_state``: unmatched, matched or suggested; ``match_order`` the order's key."""

    id: int
    uid: str
    device: str | None
    patient_id: str
    issuer: str
    patient_name: str
    birth_date: str
    sex: str
    accession: str
    study_id: str
    study_date: str
    study_time: str
    description: str
    referring: str
    first_at: datetime
    changed_at: datetime
    instances: int
    bytes: int
    mixed: bool
    match_state: str
    match_order: str | None

    def __repr__(self) -> str:
        return f"Study(uid={self.uid!r}, instances={self.instances})"


@dataclass(frozen=True, slots=True)
class Series:
    id: int
    study: int
    uid: str
    modality: str
    number: str
    description: str
    instances: int


@dataclass(frozen=True, slots=True, repr=False)
class Instance:
    """``sha256`` and ``size`` are of the data set, which begins at ``start`` of the file.

    ``state``: stored; damaged when the file is not what was received; purging and purged when it is
    gone because another archive keeps it.
    """

    id: int
    series: int
    uid: str
    sop_class: str
    transfer_syntax: str
    number: str
    rows: str
    columns: str
    frames: str
    content_date: str
    content_time: str
    character_set: str
    patient_id: str
    issuer: str
    patient_name: str
    accession: str
    step_id: str
    procedure_id: str
    mpps: str
    station: str
    device: str | None
    calling: str
    called: str
    host: str
    received_at: datetime
    sha256: bytes
    size: int
    start: int
    path: str
    state: str

    def __repr__(self) -> str:
        return f"Instance(uid={self.uid!r}, state={self.state!r})"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """``reason``: conflict (a known UID with other bytes), mismatch (not what the command said)
    or unreadable."""

    id: int
    reason: str
    detail: str
    sop_class: str
    uid: str
    study_uid: str
    transfer_syntax: str
    device: str | None
    calling: str
    called: str
    host: str
    received_at: datetime
    sha256: bytes
    size: int
    start: int
    path: str
    state: str


STUDY: Final = (
    "SELECT s.id, s.uid, s.device, s.patient_id, s.issuer, s.patient_name, s.birth_date, s.sex, "
    "s.accession, s.study_id, s.study_date, s.study_time, s.description, s.referring, s.first_at, "
    "s.changed_at, s.instances, s.bytes, s.mixed, s.match_state, s.match_order FROM studies s"
)


def as_corrected(column: str) -> str:
    """A study's column as it goes out: as a person corrected it, else as it came."""
    return (
        f"COALESCE((SELECT c.{column} FROM study_corrections c WHERE c.study_uid = s.uid "  # noqa: S608
        f"ORDER BY c.id DESC LIMIT 1), s.{column})"
    )


IDENTITY: Final = ("patient_id", "issuer", "patient_name", "birth_date", "sex")
STUDY_OUT: Final = re.sub(
    rf"s\.({'|'.join(IDENTITY)})\b", lambda found: as_corrected(found[1]), STUDY
)
SERIES: Final = (
    "SELECT e.id, e.study, e.uid, e.modality, e.number, e.description, e.instances FROM series e"
)
INSTANCE: Final = (
    "SELECT i.id, i.series, i.uid, i.sop_class, i.transfer_syntax, i.number, i.rows, i.columns, "
    "i.frames, i.content_date, i.content_time, i.character_set, i.patient_id, i.issuer, "
    "i.patient_name, i.accession, i.step_id, i.procedure_id, i.mpps, i.station, i.device, "
    "i.calling, i.called, i.host, i.received_at, i.sha256, i.size, i.start, i.path, i.state "
    "FROM instances i"
)
QUARANTINED: Final = (
    "SELECT q.id, q.reason, q.detail, q.sop_class, q.uid, q.study_uid, q.transfer_syntax, "
    "q.device, q.calling, q.called, q.host, q.received_at, q.sha256, q.size, q.start, q.path, "
    "q.state FROM quarantine q"
)


def study_of(row: Row) -> Study:
    first, changed, mixed = from_micros(row[14]), from_micros(row[15]), bool(row[18])
    return Study(*(*row[:14], first, changed, *row[16:18], mixed, *row[19:]))


def series_of(row: Row) -> Series:
    return Series(*row)


def instance_of(row: Row) -> Instance:
    return Instance(*(*row[:24], from_micros(row[24]), *row[25:]))


def quarantined_of(row: Row) -> Quarantined:
    return Quarantined(*(*row[:11], from_micros(row[11]), *row[12:]))
