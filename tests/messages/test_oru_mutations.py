"""Nothing can be changed in a message without ``verify`` noticing: no byte, field or segment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import oru_samples as samples
import pytest

from gateway.messages import (
    DESTINATION_PROFILES,
    DestinationProfile,
    EntityIdentifier,
    Envelope,
    HierarchicDesignator,
    NotEncodable,
    ProcessingId,
    encode,
    verify,
)
from gateway.report import (
    Absent,
    AbsentReason,
    Comparator,
    Kind,
    Observation,
    PatientId,
    Quantity,
    Range,
    Report,
    Status,
    Text,
    Titer,
    Unit,
)

CASES = {case.name: case for case in samples.CASES}
EVERYTHING = replace(
    CASES["identifiers"].report,
    observations=(
        samples.WBC,
        *CASES["structured"].report.observations[:2],
        *CASES["coded"].report.observations,
        *CASES["absent"].report.observations[:1],
        samples.observation("ANA", "5048-4", Titer("1", "80")),
        samples.observation("R", None, Range("2", "5", Unit("/HPF"))),
        samples.observation("T", None, Text("a|b"), flags=("odd",), notes=("a & b",)),
    ),
    specimen=CASES["collected"].report.specimen,
    notes=("whole report",),
)
ENVELOPE = replace(CASES["identifiers"].envelope, order=samples.ORDER)
PROFILES = [pytest.param(profile, id=name) for name, profile in DESTINATION_PROFILES.items()]


def good(profile: DestinationProfile) -> bytes:
    message = encode(EVERYTHING, ENVELOPE, profile)
    verify(message, EVERYTHING, ENVELOPE, profile)
    return message


def refused(message: bytes, profile: DestinationProfile) -> bool:
    try:
        verify(message, EVERYTHING, ENVELOPE, profile)
    except NotEncodable:
        return True
    return False


def _altered(byte: int) -> bytes:
    """A plausible other byte: a digit for a digit, a letter for a letter, and so on."""
    if 0x30 <= byte <= 0x39:
        return bytes([0x30 + (byte - 0x30 + 1) % 10])
    if chr(byte).isalpha():
        return bytes([byte ^ 0x20])
    return {0x7C: b"^", 0x5E: b"|", 0x7E: b"^", 0x26: b"^", 0x5C: b"/", 0x0D: b"|"}.get(byte, b"!")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_altered_byte_is_noticed(profile: DestinationProfile) -> None:
    message = good(profile)
    missed = [
        at
        for at, byte in enumerate(message)
        if not refused(message[:at] + _altered(byte) + message[at + 1 :], profile)
    ]
    assert missed == []


def test_every_missing_or_doubled_byte_is_noticed() -> None:
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    message = good(profile)
    for at in range(len(message)):
        assert refused(message[:at] + message[at + 1 :], profile), at
        doubled = message[: at + 1] + message[at : at + 1] + message[at + 1 :]
        assert refused(doubled, profile), at


@pytest.mark.parametrize("inserted", [b"|", b"^", b"~", b"&", b"\\", b"\r", b" ", b"0", b"\x0b"])
def test_every_inserted_byte_is_noticed(inserted: bytes) -> None:
    profile = DESTINATION_PROFILES["oru-2.3"]
    message = good(profile)
    for at in range(len(message) + 1):
        assert refused(message[:at] + inserted + message[at:], profile), at


@pytest.mark.parametrize("profile", PROFILES)
def test_every_missing_doubled_or_moved_segment_is_noticed(profile: DestinationProfile) -> None:
    segments = good(profile).split(b"\r")[:-1]
    for at, segment in enumerate(segments):
        others = segments[:at] + segments[at + 1 :]
        assert refused(b"\r".join([*others, b""]), profile)
        for to in range(len(segments)):
            moved = [*others[:to], segment, *others[to:]]
            if moved != segments:
                assert refused(b"\r".join([*moved, b""]), profile), (at, to)
            doubled = [*segments[:to], segment, *segments[to:]]
            assert refused(b"\r".join([*doubled, b""]), profile), (at, to)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_emptied_or_swapped_field_is_noticed(profile: DestinationProfile) -> None:
    segments = [line.split(b"|") for line in good(profile).split(b"\r")[:-1]]
    for fields in segments:
        for at in range(1, len(fields)):
            kept = fields[at]
            swapped = [*fields]
            swapped[at - 1], swapped[at] = swapped[at], swapped[at - 1]
            for mutant in ([*fields[:at], b"", *fields[at + 1 :]], swapped):
                if mutant != fields:
                    assert refused(_joined(segments, fields, mutant), profile), (fields[0], at)
            assert fields[at] == kept


def _joined(segments: list[list[bytes]], old: list[bytes], new: list[bytes]) -> bytes:
    lines = [b"|".join(new if fields is old else fields) for fields in segments]
    return b"\r".join([*lines, b""])


LATER = samples.MEASURED + timedelta(seconds=1)
DIFFERENT_OBSERVATIONS = [
    replace(samples.WBC, value=Quantity("5.5", None, samples.THOUSANDS)),
    replace(samples.WBC, value=Quantity("5.50", Comparator.LESS, samples.THOUSANDS)),
    replace(samples.WBC, value=Quantity("5.50", None, Unit("10^3/uL"))),
    replace(samples.WBC, value=Quantity("5.50", None, Unit("10^9/L", "10*3/uL"))),
    replace(samples.WBC, value=Quantity("5.50", None, None)),
    replace(samples.WBC, value=Text("5.50")),
    replace(samples.WBC, value=Absent(AbsentReason.ERROR)),
    replace(samples.WBC, flags=("H",)),
    replace(samples.WBC, flags=("N", "H")),
    replace(samples.WBC, flags=()),
    replace(samples.WBC, range="4.0-10.1"),
    replace(samples.WBC, range=None),
    replace(samples.WBC, status=Status.PRELIMINARY),
    replace(samples.WBC, status=Status.CORRECTED),
    replace(samples.WBC, operator="OP2"),
    replace(samples.WBC, notes=("a note",)),
    replace(samples.WBC, observed_at=LATER),
    replace(samples.WBC, observed_at=None),
    replace(samples.WBC, code=replace(samples.WBC.code, device="WBC2")),
    replace(samples.WBC, code=replace(samples.WBC.code, loinc="26464-8")),
    replace(samples.WBC, code=replace(samples.WBC.code, display="Leukocytes")),
]


@pytest.mark.parametrize("other", DIFFERENT_OBSERVATIONS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_message_about_another_observation_is_refused(
    profile: DestinationProfile, other: Observation
) -> None:
    message = encode(samples.BASE, samples.ENVELOPE, profile)
    with pytest.raises(NotEncodable):
        verify(message, replace(samples.BASE, observations=(other,)), samples.ENVELOPE, profile)


BASE = samples.BASE
DIFFERENT_REPORTS = [
    replace(BASE, id="another"),
    replace(BASE, kind=Kind.QC),
    replace(BASE, observations=BASE.observations * 2),
    replace(BASE, observations=()),
    replace(BASE, patient=replace(BASE.patient, ids=(PatientId("MRN0002", "P.3"),))),
    replace(BASE, patient=replace(BASE.patient, ids=BASE.patient.ids * 2)),
    replace(BASE, patient=replace(BASE.patient, ids=())),
    replace(BASE, patient=replace(BASE.patient, name="DOE^JOHN")),
    replace(BASE, patient=replace(BASE.patient, name=None)),
    replace(BASE, patient=replace(BASE.patient, birth_date="1980-02-01")),
    replace(BASE, patient=replace(BASE.patient, sex="M")),
    replace(BASE, specimen=replace(BASE.specimen, id="26S0043")),
    replace(BASE, specimen=replace(BASE.specimen, id=None)),
    replace(BASE, specimen=replace(BASE.specimen, type="SER")),
    replace(BASE, specimen=replace(BASE.specimen, collected_at=LATER)),
    replace(BASE, received_at=LATER),
    replace(BASE, device=replace(BASE.device, serial="12346")),
    replace(BASE, notes=("a note",)),
]


@pytest.mark.parametrize("other", DIFFERENT_REPORTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_message_about_another_report_is_refused(
    profile: DestinationProfile, other: Report
) -> None:
    message = encode(BASE, samples.ENVELOPE, profile)
    with pytest.raises(NotEncodable):
        verify(message, other, samples.ENVELOPE, profile)


OURS = samples.ENVELOPE
DIFFERENT_ENVELOPES = [
    replace(OURS, control_id="X" * 20),
    replace(OURS, message_time=LATER),
    replace(OURS, sending_application=HierarchicDesignator("OTHER")),
    replace(OURS, sending_facility=None),
    replace(OURS, receiving_application=HierarchicDesignator("EHR", "1.2", "ISO")),
    replace(OURS, receiving_facility=HierarchicDesignator("CLINIC-A")),
    replace(OURS, processing_id=ProcessingId.TRAINING),
    replace(OURS, filler_number="OTHER"),
    replace(OURS, revision=1),
    replace(OURS, domains=samples.DOMAINS),
    replace(OURS, order=samples.ORDER),
    replace(OURS, order=replace(samples.ORDER, placer_number=EntityIdentifier("4712", "EHR"))),
]


@pytest.mark.parametrize("other", DIFFERENT_ENVELOPES)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_message_in_another_envelope_is_refused(
    profile: DestinationProfile, other: Envelope
) -> None:
    message = encode(BASE, OURS, profile)
    with pytest.raises(NotEncodable):
        verify(message, BASE, other, profile)


def test_a_message_of_another_profile_is_refused() -> None:
    for name, profile in DESTINATION_PROFILES.items():
        message = encode(EVERYTHING, ENVELOPE, profile)
        for other in DESTINATION_PROFILES.values():
            if other.name != name:
                assert refused(message, other)
