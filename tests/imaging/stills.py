"""Small images that a strict peer takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


@dataclass(frozen=True, slots=True)
class Still:
    uid: str
    data_set: bytes
    content: Dataset

    def save(self, path: Path) -> Path:
        self.content.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)
        return path


def still(number: int, *, study: str = "2.25.1", name: str = "DOE^JANE", seed: int = 0) -> Still:
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 100"
    found.SOPClassUID = ULTRASOUND
    found.SOPInstanceUID = f"{study}.1.{number}"
    found.StudyDate = "20260105"
    found.StudyTime = "093000"
    found.AccessionNumber = "US1"
    found.Modality = "US"
    found.PatientName = name
    found.PatientID = "TEST-1"
    found.PatientBirthDate = "19700101"
    found.PatientSex = "F"
    found.StudyID = "1"
    found.StudyInstanceUID = study
    found.SeriesInstanceUID = f"{study}.1"
    found.SeriesNumber = 1
    found.InstanceNumber = number
    found.SamplesPerPixel = 1
    found.PhotometricInterpretation = "MONOCHROME2"
    found.Rows = 16
    found.Columns = 16
    found.BitsAllocated = 8
    found.BitsStored = 8
    found.HighBit = 7
    found.PixelRepresentation = 0
    found.PixelData = bytes((seed + number + n) % 256 for n in range(256))
    found["PixelData"].VR = "OB"
    target = DicomBytesIO()
    target.is_implicit_VR = False
    target.is_little_endian = True
    write_dataset(target, found)
    found.ensure_file_meta()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return Still(found.SOPInstanceUID, target.getvalue(), found)
