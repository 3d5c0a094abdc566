"""One result line: values in their surroundings, codes, encodings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reading_samples import (
    END,
    GENERIC,
    HEADER,
    ORDER,
    PATIENT,
    RESULT,
    context,
    one,
    problem,
    problem_codes,
    reports,
    result,
    text,
)

from gateway.profiles import AnalyzerProfile, catalogue, read_transmission
from gateway.report import (
    Absent,
    AbsentReason,
    Comparator,
    ProblemCode,
    Quantity,
    Status,
    Text,
    Unit,
)

XN = catalogue()["sysmex-xn-l"]


def test_two_observations_for_a_call_and_a_number() -> None:
    site = context(units={"FLUA:": "{Ct}"})
    report = one(PATIENT, ORDER, "R|1|^^^FLUA|POSITIVE^23.5|||A||F", site=site)
    call, number = report.observations
    assert (call.value, number.value) == (
        Text("POSITIVE"),
        Quantity("23.5", None, Unit("", "{Ct}")),
    )
    assert call.code == number.code
    assert not report.held


@pytest.mark.parametrize("value", ["5.4^", "5.4^^^^", "^5.4", "5.4"])
def test_one_filled_component_is_one_observation(value: str) -> None:
    observation, report = result(f"R|1|^^^GLU|{value}|mmol/L||||F")
    assert observation.value == Quantity("5.4", None, Unit("mmol/L", "mmol/L"))
    assert not report.held


@pytest.mark.parametrize("value", ["5.4^1^2", "^^5.4", "5.4\\5.5", "\\5.4"])
def test_more_than_the_profile_says_is_a_fault(value: str) -> None:
    observation, report = result(f"R|1|^^^GLU|{value}|mmol/L||||F")
    assert observation.value == Absent(AbsentReason.UNREADABLE)
    assert problem(report, ProblemCode.UNREADABLE_VALUE).at == "R[1].4"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("R|1|^^^GLU\\^^^CRP|5.4|mmol/L||||F", ProblemCode.UNKNOWN_TEST),
        ("R|1|^^^GLU|5.4|mmol/L\\mg/dL||||F", ProblemCode.UNKNOWN_UNIT),
        ("R|1|^^^GLU|5.4|mmol/L||||F\\X", ProblemCode.UNKNOWN_STATUS),
        ("R|1|^^^GLU|5.4|mmol/L||||F||||20260105\\20260104", ProblemCode.UNREADABLE_DATE),
    ],
)
def test_repeats_that_differ_are_never_the_first_of_them(record: str, code: ProblemCode) -> None:
    _, report = result(record)
    assert problem(report, code).hold


def test_repeats_that_agree_are_one() -> None:
    line = "R|1|^^^GLU\\^^^GLU|5.4|mmol/L\\mmol/L||||F\\F"
    assert result(line)[1].problems == ()


def test_escaped_delimiters_are_part_of_the_value() -> None:
    observation, _ = result("R|1|^^^FLUA|a&F&b&S&c&R&d&E&e&X0D&f|||||F")
    assert observation.value == Text("a|b^c\\d&e\rf")


@pytest.mark.parametrize(
    ("letter", "status", "held"),
    [
        ("F", Status.FINAL, None),
        ("", Status.FINAL, None),
        ("C", Status.CORRECTED, None),
        ("R", Status.FINAL, None),
        ("V", Status.FINAL, None),
        ("Q", Status.FINAL, None),
        ("P", Status.PRELIMINARY, ProblemCode.STATUS_NOT_FINAL),
        ("I", Status.PENDING, ProblemCode.STATUS_NOT_FINAL),
        ("S", Status.PARTIAL, ProblemCode.STATUS_NOT_FINAL),
        ("W", Status.PENDING, ProblemCode.STATUS_NOT_FINAL),
        ("X", Status.NO_RESULT, ProblemCode.STATUS_NOT_FINAL),
        ("N", Status.PENDING, ProblemCode.STATUS_NOT_FINAL),
        ("K", Status.PENDING, ProblemCode.UNKNOWN_STATUS),
        ("FF", Status.PENDING, ProblemCode.UNKNOWN_STATUS),
    ],
)
def test_statuses(letter: str, status: Status, held: ProblemCode | None) -> None:
    observation, report = result(f"R|1|^^^GLU|5.4|mmol/L||||{letter}")
    assert observation.status is status
    assert problem_codes(report) == ([held] if held else [])
    assert report.held is bool(held)


@pytest.mark.parametrize(("letter", "status"), [("F", "X"), ("", "X"), ("X", "X"), ("I", "I")])
def test_an_absent_value_is_no_result(letter: str, status: str) -> None:
    observation, _ = result(f"R|1|^^^GLU|-----|mmol/L||HH||{letter}")
    assert observation.value == Absent(AbsentReason.MASKED)
    assert observation.status.value == status
    assert observation.flags == ("HH",)


def test_x_without_a_value_needs_nobody() -> None:
    assert not result("R|1|^^^GLU||||||X")[1].held


def test_flags_repeat_and_unknown_ones_hold() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||H\\A||F")
    assert observation.flags == ("H", "A")
    assert not report.held
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||H\\ZZ||F")
    assert observation.flags == ("H", "ZZ")
    assert problem(report, ProblemCode.UNKNOWN_FLAG).at == "R[1].7"


def test_ranges_operator_and_text_beside() -> None:
    observation, _ = result("R|1|^^^GLU| <5.40 |mmol/L|3.9 to 5.5\\<11|L||F||OP7^OP8")
    assert observation.range == "3.9 to 5.5; <11"
    assert observation.operator == "OP7"
    assert observation.raw == " <5.40 "
    assert observation.value == Quantity("5.40", Comparator.LESS, Unit("mmol/L", "mmol/L"))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3.9^5.5", "3.9^5.5"),
        ("3.9^5.5\\0.0^11.0", "3.9^5.5; 0.0^11.0"),
        ("3.9 - 5.5^REFERENCE_RANGE", "3.9 - 5.5"),
        ("3.9 to 5.5^fasting\\<11^", "3.9 to 5.5; <11"),
        ("5.5^upper", "5.5"),
        ("^5.5", None),
    ],
)
def test_the_ends_of_a_range(written: str, read: str | None) -> None:
    observation, _ = result(f"R|1|^^^GLU|5.4|mmol/L|{written}|N||F")
    assert observation.range == read


def test_a_code_nobody_mapped_holds_and_keeps_its_value() -> None:
    observation, report = result("R|1|^^^XYZ|5.4|mmol/L||||F")
    assert (observation.code.device, observation.code.loinc) == ("XYZ", None)
    assert observation.value == Quantity("5.4", None, Unit("mmol/L", "mmol/L"))
    assert problem(report, ProblemCode.UNKNOWN_TEST).at == "R[1].3.4"


@pytest.mark.parametrize("record", ["R|1||5.4|mmol/L||||F", "R|1|^^^|5.4|mmol/L||||F", "R|1"])
def test_a_result_without_a_code_holds(record: str) -> None:
    _, report = result(record)
    assert ProblemCode.UNKNOWN_TEST in problem_codes(report)


def test_the_generic_profile_knows_no_code_by_itself() -> None:
    site = context(codes={})
    assert ProblemCode.UNKNOWN_TEST in problem_codes(one(PATIENT, ORDER, RESULT, site=site))


def test_the_site_overrides_the_profile() -> None:
    body = (r"H|\^&", "P|1", "O|1||^^ S1^B", "R|1|^^^^WBC^1|5.50|10*3/uL||N", END)
    (own,) = reports(*body, profile=XN, site=context(codes={"WBC": "26464-8"}))
    assert own.observations[0].code.loinc == "26464-8"


@pytest.mark.parametrize("code", ["1.0000+002+1.0", "002+1.0", "002", "2.0000+002+10.0"])
def test_variants_of_a_code(code: str) -> None:
    vitros = catalogue()["vitros"]
    site = context(codes={"002": "14635-7"})
    report = one("P|1", "O|1|S1", f"R|1|^^^{code}|33.8|nmol/L||^0^||V", profile=vitros, site=site)
    assert report.observations[0].code.device == "002"
    assert not report.held


def test_a_site_may_map_a_code_as_sent() -> None:
    vitros = catalogue()["vitros"]
    site = context(codes={"1.0000+002+1.0": "14635-7"})
    line = "R|1|^^^1.0000+002+1.0|33.8|nmol/L||||V"
    assert not one("P|1", "O|1|S1", line, profile=vitros, site=site).held


def test_the_unit_decides_the_test() -> None:
    dca = catalogue()["siemens-dca-vantage"]
    for unit, loinc in (("%", "4548-4"), ("mmol/mol", "59261-8")):
        (report,) = reports(
            r"H|\^&", "P|1|A1", "O|1", f"R|1|^^^HbA1c|7|{unit}||||F", END, profile=dca
        )
        assert report.observations[0].code.loinc == loinc
    (report,) = reports(r"H|\^&", "P|1|A1", "O|1", "R|1|^^^HbA1c|7|g/L||||F", END, profile=dca)
    assert problem(report, ProblemCode.UNKNOWN_UNIT).at == "R[1].5"


def test_suspect_scores_pictures_and_messages_are_no_measurements() -> None:
    (report,) = reports(
        r"H|\^&|||XN-550", "P|1", "O|1||^^ 26S0042^B",
        "R|1|^^^^WBC^1|  5.50|10*3/uL||N",
        "R|2|^^^^Left_Shift?|0",
        "R|3|^^^^RBC_Agglutination?|70|||A",
        "R|4|^^^^Anemia||||A",
        "R|5|^^^^SCAT_WDF|PNG&R&26S0042_MRN0008.PNG|||N",
        END, profile=XN,
    )  # fmt: skip
    assert [o.code.device for o in report.observations] == ["WBC"]
    assert report.notes == (
        "Left_Shift? 0",
        "RBC_Agglutination? 70 A",
        "Anemia A",
        "SCAT_WDF: picture on the analyzer",
    )
    assert not report.held


def test_an_unknown_code_with_a_value_is_never_taken_for_a_message() -> None:
    (report,) = reports(
        r"H|\^&|||XN-550", "P|1", "O|1||^^ S1^B", "R|1|^^^^NEW-X^1|5.50|||A", END, profile=XN
    )
    assert ProblemCode.UNKNOWN_TEST in problem_codes(report)


def test_latin_1_text_is_read() -> None:
    data = text(HEADER, PATIENT, ORDER, "R|1|^^^FLUA|Négatif|||||F", END)
    (report,) = read_transmission(data, GENERIC, context()).reports
    assert report.observations[0].value == Text("Négatif")
    assert not report.held


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("latin-1", "É".encode()), ("utf-8", b"\xc9"), ("utf-8", b"\xff\xfe"), ("latin-1", b"\x81")],
)
def test_doubtful_encodings_hold_and_lose_nothing(encoding: str, data: bytes) -> None:
    profile: AnalyzerProfile = replace(GENERIC, encoding=encoding)
    start = text(HEADER, PATIENT, ORDER) + b"R|1|^^^FLUA|x" + data + b"|||||F\r"
    (report,) = read_transmission(start + text(END), profile, context()).reports
    assert problem(report, ProblemCode.ENCODING_DOUBTFUL).hold
    value = report.observations[0].value
    assert value == Text("x" + data.decode("latin-1"))
    assert value.text.encode("utf-8")
