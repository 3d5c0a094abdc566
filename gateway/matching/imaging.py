"""Which order a study belongs to, or which it may belong to and why.

A study is tied by itself only to an order that names its Study Instance UID, its accession number
and patient id, its step id and patient id, or through its performed procedure step; and only while
nothing contradicts: the patient id leads to the order's patient, name, birth date and sex agree,
the study is one patient's.  Anything else is for a person, with suggestions.  A name alone never
ties anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import apsw

from gateway.imaging.correction import correction_of
from gateway.matching.persons import contradicts
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.report import Patient

_MOST = 20


class Ground(StrEnum):
    """What ties a study to an order, the strongest first."""

    STUDY_UID = "study-uid"
    ACCESSION = "accession-and-patient-id"
    STEP = "step-id-and-patient-id"
    PERFORMED_STEP = "performed-procedure-step"


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """What a study says of itself."""

    uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    accession: str
    mixed: bool
    steps: tuple[str, ...]
    performed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order a person may have meant; ``why`` for it, ``against`` what speaks against it."""

    order: KnownOrder
    why: tuple[str, ...]
    against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagingMatch:
    order: KnownOrder | None = None
    ground: Ground | None = None
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(slots=True)
class _Candidate:
    order: KnownOrder
    grounds: set[Ground] = field(default_factory=set)
    why: list[str] = field(default_factory=list)


def subject(connection: apsw.Connection, uid: str) -> Subject | None:
    """The study as the archive's index has it, or as a person corrected it."""
    row = connection.execute(
        "SELECT id, patient_id, patient_name, birth_date, sex, accession, mixed FROM studies "
        "WHERE uid = ?",
        (uid,),
    ).fetchone()
    if row is None:
        return None
    study, patient_id, name, birth_date, sex, accession, mixed = row
    correction = correction_of(connection, uid)
    if correction is not None:
        patient_id, _, name, birth_date, sex = correction.values
    steps = tuple(_named(connection, "step_id", study))
    performed = tuple(_named(connection, "mpps", study))
    return Subject(uid, patient_id, name, birth_date, sex, accession, bool(mixed), steps, performed)


def decide(connection: apsw.Connection, study: Subject) -> ImagingMatch:
    """The order it is tied to; otherwise what a person may choose from."""
    candidates = _candidates(connection, study)
    sound = [c for c in candidates if c.grounds and not against(connection, study, c.order)]
    numbers = {(c.order.placer, c.order.placer_namespace) for c in sound}
    if len(numbers) == 1:
        best = min(sound, key=lambda c: (_rank(c), c.order.id))
        return ImagingMatch(best.order, min(best.grounds, key=list(Ground).index))
    told = [
        Suggestion(c.order, tuple(c.why), against(connection, study, c.order)) for c in candidates
    ]
    return ImagingMatch(suggestions=tuple(told[:_MOST]))


def _rank(candidate: _Candidate) -> int:
    return min(list(Ground).index(ground) for ground in candidate.grounds)


def _candidates(connection: apsw.Connection, study: Subject) -> list[_Candidate]:
    """Every order anything points to, the best founded first."""
    found: dict[int, _Candidate] = {}
    owners = patients.with_number(connection, study.patient_id) if study.patient_id else ()

    def note(numbers: Iterable[int], why: str, ground: Ground, *, needs_patient: bool) -> None:
        for number in numbers:
            order = book.find(connection, number)
            if order is None:
                continue
            candidate = found.setdefault(number, _Candidate(order))
            candidate.why.append(why)
            if not needs_patient or order.patient in owners:
                candidate.grounds.add(ground)

    by_uid = _orders(connection, "study_uid", study.uid)
    note(by_uid, "the order names this study", Ground.STUDY_UID, needs_patient=False)
    by_accession = _orders(connection, "accession", study.accession)
    note(by_accession, "same accession number", Ground.ACCESSION, needs_patient=True)
    for step in study.steps:
        by_step = _orders(connection, "step", step)
        note(by_step, "same scheduled step", Ground.STEP, needs_patient=True)
    performed = _performed(connection, study)
    note(performed, "its performed step names the order", Ground.PERFORMED_STEP, needs_patient=True)
    for owner in owners:
        for order in book.of_patient(connection, owner):
            if order.status.open and _is_imaging(connection, order.id):
                found.setdefault(order.id, _Candidate(order)).why.append("same patient id")
    return sorted(found.values(), key=lambda c: (not c.grounds, -len(c.why), c.order.id))


def against(connection: apsw.Connection, study: Subject, order: KnownOrder) -> tuple[str, ...]:
    """What keeps the study from being tied to this order without a person."""
    told = []
    if study.mixed:
        told.append("images of this study name different patients")
    if order.status.value == "cancelled":
        told.append("the order was cancelled")
    if study.patient_id and patients.with_number(connection, study.patient_id) != (order.patient,):
        told.append("the patient id is not that of the order's patient")
    known = patients.find(connection, order.patient)
    sent = Patient(
        name=study.patient_name or None,
        birth_date=iso_date(study.birth_date),
        sex=study.sex or None,
    )
    if known is not None and contradicts(sent, known):
        told.append("name, birth date or sex differ")
    return tuple(told)


def iso_date(date: str) -> str | None:
    """A DICOM date as the EHR's records write it; None for none or an odd one."""
    bare = date.replace(".", "")  # 1994.11.05 is of before DICOM 3.0
    if len(bare) != 8 or not bare.isdigit():
        return None
    return f"{bare[:4]}-{bare[4:6]}-{bare[6:]}"


def _performed(connection: apsw.Connection, study: Subject) -> list[int]:
    """Orders named by the performed steps of the study or of its images."""
    rows: list[tuple[str, str]] = [
        (accession, study_uid)
        for uid in ("", *study.performed)
        for accession, study_uid in connection.execute(
            "SELECT accession, study_uid FROM procedure_steps WHERE uid = ? OR study_uid = ?",
            (uid, study.uid),
        )
    ]
    found: dict[int, None] = {}
    for accession, uid in rows:
        numbers = (
            *_orders(connection, "study_uid", uid),
            *_orders(connection, "accession", accession),
        )
        found |= dict.fromkeys(numbers)
    return list(found)


def _orders(connection: apsw.Connection, column: str, value: str) -> Sequence[int]:
    if not value:
        return ()
    rows = connection.execute(
        f"SELECT DISTINCT order_id FROM imaging_procedures WHERE {column} = ? "  # noqa: S608
        "ORDER BY order_id LIMIT 50",
        (value,),
    )
    return [number for (number,) in rows]


def _named(connection: apsw.Connection, column: str, study: int) -> list[str]:
    rows = connection.execute(
        f"SELECT DISTINCT i.{column} FROM instances i JOIN series e ON e.id = i.series "  # noqa: S608
        f"WHERE e.study = ? AND i.{column} <> '' LIMIT 20",
        (study,),
    )
    return [value for (value,) in rows]


def _is_imaging(connection: apsw.Connection, order: int) -> bool:
    query = "SELECT 1 FROM imaging_procedures WHERE order_id = ?"
    return connection.execute(query, (order,)).fetchone() is not None
