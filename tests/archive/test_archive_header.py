"""The head of a data set, read where it lies: agreement with pydicom, damage, limits."""

from __future__ import annotations

import contextlib
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from gateway.archive import Header, Unreadable, scan
from gateway.archive.elements import DEPTH
from gateway.archive.header import Bytes
from gateway.archive.text import decode
from gateway.protocols.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)


def made(**more: object) -> Dataset:
    """With everything the index wants."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.3"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.4", "1.2.5"
    data.PatientName, data.PatientID, data.IssuerOfPatientID = "TEST^ÄNNE", "P-1", "CLINIC"
    data.PatientBirthDate, data.PatientSex = "19800102", "F"
    data.AccessionNumber, data.StudyID, data.Modality = "A-1", "S-1", "US"
    data.Rows, data.Columns, data.NumberOfFrames = 480, 640, 30
    step, request = Dataset(), Dataset()
    step.ReferencedSOPClassUID, step.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.3", "1.2.6"
    request.ScheduledProcedureStepID, request.RequestedProcedureID = "SPS-1", "RP-1"
    data.ReferencedPerformedProcedureStepSequence = [step]
    data.RequestAttributesSequence = [request]
    data.PixelData = bytes(64)
    for name, value in more.items():
        setattr(data, name, value)
    return data


def encoded(data: Dataset, syntax: str, *, undefined: bool = False) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT_LE
    buffer.is_little_endian = syntax != EXPLICIT_BE
    data["PixelData"].VR = "OW" if syntax == IMPLICIT_LE else "OB"
    for element in data:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    write_dataset(buffer, data)
    raw = buffer.getvalue()
    if syntax == DEFLATED_LE:
        engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return engine.compress(raw) + engine.flush()
    return raw


def read(raw: bytes, syntax: str) -> Header:
    return scan(Bytes(raw), len(raw), syntax)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE])
def test_every_encoding(syntax: str, undefined: bool) -> None:
    header = read(encoded(made(), syntax, undefined=undefined), syntax)
    assert header.patient_name == "TEST^ÄNNE"
    assert (header.sop_instance_uid, header.study_uid, header.series_uid) == (
        "1.2.3",
        "1.2.4",
        "1.2.5",
    )
    assert (header.patient_id, header.issuer_of_patient_id) == ("P-1", "CLINIC")
    assert (header.rows, header.columns, header.frames) == ("480", "640", "30")
    assert (header.step_id, header.procedure_id, header.mpps_uid) == ("SPS-1", "RP-1", "1.2.6")
    assert (header.accession_number, header.modality) == ("A-1", "US")
    assert "TEST" not in repr(header)


def own_files() -> list[Path]:
    return sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm"))


def test_agrees_with_pydicom_on_its_own_files() -> None:
    agreed = 0
    for path in own_files():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                theirs = pydicom.dcmread(path, stop_before_pixels=True)
                syntax = str(theirs.file_meta.TransferSyntaxUID)
                expected = str(theirs.StudyInstanceUID), str(theirs.SOPInstanceUID)
                patient = str(theirs.get("PatientID", "") or "").strip()
            except (pydicom.errors.InvalidDicomError, AttributeError, OSError, ValueError):
                continue
        raw = path.read_bytes()
        at = raw.find(b"\x02\x00\x00\x00UL\x04\x00")
        if at < 0:
            continue
        start = at + 12 + int.from_bytes(raw[at + 8 : at + 12], "little")
        try:
            header = read(raw[start:], syntax)
        except Unreadable:
            assert not all(expected), path.name
            continue
        assert (header.study_uid, header.sop_instance_uid) == expected, path.name
        assert header.patient_id == patient, path.name
        agreed += 1
    assert agreed > 60


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_damage_is_unreadable_or_harmless(data: st.DataObject) -> None:
    raw = bytearray(encoded(made(), data.draw(st.sampled_from([IMPLICIT_LE, EXPLICIT_LE]))))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    for syntax in (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE):
        with contextlib.suppress(Unreadable):
            read(bytes(raw), syntax)


@pytest.mark.parametrize("missing", ["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_without_an_identifier(missing: str) -> None:
    data = made()
    delattr(data, missing)
    with pytest.raises(Unreadable):
        read(encoded(data, EXPLICIT_LE), EXPLICIT_LE)


def nested(levels: int) -> bytes:
    opening = b"\x09\x00\x10\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    raw = encoded(made(), EXPLICIT_LE)
    at = raw.index(b"\x10\x00\x10\x00")
    return raw[:at] + opening * levels + closing * levels + raw[at:]


def test_nesting_has_a_limit() -> None:
    assert read(nested(DEPTH - 1), EXPLICIT_LE).study_uid == "1.2.4"
    with pytest.raises(Unreadable, match="nest"):
        read(nested(DEPTH + 1), EXPLICIT_LE)


def test_many_elements_have_a_limit() -> None:
    raw = encoded(made(), EXPLICIT_LE)
    with pytest.raises(Unreadable, match="elements"):
        read(b"\x08\x00\x01\x00SH\0\0" * 100_001 + raw, EXPLICIT_LE)


@pytest.mark.parametrize(
    ("value", "sets", "text"),
    [
        (b"DOE^JANE ", [], "DOE^JANE"),
        (b"M\xfcller\0", [], "Müller"),
        (b"M\xfcller", ["ISO_IR 100"], "Müller"),
        ("Müller".encode(), ["ISO_IR 192"], "Müller"),
        ("Люкceмбypг".encode("iso8859-5"), ["ISO_IR 144"], "Люкceмбypг"),
        ("王^小东".encode("gb18030"), ["GB18030"], "王^小东"),
        (
            b"Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B",
            ["", "ISO 2022 IR 87"],
            "Yamada^Tarou=山田^太郎",
        ),
        (b"\xff\xfe", ["ISO_IR 192"], "\ufffd\ufffd"),
        (b"plain", ["no such set"], "plain"),
    ],
)
def test_text(value: bytes, sets: list[str], text: str) -> None:
    assert decode(value, sets) == text


def test_pydicom_reads_what_was_made() -> None:
    assert pydicom.dcmread(BytesIO(encoded(made(), IMPLICIT_LE)), force=True).PatientID == "P-1"
