"""A Comprehensive SR with the root of the OB-GYN ultrasound report (PS3.16 TID 5000).

One biometry group with three measurements in UCUM units and the image they were taken on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import UID

from simulators.ultrasound import personality as p

Triplet = tuple[str, str, str]

_MEASUREMENTS: Final[tuple[tuple[Triplet, str], ...]] = (
    (("11820-8", "LN", "Biparietal Diameter"), "4.71"),
    (("11984-2", "LN", "Head Circumference"), "17.3"),
    (("11963-6", "LN", "Femur Length"), "3.24"),
)


def measurements(exam: Dataset, uid: str, series_uid: str, image: Dataset, at: datetime) -> Dataset:
    """The report of an exam; ``image`` is the still it refers to."""
    report = Dataset()
    report.update(exam)
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = UID(p.EXPLICIT)
    report.SOPClassUID, report.SOPInstanceUID = p.COMPREHENSIVE_SR, uid
    report.Modality = "SR"
    report.SeriesInstanceUID, report.SeriesNumber = series_uid, 2
    report.InstanceNumber = 1
    report.ContentDate, report.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.ReferencedPerformedProcedureStepSequence = Items([])
    report.PerformedProcedureCodeSequence = Items([])
    report.CurrentRequestedProcedureEvidenceSequence = Items([_evidence(image)])
    _root(report, image)
    return report


def _root(report: Dataset, image: Dataset) -> None:
    report.ValueType = "CONTAINER"
    report.ConceptNameCodeSequence = Items(
        [_code(("125000", "DCM", "OB-GYN Ultrasound Procedure Report"))]
    )
    report.ContinuityOfContent = "SEPARATE"
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "5000"
    report.ContentTemplateSequence = Items([template])
    group = _item("CONTAINS", "CONTAINER", ("125002", "DCM", "Fetal Biometry"))
    group.ContinuityOfContent = "SEPARATE"
    group.ContentSequence = Items([_number(name, value) for name, value in _MEASUREMENTS])
    report.ContentSequence = Items([group, _image_item(image)])


def _number(name: Triplet, value: str) -> Dataset:
    item = _item("CONTAINS", "NUM", name)
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = Items([_code(("cm", "UCUM", "centimeter"))])
    item.MeasuredValueSequence = Items([measured])
    return item


def _image_item(image: Dataset) -> Dataset:
    item = _item("CONTAINS", "IMAGE", ("121200", "DCM", "Illustration of ROI"))
    item.ReferencedSOPSequence = Items([_reference(image)])
    return item


def _item(relationship: str, value_type: str, name: Triplet) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relationship, value_type
    item.ConceptNameCodeSequence = Items([_code(name)])
    return item


def _code(triplet: Triplet) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = triplet
    return code


def _evidence(image: Dataset) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = image.SeriesInstanceUID
    series.ReferencedSOPSequence = Items([_reference(image)])
    study = Dataset()
    study.StudyInstanceUID = image.StudyInstanceUID
    study.ReferencedSeriesSequence = Items([series])
    return study


def _reference(image: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return reference
