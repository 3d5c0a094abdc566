"""Values beside a unit where nobody said what the test may answer: a number, a word, or a hold."""

from __future__ import annotations

import pytest
from reading_samples import context, problem_codes, result

from gateway.profiles import catalogue, normalize
from gateway.report import (
    Absent,
    AbsentReason,
    Comparator,
    Observation,
    ProblemCode,
    Quantity,
    Report,
    Status,
    Text,
    Unit,
)

UNIT = Unit("mmol/L", "mmol/L")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
POCT1A = (
    '<OBS.R01><HDR><HDR.control_id V="1"/><HDR.version_id V="POCT1"/></HDR><SVC>'
    '<SVC.role_cd V="OBS"/><SVC.observation_dttm V="2026-01-05T10:10:00"/><PT>'
    '<PT.patient_id V="MRN1"/><OBS><OBS.observation_id V="GLU"/>'
    '<OBS.value V="{}" U="mmol/L"/><OBS.method_cd V="M"/></OBS></PT></SVC></OBS.R01>'
)
HL7 = (
    "MSH|^~\\&|X|Y|||20260105101200||ORU^R01|1|P|2.5.1\rPID|1||MRN1\rOBR|1||S1|GLU\r"
    "OBX|1|{}|GLU||{}|{}|||||F|||20260105101000\r"
)


def in_astm(value: str, unit: str = "mmol/L") -> tuple[Observation, Report]:
    return result(f"R|1|^^^GLU|{value}|{unit}||N||F||||20260105101000")


def only(payload: str, profile: str) -> tuple[Observation, Report]:
    (report,) = normalize(payload.encode(), catalogue()[profile], context())
    (observation,) = report.observations
    return observation, report


def in_hl7(value: str, unit: str = "mmol/L", kind: str = "ST") -> tuple[Observation, Report]:
    return only(HL7.format(kind, value, unit), "generic-hl7")


def in_poct1a(value: str) -> tuple[Observation, Report]:
    return only(POCT1A.format(value.translate(ENTITIES)), "generic-poct1a")


def in_text(value: str) -> tuple[Observation, Report]:
    lines = ("ID: S1", "Patient: MRN1", "Date: 2026-01-05 10:10", f"GLU {value} mmol/L")
    return only("\r\n".join(lines) + "\r\n", "generic-text")


WAYS = pytest.mark.parametrize("read", [in_astm, in_hl7, in_poct1a, in_text])


@WAYS
@pytest.mark.parametrize(
    ("value", "comparator", "number"),
    [
        ("5.4", None, "5.4"),
        ("<0.5", Comparator.LESS, "0.5"),
        ("> 100", Comparator.GREATER, "100"),
        (">=7", Comparator.AT_LEAST, "7"),
        ("<=7", Comparator.AT_MOST, "7"),
    ],
)
def test_numbers(read, value: str, comparator: Comparator | None, number: str) -> None:
    observation, report = read(value)
    assert observation.value == Quantity(number, comparator, UNIT)
    assert not report.held


@WAYS
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("++++", AbsentReason.ABOVE_RANGE),
        ("+++", AbsentReason.ABOVE_RANGE),
        ("----", AbsentReason.MASKED),
        ("***", AbsentReason.MASKED),
        ("OVER", AbsentReason.ABOVE_RANGE),
        ("UNDER", AbsentReason.BELOW_RANGE),
        ("ERR", AbsentReason.ERROR),
    ],
)
def test_marks_are_no_values(read, value: str, reason: AbsentReason) -> None:
    observation, report = read(value)
    assert observation.value == Absent(reason)
    assert observation.status is Status.NO_RESULT
    assert observation.raw == value
    assert not report.held


@WAYS
@pytest.mark.parametrize("value", ["+", "++", "-", ">>", "<", ".", "?", "HIGH", "LOW"])
def test_what_may_mean_anything_holds(read, value: str) -> None:
    observation, report = read(value)
    assert observation.value == Absent(AbsentReason.UNREADABLE)
    assert ProblemCode.UNREADABLE_VALUE in problem_codes(report)
    assert report.held


