"""The DICOMDIR of an export (PS3.10 8.6): one record for each image, report and document."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, config, dcmread
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence as Items

from gateway.rendering.child.identity import correct_only
from gateway.rendering.trouble import Refused, Trouble

_RECORDED = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "PatientID", "PatientName"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "Modality", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber"),
    *(
        "CompletionFlag",
        "VerificationFlag",
        "ContentDate",
        "ContentTime",
        "VerifyingObserverSequence",
    ),
    *("ConceptNameCodeSequence", "ContentSequence", "PresentationCreationDate"),
    *("PresentationCreationTime", "ReferencedSeriesSequence", "ContentLabel"),
    *("ContentDescription", "ContentCreatorName", "DocumentTitle", "HL7InstanceIdentifier"),
    *("MIMETypeOfEncapsulatedDocument", "BlendingSequence"),
]


def directory(request: Mapping[str, Any]) -> list[bytes]:
    """DICOMDIR of the named files (PS3.10 8.6), and which File ID each got, as JSON: null for a
    class no directory record is defined for.  Only what records need is read of the files."""
    scratch = Path(request["scratch"])
    tempfile.tempdir = str(scratch)
    made, names = FileSet(), []
    with config.disable_value_validation():
        for number, path in enumerate(request["paths"], 1):
            head = dcmread(path, stop_before_pixels=True, specific_tags=_RECORDED)
            correct_only(head, request["correction"])
            _report(head)
            _complete(head, number, request["day"])
            try:
                names.append(str(made.add(head).SOPInstanceUID))
            except (ValueError, NotImplementedError):
                names.append("")
        if not len(made):
            raise Refused(Trouble.NO_PICTURE)
        made.write(scratch / "set")
    ids = {str(one.SOPInstanceUID): one.FileID for one in made}
    found = [ids.get(uid) for uid in names]
    return [(scratch / "set" / "DICOMDIR").read_bytes(), json.dumps(found).encode()]


def _report(head: Dataset) -> None:
    """Of its content only what modifies the title, and when it was verified (PS3.3 F.5.29)."""
    items = head.get("ContentSequence") or ()
    kept = [item for item in items if item.get("RelationshipType") == "HAS CONCEPT MOD"]
    if kept:
        head.ContentSequence = Items(kept)
    elif "ContentSequence" in head:
        del head.ContentSequence
    times = [
        str(o.get("VerificationDateTime", "")) for o in head.get("VerifyingObserverSequence") or ()
    ]
    if any(times):
        head.VerificationDateTime = max(times)


def _complete(head: Dataset, number: int, day: str) -> None:
    """What a record must have and a device left out; the files stay without."""
    needed = {"PatientID": "-", "StudyID": "-", "StudyTime": "000000", "StudyDate": day}
    needed |= {"Modality": "OT", "SeriesNumber": "0", "InstanceNumber": str(number)}
    needed |= {"ContentDate": day, "ContentTime": "000000"}
    for name, value in needed.items():
        if not head.get(name):
            setattr(head, name, value)
    for name in ("StudyDate", "ContentDate"):
        digits = str(head[name].value).replace(".", "")  # 1994.11.05 is of before DICOM 3.0
        setattr(head, name, digits if len(digits) == 8 and digits.isdigit() else day)
