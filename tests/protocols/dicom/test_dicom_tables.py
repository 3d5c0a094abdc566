"""Our tables against pydicom's dictionary of identifiers."""

from __future__ import annotations

import pytest
from pydicom.uid import UID, AllTransferSyntaxes

from gateway.protocols.dicom import STORAGE_COMMITMENT_INSTANCE, is_valid_uid
from gateway.protocols.dicom.settings import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from gateway.protocols.dicom.sop_classes import (
    SOP_CLASSES,
    STORAGE_CLASSES,
    Content,
    SopClass,
    class_name,
)
from gateway.protocols.dicom.transfer_syntaxes import (
    LITTLE_ENDIAN,
    STORABLE,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    WITHOUT_PIXELS,
    Encoding,
    TransferSyntax,
    syntax_name,
)
from gateway.protocols.dicom.uid import (
    APPLICATION_CONTEXT,
    MAX_AE_TITLE,
    read_ae_title,
    read_uid,
    shown_uid,
    write_ae_title,
)


@pytest.mark.parametrize("sop", SOP_CLASSES.values(), ids=lambda sop: sop.name)
def test_sop_class_is_in_the_standard(sop: SopClass) -> None:
    assert UID(sop.uid).type == "SOP Class"


WORDS = {
    "US": "Ultrasound Image Storage",
    "US Multi-frame": "Ultrasound Multi-frame Image Storage",
    "US (retired)": "Ultrasound Image Storage",
    "US Multi-frame (retired)": "Ultrasound Multi-frame Image Storage",
    "Secondary Capture": "Secondary Capture Image Storage",
    "Multi-frame True Color SC": "Multi-frame True Color Secondary Capture Image Storage",
    "Comprehensive SR": "Comprehensive SR Storage",
    "Key Object Selection": "Key Object Selection Document Storage",
    "Encapsulated PDF": "Encapsulated PDF Storage",
    "Raw Data": "Raw Data Storage",
    "MPPS": "Modality Performed Procedure Step SOP Class",
    "Storage Commitment": "Storage Commitment Push Model SOP Class",
    "Modality Worklist": "Modality Worklist Information Model - FIND",
    "Instance Availability": "Instance Availability Notification SOP Class",
}


def test_short_names_are_of_the_right_class() -> None:
    ours = {sop.name: UID(sop.uid).name for sop in SOP_CLASSES.values()}
    for name, words in WORDS.items():
        assert ours[name].startswith(words.removesuffix(" SOP Class")), name
    retired = {sop.name for sop in SOP_CLASSES.values() if UID(sop.uid).is_retired}
    assert retired == {"US (retired)", "US Multi-frame (retired)"}


def test_storage_classes_are_those_of_the_must_have_list() -> None:
    assert len(STORAGE_CLASSES) == 24
    assert {sop.priority for sop in STORAGE_CLASSES} == {0, 1, 2}
    assert all(sop.content is not Content.DIALOGUE for sop in STORAGE_CLASSES)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES.values(), ids=lambda syntax: syntax.name)
def test_transfer_syntax_is_in_the_standard(syntax: TransferSyntax) -> None:
    uid = UID(syntax.uid)
    assert uid.type == "Transfer Syntax"
    if uid in AllTransferSyntaxes and syntax.encoding is not Encoding.ELSEWHERE:
        assert uid.is_compressed == (syntax.encoding is Encoding.ENCAPSULATED)
        assert uid.is_deflated == (syntax.encoding is Encoding.DEFLATED)


def test_what_is_not_in_the_bytes_is_not_storable() -> None:
    names = {UID(uid).name for uid in TRANSFER_SYNTAXES if uid not in STORABLE}
    assert all("JPIP" in name or "SMPTE" in name for name in names)
    assert len(names) == 7


def test_sets_nest() -> None:
    assert LITTLE_ENDIAN < UNCOMPRESSED < WITHOUT_PIXELS < STORABLE


def test_names() -> None:
    assert UID(APPLICATION_CONTEXT).name == "DICOM Application Context Name"
    assert UID(STORAGE_COMMITMENT_INSTANCE).name.startswith("Storage Commitment Push Model")
    assert class_name("1.2.3") == "1.2.3"
    assert syntax_name("1.2.3") == "1.2.3"


def test_we_identify_ourselves_properly() -> None:
    assert UID(IMPLEMENTATION_CLASS_UID).is_valid
    assert is_valid_uid(IMPLEMENTATION_CLASS_UID)
    assert len(IMPLEMENTATION_VERSION) <= 16


@pytest.mark.parametrize(
    ("uid", "valid"),
    [
        ("1.2.840.10008.1.1", True),
        ("1.02.3", True),  # leading zeros: devices send them
        ("1" * 64, True),
        ("1" * 65, False),
        ("", False),
        ("1.2.", False),
        (".1", False),
        ("1..2", False),
        ("1.2a", False),
        ("1.2\n", False),
        ("1.2 ", False),
        ("\u0661.\u0662", False),  # digits, but not ours
    ],
)
def test_valid_uid(uid: str, valid: bool) -> None:
    assert is_valid_uid(uid) is valid
    assert (shown_uid(uid) == uid) is valid


@pytest.mark.parametrize("raw", [b"1.2.3", b"1.2.3\0", b"1.2.3 ", b" 1.2.3\0\0 "])
def test_padding_is_no_part_of_a_uid(raw: bytes) -> None:
    assert read_uid(raw) == "1.2.3"


@pytest.mark.parametrize("raw", [b"GE_01           ", b"  GE_01         ", b"GE_01\0\0", b"GE_01"])
def test_blanks_are_no_part_of_a_title(raw: bytes) -> None:
    assert read_ae_title(raw) == "GE_01"


def test_titles_are_sixteen_bytes_and_keep_their_case() -> None:
    assert write_ae_title(" Ge 01 ") == b"Ge 01           "
    assert len(write_ae_title("A" * MAX_AE_TITLE)) == MAX_AE_TITLE
