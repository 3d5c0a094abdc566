"""What cannot be said faithfully is refused, with its kind and position and nothing of its text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import oru_samples as samples
import pytest

from gateway.messages import (
    DESTINATION_PROFILES,
    Envelope,
    HierarchicDesignator,
    NotEncodable,
    Obstacle,
    encode,
    verify,
)
from gateway.report import (
    Absent,
    AbsentReason,
    Code,
    Coded,
    Device,
    Kind,
    Patient,
    PatientId,
    Quantity,
    Report,
    Specimen,
    Text,
    Titer,
    Value,
)

BASE, ENVELOPE = samples.BASE, samples.ENVELOPE
NAIVE = datetime(2026, 1, 5, 10, 0, 0)  # noqa: DTZ001
SECRET = "PRIVATE"


def valued(value: Value) -> Report:
    return replace(BASE, observations=(replace(samples.WBC, value=value),))


def person(**changes: object) -> Report:
    return replace(BASE, patient=replace(BASE.patient, **changes))


def known_as(number: str) -> Report:
    return person(ids=(PatientId(number, "P.3"),))


REFUSALS = [
    (replace(BASE, kind=kind), ENVELOPE, Obstacle.NOT_A_PATIENT_RUN, "report")
    for kind in Kind
    if kind is not Kind.PATIENT
] + [
    (replace(BASE, observations=()), ENVELOPE, Obstacle.NO_OBSERVATIONS, "OBX"),
    (
        replace(BASE, patient=Patient(), specimen=Specimen()),
        ENVELOPE,
        Obstacle.UNIDENTIFIED,
        "PID",
    ),
    (known_as(f"{SECRET}\x00"), ENVELOPE, Obstacle.CONTROL_CHARACTER, "PID-3"),
    (known_as(f"{SECRET}\n"), ENVELOPE, Obstacle.CONTROL_CHARACTER, "PID-3"),
    (known_as(" "), ENVELOPE, Obstacle.EMPTY, "PID-3"),
    (known_as(SECRET * 40), ENVELOPE, Obstacle.TOO_LONG, "PID-3"),
    (person(birth_date="31.01.1980"), ENVELOPE, Obstacle.NOT_A_DATE, "PID-7"),
    (person(birth_date="1980-02-31"), ENVELOPE, Obstacle.NOT_A_DATE, "PID-7"),
    (person(name=SECRET * 40), ENVELOPE, Obstacle.TOO_LONG, "PID-5"),
    (person(name='""'), ENVELOPE, Obstacle.HL7_NULL, "PID-5"),
    (replace(BASE, specimen=Specimen("\x7f1")), ENVELOPE, Obstacle.CONTROL_CHARACTER, "SPM-2"),
    (replace(BASE, device=Device("a", "b", serial="\x1b1")), ENVELOPE, Obstacle.CONTROL_CHARACTER,
     "OBX[1]-18"),
    (valued(Quantity("5,5")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Quantity("<5")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Quantity("NaN")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Quantity("")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Quantity(".")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Quantity("\u0661")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Titer("1", "8O")), ENVELOPE, Obstacle.NOT_A_NUMBER, "OBX[1]-5"),
    (valued(Text(" \x00")), ENVELOPE, Obstacle.EMPTY, "OBX[1]-5"),
    (valued(Text("")), ENVELOPE, Obstacle.EMPTY, "OBX[1]-5"),
    (valued(Text('""')), ENVELOPE, Obstacle.HL7_NULL, "OBX[1]-5"),
    (valued(Text("\ud800")), ENVELOPE, Obstacle.UNENCODABLE_CHARACTER, "segment 5 (OBX)"),
    (valued(Text(f"{SECRET}" * 10_000)), ENVELOPE, Obstacle.TOO_LONG, "OBX[1]-5"),
    (valued(Coded("", " ")), ENVELOPE, Obstacle.EMPTY, "OBX[1]-5"),
    (valued(Coded("a\tb", "x")), ENVELOPE, Obstacle.CONTROL_CHARACTER, "OBX[1]-5"),
    (replace(BASE, observations=(replace(samples.WBC, code=Code("")),)), ENVELOPE, Obstacle.EMPTY,
     "OBX[1]-3"),
    (replace(BASE, observations=(samples.WBC, replace(samples.WBC, observed_at=NAIVE))), ENVELOPE,
     Obstacle.TIME_WITHOUT_ZONE, "OBX[2]-14"),
    (BASE, replace(ENVELOPE, control_id="X" * 21), Obstacle.TOO_LONG, "MSH-10"),
    (BASE, replace(ENVELOPE, control_id=""), Obstacle.EMPTY, "MSH-10"),
    (BASE, replace(ENVELOPE, sending_application=HierarchicDesignator("X" * 21)), Obstacle.TOO_LONG,
     "MSH-3"),
    (BASE, replace(ENVELOPE, message_time=NAIVE), Obstacle.TIME_WITHOUT_ZONE, "MSH-7"),
    (
        BASE,
        replace(ENVELOPE, revision=1, previous=replace(BASE, observations=BASE.observations * 2)),
        Obstacle.SNAPSHOT_INCOMPLETE,
        "OBX",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("report", "envelope", "obstacle", "position"), REFUSALS)
def test_refused_with_kind_and_position(
    report: Report, envelope: Envelope, obstacle: Obstacle, position: str
) -> None:
    with pytest.raises(NotEncodable) as caught:
        encode(report, envelope, DESTINATION_PROFILES["oru-2.5.1"])
    assert (caught.value.obstacle, caught.value.position) == (obstacle, position)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["openemr", "openmrs"])
def test_a_patient_is_required_where_the_receiver_files_by_patient(name: str) -> None:
    with pytest.raises(NotEncodable) as caught:
        encode(replace(BASE, patient=Patient()), ENVELOPE, DESTINATION_PROFILES[name])
    assert caught.value.obstacle is Obstacle.PATIENT_REQUIRED


def test_latin_1_takes_no_other_characters() -> None:
    profile = DESTINATION_PROFILES["oru-2.3"]
    umlaut = person(name="D\u00d6E")
    verify(encode(umlaut, ENVELOPE, profile), umlaut, ENVELOPE, profile)
    with pytest.raises(NotEncodable) as caught:
        encode(person(name="DOE\u03bc"), ENVELOPE, profile)
    assert caught.value.obstacle is Obstacle.UNENCODABLE_CHARACTER
    assert caught.value.position == "segment 2 (PID)"


def test_openmrs_takes_no_long_text_and_turns_lines_into_spaces() -> None:
    profile = DESTINATION_PROFILES["openmrs"]
    with pytest.raises(NotEncodable) as caught:
        encode(valued(Text("word " * 60)), ENVELOPE, profile)
    assert caught.value.obstacle is Obstacle.TOO_LONG
    report = valued(Text("one\r\ntwo"))
    message = encode(report, ENVELOPE, profile)
    verify(message, report, ENVELOPE, profile)
    assert b"|ST|" in message
    assert b"|one two|" in message


def test_long_text_is_formatted_text() -> None:
    report = valued(Text("word " * 60))
    for name in ("oru-2.5.1", "oru-2.3", "openemr"):
        message = encode(report, ENVELOPE, DESTINATION_PROFILES[name])
        verify(message, report, ENVELOPE, DESTINATION_PROFILES[name])
        assert b"OBX|1|FT|" in message


def test_a_name_too_long_for_its_field_is_left_out_not_cut() -> None:
    code = replace(samples.WBC.code, display="x" * 198 + "&")
    report = replace(BASE, observations=(replace(samples.WBC, code=code),))
    profile = DESTINATION_PROFILES["oru-2.5.1"]
    message = encode(report, ENVELOPE, profile)
    verify(message, report, ENVELOPE, profile)
    assert b"|6690-2^^LN^WBC^WBC^L|" in message


def test_an_absent_value_never_leaves_a_number() -> None:
    report = valued(Absent(AbsentReason.BELOW_RANGE))
    for name, profile in DESTINATION_PROFILES.items():
        fields = encode(report, ENVELOPE, profile).decode("latin-1").split("\rOBX|")[1].split("|")
        assert fields[4] == "", name
        assert fields[10] == "X", name


def test_a_receiver_without_offsets_finds_every_time_in_one_zone() -> None:
    profile = DESTINATION_PROFILES["openemr"]
    measured = samples.MEASURED.astimezone(UTC)
    report = replace(BASE, observations=(replace(samples.WBC, observed_at=measured),))
    envelope = replace(ENVELOPE, message_time=samples.SENT.astimezone(UTC))
    message = encode(report, envelope, profile)
    verify(message, report, envelope, profile)
    assert message == encode(BASE, ENVELOPE, profile)
    elsewhere = replace(envelope, timezone=UTC)
    message = encode(report, elsewhere, profile)
    verify(message, report, elsewhere, profile)
    assert b"|20260105091202||ORU" in message
    assert b"|20260105091130||" in message
