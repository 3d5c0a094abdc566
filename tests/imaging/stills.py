"""Small images that a strict peer takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
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

    def implicit(self) -> bytes:
        """Its data set as pydicom writes it in Implicit VR Little Endian."""
        return written(self.content, implicit=True)


@dataclass(frozen=True, slots=True)
class Clip:
    """A SonoSite's, 30 frames of JPEG, from pydicom's files: 0.2 MB."""

    uid: str
    study: str
    sop_class: str
    transfer_syntax: str
    data_set: bytes


def clip() -> Clip:
    path = get_testdata_file("examples_ybr_color.dcm")
    assert isinstance(path, str)
    found, raw = dcmread(path, stop_before_pixels=True), Path(path).read_bytes()
    meta = found.file_meta
    start = 144 + meta.FileMetaInformationGroupLength
    ids = (found.SOPInstanceUID, found.StudyInstanceUID, found.SOPClassUID, meta.TransferSyntaxUID)
    return Clip(*map(str, ids), raw[start:])


def written(content: Dataset, *, implicit: bool) -> bytes:
    target = DicomBytesIO()
    target.is_implicit_VR = implicit
    target.is_little_endian = True
    write_dataset(target, content)
    return target.getvalue()


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
    data_set = written(found, implicit=False)
    found.ensure_file_meta()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return Still(found.SOPInstanceUID, data_set, found)
