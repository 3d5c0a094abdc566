"""Worklist rows from the orders of the EHR: HL7's words made DICOM's.

A step nobody has set a time for is shown for today.  An order that a modality could not take (an
accession number of more than 16 characters) is left out and its fault told once:
field and limit, no value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway import logs
from gateway.imaging.worklist import Code, ScheduledSpecimen, ScheduledStep, check
from gateway.matching.performed import finished
from gateway.names import dicom_name, name_parts
from gateway.orders.model import Identifier
from gateway.orders.worklist import WorklistRow, worklist
from gateway.store import Store

PAST: Final = timedelta(days=7)
_PRIORITIES: Final = {"S": "STAT", "A": "HIGH", "R": "ROUTINE", "ST": "STAT", "STAT": "STAT"}
_LOCAL_SCHEME: Final = "L"


class OrderedProcedures:
    """A ``WorklistSource``: what is ordered and not done, step by step."""

    def __init__(self, store: Store, clock: Callable[[], datetime], zone: ZoneInfo) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._told: frozenset[str] = frozenset()

    async def rows(self) -> Sequence[ScheduledStep]:
        now = self._clock()
        found: list[ScheduledStep] = []
        faults: set[str] = set()
        done = await self._store.engine.browse(finished)
        for row in await worklist(self._store, since=now - PAST):
            if (row.study_uid, row.step) in done:
                continue
            step = step_of(row, self._zone, now.astimezone(self._zone).date())
            wrong = check(step)
            faults.update(wrong)
            if not wrong:
                found.append(step)
        self._tell(frozenset(faults))
        return found

    def _tell(self, faults: frozenset[str]) -> None:
        for fault in sorted(faults - self._told):
            logs.get().warning("worklist.unfit-order", reason=fault)
        self._told = faults


def step_of(row: WorklistRow, zone: ZoneInfo, today: date) -> ScheduledStep:
    """The row in DICOM's terms; ``today`` for a step without a time."""
    patient, number = row.patient, _number(row.patient.identifiers)
    when = None if row.scheduled_at is None else row.scheduled_at.astimezone(zone)
    code, text, system = row.procedure
    return ScheduledStep(
        patient_id=number.value,
        issuer=number.authority,
        patient_name=dicom_name(name_parts(patient.name or "")),
        birth_date=_day(patient.birth_date),
        sex=patient.sex if patient.sex in ("M", "F", "O") else "",
        accession=row.accession,
        study_uid=row.study_uid,
        procedure_id=row.requested_procedure or row.accession,
        procedure_description=text or code,
        procedure_code=_code(code, system, text),
        step_id=row.step,
        step_description=text or code,
        protocol_codes=(),
        date=today if when is None else when.date(),
        time=None if when is None else when.time(),
        modality=row.modality or "US",
        stations=(row.ae_title,) if row.ae_title else (),
        station_name=row.station or "",
        location=row.location or "",
        placer=row.placer,
        filler=row.filler or "",
        admission_id=row.visit or "",
        priority=_PRIORITIES.get(row.priority or "", ""),
        referring_physician=_physician(row.provider),
        specimens=tuple(ScheduledSpecimen(label, label) for label in row.specimens),
    )


def _number(identifiers: Sequence[Identifier]) -> Identifier:
    """The medical record number, else the first there is."""
    records = [one for one in identifiers if one.type == "MR"]
    return (*records, *identifiers, Identifier(""))[0]


def _physician(provider: Sequence[str]) -> str:
    """XCN: number, family, given."""
    return "^".join(provider[1:3]).rstrip("^")


def _code(code: str, system: str | None, text: str | None) -> Code | None:
    """Codes longer than a short string have only their description."""
    scheme = system or _LOCAL_SCHEME
    if not 0 < len(code) <= 16 or len(scheme) > 16:
        return None
    return Code(code, scheme, (text or code)[:64])


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None
