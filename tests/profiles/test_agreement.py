"""Reports of one transmission that contradict each other are held, every one of them."""

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
    problem_codes,
    reports,
)

from gateway.profiles import catalogue, normalize
from gateway.report import Kind, ProblemCode, Report

CONFLICT, RESULTS = ProblemCode.IDENTITY_CONFLICT, ProblemCode.CONFLICTING_RESULTS
CRP = "R|1|^^^CRP|1|mg/L||N||F||||20260105101000"


def glucose(value: str, *, at: str = "20260105101000", status: str = "F", code: str = "GLU") -> str:
    return f"R|1|^^^{code}|{value}|mmol/L||N||{status}||||{at}"


def two(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[Report, ...]:
    return reports(HEADER, *first, *second, END)


def hl7(*segments: str) -> tuple[Report, ...]:
    head = r"MSH|^~\&|X|Y|||20260105101200||ORU^R01|1|P|2.5.1"
    payload = "".join(f"{line}\r" for line in (head, *segments)).encode()
    return normalize(payload, catalogue()["generic-hl7"], context())


def test_one_specimen_under_two_patients_holds_both() -> None:
    found = two(("P|1|MRN1", ORDER, RESULT), ("P|2|MRN2", ORDER, CRP))
    assert [problem_codes(report) for report in found] == [[CONFLICT]] * 2
    assert [report.problems[0].at for report in found] == ["P[1].3.1", "P[2].3.1"]
    assert all(report.held for report in found)


def test_one_specimen_under_two_patients_in_two_messages_of_a_transmission() -> None:
    message = (HEADER, "P|1|MRN1", ORDER, RESULT, END)
    other = (HEADER, "P|1|MRN2", ORDER, CRP, END)
    assert all(report.held for report in reports(*message, *other))


def test_a_third_report_of_the_specimen_is_held_with_them() -> None:
    found = reports(
        HEADER, "P|1", ORDER, RESULT, "P|2|MRN1", ORDER, CRP, "P|3|MRN2", ORDER, CRP, END
    )
    assert [CONFLICT in problem_codes(report) for report in found] == [True] * 3


def test_another_specimen_is_not() -> None:
    other = ORDER.replace("26S0001", "26S0002")
    found = reports(
        HEADER, "P|1|MRN1", ORDER, RESULT, "P|2|MRN2", ORDER, CRP, "P|3|MRN3", other, CRP, END
    )
    assert [report.held for report in found] == [True, True, False]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("P|1|MRN1", "P|2|MRN1"),
        ("P|1|MRN1", "P|2"),
        ("P|1|MRN1", "P|2|MRN1|LAB2"),
        ("P|1|MRN1|||DOE^JANE", "P|2|MRN1|||DOE^JANE^M"),
        ("P|1|MRN1|||DOE^JANE", "P|2|MRN1|||Doe, Jane"),
        ("P|1|MRN1||||||U", "P|2|MRN1||||||F"),
        ("P|1|MRN1|||DOE^J", "P|2|MRN1|||DOE^JANE"),
        ("P|1|MRN1", "P|2|MRN1|||DOE^JANE"),
    ],
)
def test_one_patient_twice_is_one_patient(first: str, second: str) -> None:
    assert not any(report.held for report in two((first, ORDER, RESULT), (second, ORDER, CRP)))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("P|1|MRN1|||DOE^JANE", "P|2|MRN1|||ROE^RICHARD"),
        ("P|1|MRN1|||||19700131", "P|2|MRN1|||||19800101"),
        ("P|1|MRN1||||||M", "P|2|MRN1||||||F"),
    ],
)
def test_one_number_for_two_persons_holds(first: str, second: str) -> None:
    other = ORDER.replace("26S0001", "26S0002")
    found = two((first, ORDER, RESULT), (second, other, CRP))
    assert [problem_codes(report) for report in found] == [[CONFLICT]] * 2


def test_one_specimen_with_two_names_and_no_number_holds() -> None:
    found = two(("P|1||||DOE^JANE", ORDER, RESULT), ("P|2||||ROE^RICHARD", ORDER, CRP))
    assert all(CONFLICT in problem_codes(report) for report in found)


def test_two_numbers_of_a_patient_in_one_place_hold() -> None:
    report = one("P|1|MRN1\\MRN2", ORDER, RESULT)
    assert problem_codes(report) == [CONFLICT]
    assert report.problems[0].at == "P[1].3.1"
    assert not one("P|1|MRN1\\MRN1", ORDER, RESULT).held


def test_two_patients_of_one_specimen_in_hl7_hold() -> None:
    def one(number: str, test: str) -> tuple[str, ...]:
        return (
            f"PID|1||{number}",
            f"OBR|1||S1|{test}",
            f"OBX|1|NM|{test}||5.4|mmol/L|||||F|||20260105101000",
        )

    found = hl7(*one("MRN1", "GLU"), *one("MRN2", "GLU"))
    assert len(found) == 2
    assert all(CONFLICT in problem_codes(report) for report in found)


@pytest.mark.parametrize(
    ("ids", "held"),
    [
        ("MRN1~MRN2", True),
        ("MRN1^^^CLINIC^MR~MRN2^^^CLINIC^MR", True),
        ("MRN1^^^CLINIC^MR~77^^^STATE^SS", False),
        ("MRN1^^^CLINIC^MR~MRN1^^^CLINIC^MR", False),
    ],
)
def test_numbers_somebody_else_assigned_may_differ(ids: str, *, held: bool) -> None:
    obx = "OBX|1|NM|GLU||5.4|mmol/L|||||F|||20260105101000"
    (report,) = hl7(f"PID|1||{ids}", "OBR|1||S1|GLU", obx)
    assert (CONFLICT in problem_codes(report)) is held


