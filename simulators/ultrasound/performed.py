"""The data sets of a performed procedure step (PS3.4 F.7.2) and of a commitment request (J.3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from simulators.ultrasound.personality import Personality


def begun(exam: Dataset, unit: Personality, number: str, at: datetime) -> Dataset:
    """N-CREATE: IN PROGRESS."""
    step = Dataset()
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(step, name, exam.get(name, ""))
    step.ReferencedPatientSequence = Items([])
    step.ScheduledStepAttributesSequence = Items([_scheduled(exam)])
    step.PerformedProcedureStepID = number
    step.PerformedStationAETitle = unit.ae_title
    step.PerformedStationName = unit.ae_title
    step.PerformedLocation = ""
    step.PerformedProcedureStepStartDate = at.strftime("%Y%m%d")
    step.PerformedProcedureStepStartTime = at.strftime("%H%M%S")
    step.PerformedProcedureStepEndDate = step.PerformedProcedureStepEndTime = ""
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.PerformedProcedureStepDescription = step.PerformedProcedureTypeDescription = ""
    step.ProcedureCodeSequence = step.PerformedProtocolCodeSequence = Items([])
    step.Modality, step.StudyID = "US", exam.get("StudyID", "")
    step.PerformedSeriesSequence = Items([])
    return step


def ended(sent: Sequence[Dataset], at: datetime, status: str = "COMPLETED") -> Dataset:
    """N-SET: the end, with everything that was sent, series by series."""
    step = Dataset()
    step.PerformedProcedureStepStatus = status
    step.PerformedProcedureStepEndDate = at.strftime("%Y%m%d")
    step.PerformedProcedureStepEndTime = at.strftime("%H%M%S")
    uids = list(dict.fromkeys(str(ds.SeriesInstanceUID) for ds in sent))
    step.PerformedSeriesSequence = Items([_series(uid, sent) for uid in uids])
    return step


def commitment(sent: Sequence[Dataset], transaction: str) -> Dataset:
    """N-ACTION: please be responsible for these."""
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = Items([_reference(ds) for ds in sent])
    return request


def _series(uid: str, sent: Sequence[Dataset]) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = uid
    series.PerformingPhysicianName = series.OperatorsName = series.SeriesDescription = ""
    series.ProtocolName = "US"
    series.RetrieveAETitle = ""
    mine = [ds for ds in sent if ds.SeriesInstanceUID == uid]
    series.ReferencedImageSequence = Items([_reference(ds) for ds in mine if ds.Modality == "US"])
    series.ReferencedNonImageCompositeSOPInstanceSequence = Items(
        [_reference(ds) for ds in mine if ds.Modality != "US"]
    )
    return series


def _scheduled(exam: Dataset) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = exam.StudyInstanceUID
    item.ReferencedStudySequence = Items([])
    item.AccessionNumber = exam.get("AccessionNumber", "")
    requests = exam.get("RequestAttributesSequence") or [Dataset()]
    for name in (
        "RequestedProcedureID",
        "RequestedProcedureDescription",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepDescription",
    ):
        setattr(item, name, requests[0].get(name, ""))
    item.ScheduledProtocolCodeSequence = Items([])
    return item


def _reference(instance: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = instance.SOPClassUID
    reference.ReferencedSOPInstanceUID = instance.SOPInstanceUID
    return reference