@pytest.mark.parametrize("read", [in_astm, in_hl7, in_poct1a])
@pytest.mark.parametrize(
    "value",
    ["*5.4", "*54", "1e5", "1E5", "<1e5", "5+", "+5", "1+", "E4", "~5", "(5)", "5.4 H", "N", "OOR",
     "ca. 5", "OVER 5", "above 5", "High!", "see note"],
)  # fmt: skip
def test_what_is_not_certainly_a_number_holds(read, value: str) -> None:
    _, report = read(value)
    assert problem_codes(report) == [ProblemCode.UNREADABLE_VALUE]


@pytest.mark.parametrize("value", ["1.0e5", "1E05", "1E+5", "2E-3"])
def test_exponents_that_cannot_be_codes_are_numbers(value: str) -> None:
    observation, report = in_astm(value)
    assert observation.value == Quantity(value, None, UNIT)
    assert not report.held


@WAYS
@pytest.mark.parametrize("value", ["Negative", "trace"])
def test_a_plain_word_is_an_answer_and_its_unit_is_said(read, value: str) -> None:
    observation, report = read(value)
    assert observation.value == Text(value)
    assert observation.notes == ("unit sent beside this answer: mmol/L",)
    assert not report.held


@pytest.mark.parametrize("value", ["+", "++++", "-", "1+", "5+", "±", "(+)", "HIGH", "E4"])
def test_without_a_unit_these_are_answers(value: str) -> None:
    observation, report = in_astm(value, "")
    assert observation.value == Text(value)
    assert observation.notes == ()
    assert not report.held


@pytest.mark.parametrize("value", [".", ">>", "?", "*5.4", "~5", "=", "()", "@"])
def test_without_a_unit_these_are_not(value: str) -> None:
    _, report = in_astm(value, "")
    assert ProblemCode.UNREADABLE_VALUE in problem_codes(report)


@pytest.mark.parametrize("value", ["++", "HIGH", "E4"])
def test_a_message_that_declares_a_number_must_have_one(value: str) -> None:
    assert in_hl7(value, "", kind="NM")[1].held
    assert not in_hl7(value, "", kind="ST")[1].held


def test_a_unit_the_site_gives_for_a_test_counts_as_sent() -> None:
    _, report = result("R|1|^^^GLU|++||", site=context(units={"GLU:": "mmol/L"}))
    assert problem_codes(report) == [ProblemCode.UNREADABLE_VALUE]


@pytest.mark.parametrize(
    "line", ["GLU ++++", "GLU OVER", "GLU clotted mmol/L", "GLU <<", "GLU = n/a", "GLU 1e5 mmol/L"]
)
def test_a_line_that_may_have_been_a_result_is_never_passed_over(line: str) -> None:
    lines = ("ANALYZER", "ID: S1", "CRP: 5 mg/L", line)
    payload = "\r\n".join(lines).encode() + b"\r\n"
    (report,) = normalize(payload, catalogue()["generic-text"], context())
    assert report.held


@pytest.mark.parametrize("value", ["5\x00.4", "5.4\x1b", "ne\x07g", "\x0b5.4", "Negative\x7f"])
@pytest.mark.parametrize("unit", ["mmol/L", ""])
def test_a_control_character_in_a_value_holds(value: str, unit: str) -> None:
    observation, report = in_astm(value, unit)
    assert observation.value == Absent(AbsentReason.UNREADABLE)
    assert ProblemCode.UNREADABLE_VALUE in problem_codes(report)


@pytest.mark.parametrize("line", ["----------", "==========", "* * * * *", "ANALYZER", "Thank you"])
def test_a_line_that_cannot_have_been_one_holds_nothing(line: str) -> None:
    lines = ("ID: S1", "Patient: MRN1", line, "CRP: 5 mg/L", line)
    payload = "\r\n".join(lines).encode() + b"\r\n"
    (report,) = normalize(payload, catalogue()["generic-text"], context())
    assert len(report.observations) == 1
    assert not report.held