def test_one_test_twice_with_two_values_holds() -> None:
    report = one(PATIENT, ORDER, glucose("5.4"), glucose("7.8"), CRP)
    assert problem_codes(report) == [RESULTS, RESULTS]
    assert [problem.at for problem in report.problems] == ["R[1].4", "R[2].4"]
    assert len(report.observations) == 3


def test_two_values_under_two_orders_of_the_specimen_hold() -> None:
    (report,) = reports(HEADER, PATIENT, ORDER, glucose("5.4"), ORDER, glucose("7.8"), END)
    assert problem_codes(report) == [RESULTS, RESULTS]


def test_one_label_on_serum_and_urine_is_no_conflict() -> None:
    found = reports(
        *(HEADER, PATIENT, ORDER + "||||SERUM", glucose("5.4")),
        *(ORDER + "||||URINE", glucose("0.8"), END),
    )
    assert [report.held for report in found] == [False, False]


def test_two_values_in_two_messages_hold_both() -> None:
    message = (HEADER, PATIENT, ORDER, glucose("5.4"), END)
    found = reports(*message, *(line.replace("5.4", "7.8") for line in message))
    assert [problem_codes(report) for report in found] == [[RESULTS], [RESULTS]]
    assert found[1].problems[0].at == "H[2]/R[1].4"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (glucose("5.4"), glucose("5.4")),
        (glucose("5.4"), glucose("5.40")),
        (glucose("5.4"), glucose("7.8", at="20260105101100")),
        (glucose("----"), glucose("5.4")),
        (glucose("5.4", code="GLU^1"), glucose("7.8", code="GLU^2")),
        (glucose("POSITIVE"), glucose("7.8")),
    ],
)
def test_what_explains_itself_does_not(first: str, second: str) -> None:
    report = one(PATIENT, ORDER, first, second)
    assert len(report.observations) == 2
    assert not report.held


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (glucose("5.4"), glucose("<5.4")),
        (glucose("5.4"), glucose("5.4").replace("mmol/L", "umol/L")),
        (glucose("5.4"), glucose("7.8", at="")),
        (glucose("5.4", code="GLU^1"), glucose("540", code="GLU^100")),
        (glucose("5.4"), glucose("7.8", status="C")),
        (glucose("NEGATIVE"), glucose("POSITIVE")),
    ],
)
def test_what_does_not_holds(first: str, second: str) -> None:
    assert problem_codes(one(PATIENT, ORDER, first, second)) == [RESULTS, RESULTS]


def test_replicates_of_a_device_that_repeats_are_results() -> None:
    repeating = replace(GENERIC, replicates=True)
    report = one(PATIENT, ORDER, glucose("5.4"), glucose("7.8"), profile=repeating)
    assert len(report.observations) == 2
    assert not report.held


def test_controls_may_repeat() -> None:
    report = one(PATIENT, ORDER.replace("|N", "|Q"), glucose("5.4"), glucose("7.8"))
    assert report.kind is Kind.QC
    assert not report.held


@pytest.mark.parametrize(("sub_ids", "held"), [(("1", "2"), False), (("", ""), True)])
def test_replicates_in_hl7_have_a_sub_id(sub_ids: tuple[str, str], *, held: bool) -> None:
    lines = (
        f"OBX|{n}|NM|GLU|{sub}|{n}.5|mmol/L|||||F|||20260105101000"
        for n, sub in enumerate(sub_ids, start=1)
    )
    (report,) = hl7("PID|1||MRN1", "OBR|1||S1|GLU", *lines)
    assert (RESULTS in problem_codes(report)) is held


def test_orders_of_one_specimen_make_one_report() -> None:
    found = reports(
        HEADER, PATIENT, ORDER, RESULT, "C|1|I|of the first|G", ORDER, "C|1|L|of the order|G", CRP,
        ORDER.replace("26S0001", "26S0002"), CRP, END,
    )  # fmt: skip
    assert [len(report.observations) for report in found] == [2, 1]
    assert found[0].observations[0].notes == ("of the first",)
    assert found[0].observations[1].notes == ()
    assert found[0].notes == ("of the order",)


def test_wherever_they_stand_in_a_message() -> None:
    other = ORDER.replace("26S0001", "26S0002")
    found = reports(
        HEADER, PATIENT, ORDER, RESULT, other, RESULT, ORDER, CRP, "P|2|MRN0001", ORDER, CRP, END
    )
    assert [(r.specimen.id, len(r.observations)) for r in found] == [("26S0001", 3), ("26S0002", 1)]


@pytest.mark.parametrize("other", [ORDER.replace("|N", "|Q"), ORDER + "||||SERUM", "O|1|||^^^CRP"])
def test_orders_that_say_something_else_do_not(other: str) -> None:
    assert len(reports(HEADER, PATIENT, ORDER, RESULT, other, CRP, END)) == 2


def test_thousands_of_versions_are_compared_in_no_time() -> None:
    many = [line for n in range(3000) for line in (f"P|1|MRN{n}", ORDER, glucose(f"{n}"))]
    found = reports(HEADER, *many, END)
    assert all(report.held for report in found)
