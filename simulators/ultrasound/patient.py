"""Whose exam it is: from a worklist item, or invented the way units invent it.

Names are of nobody: TEST and a number.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from simulators.ultrasound.personality import Identity, Personality

_FROM_ITEM = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SpecificCharacterSet",
)


def without_worklist(
    unit: Personality, number: int, uid: str, at: datetime, pick: Callable[[str], str]
) -> Dataset:
    """An exam begun at the console; ``pick`` chooses one letter of a text."""
    exam = _study(unit, uid, at)
    exam.PatientName = f"TEST^{pick('ABCDEFGH')}{number}"
    exam.PatientID = {
        Identity.EMPTY: "",
        Identity.CLOCK: at.strftime("%y-%m-%d-%H%M%S"),
        Identity.COUNTER: str(200 + number),
    }[unit.identity]
    exam.PatientBirthDate = ""
    exam.PatientSex = ""
    exam.AccessionNumber = ""
    exam.StudyID = str(number)
    return exam


def from_worklist(unit: Personality, item: Dataset, uid: str, at: datetime) -> Dataset:
    """An exam picked from the worklist; the item's Study Instance UID is taken when it has one."""
    exam = _study(unit, str(item.get("StudyInstanceUID", "") or uid), at)
    for name in _FROM_ITEM:
        if name in item:
            setattr(exam, name, item[name].value)
    exam.StudyID = str(item.get("RequestedProcedureID", ""))
    exam.StudyDescription = str(item.get("RequestedProcedureDescription", ""))
    exam.RequestAttributesSequence = Items([_request(item)])
    return exam


def _request(item: Dataset) -> Dataset:
    step = item.ScheduledProcedureStepSequence[0]
    request = Dataset()
    request.RequestedProcedureID = item.get("RequestedProcedureID", "")
    request.RequestedProcedureDescription = item.get("RequestedProcedureDescription", "")
    request.ScheduledProcedureStepID = step.get("ScheduledProcedureStepID", "")
    request.ScheduledProcedureStepDescription = step.get("ScheduledProcedureStepDescription", "")
    return request


def _study(unit: Personality, uid: str, at: datetime) -> Dataset:
    exam = Dataset()
    exam.SpecificCharacterSet = "ISO_IR 100"
    exam.StudyInstanceUID = uid
    exam.StudyDate = exam.SeriesDate = at.strftime("%Y%m%d")
    exam.StudyTime = exam.SeriesTime = at.strftime("%H%M%S")
    exam.Modality = "US"
    exam.Manufacturer = unit.manufacturer
    exam.ManufacturerModelName = unit.model
    exam.SoftwareVersions = unit.software
    exam.DeviceSerialNumber = "SIM-0001"
    exam.StationName = unit.ae_title
    exam.ReferringPhysicianName = ""
    if unit.private_creator:
        exam.private_block(0x0019, unit.private_creator, create=True).add_new(1, "LO", "SIMULATED")
    return exam
