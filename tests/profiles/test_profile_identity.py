"""Whose result: every id where the device has it, and a hold where that is in doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reading_samples import END, GENERIC, RESULT, one, problem, problem_codes, reports

from gateway.profiles import catalogue
from gateway.report import Kind, PatientId, ProblemCode

XN = catalogue()["sysmex-xn-l"]
WBC = "R|1|^^^^WBC^1|  5.50|10*3/uL||N"


def xn(patient: str, order: str):
    (report,) = reports(r"H|\^&|||  XN-550", patient, order, WBC, END, profile=XN)
    return report


def test_padded_ids_are_trimmed() -> None:
    report = xn("P|1", "O|1||3^2^               26S0042^B")
    assert report.specimen.id == "26S0042"
    assert report.specimen.position == "3^2"


def test_leading_zeros_and_inner_blanks_stay() -> None:
    assert one("P|1", "O|1|0026 42||^^^GLU", RESULT).specimen.id == "0026 42"


def test_two_ids_that_differ_hold() -> None:
    report = xn("P|1", "O|1|26S0099|3^2^               26S0042^B")
    assert report.specimen.id == "26S0042"
    found = problem(report, ProblemCode.IDENTITY_CONFLICT)
    assert (found.at, found.hold) == ("O[1].3.1", True)


def test_two_ids_that_agree_do_not() -> None:
    assert not xn("P|1", "O|1|26S0042|3^2^               26S0042^B").held


def test_one_order_for_two_specimens_holds() -> None:
    report = one("P|1", "O|1|26S0001\\26S0002||^^^GLU", RESULT)
    assert problem(report, ProblemCode.IDENTITY_CONFLICT).hold


def test_neither_specimen_nor_patient_holds() -> None:
    report = one("P|1", "O|1|||^^^GLU", RESULT)
    found = problem(report, ProblemCode.NO_SPECIMEN)
    assert (found.at, found.hold) == ("O[1].3.1", True)


def test_an_id_elsewhere_is_not_guessed() -> None:
    report = one("P|1", "O|1|^26S0042|26S0042|^^^GLU", RESULT)
    assert report.specimen.id is None
    assert ProblemCode.NO_SPECIMEN in problem_codes(report)


def test_a_name_alone_identifies_nobody() -> None:
    report = one("P|1||||DOE^JANE", "O|1|||^^^GLU", RESULT)
    assert report.patient.name == "DOE^JANE"
    assert ProblemCode.NO_SPECIMEN in problem_codes(report)


def test_a_control_needs_no_specimen() -> None:
    report = one("P|1", "O|1|||^^^GLU|||||||Q", RESULT)
    assert report.kind is Kind.QC
    assert report.problems == ()


def test_every_patient_id_is_kept_with_its_place() -> None:
    report = one("P|1|A1|B2|C3", "O|1|||^^^GLU", RESULT)
    assert report.patient.ids == (
        PatientId("A1", "P.3"),
        PatientId("B2", "P.4"),
        PatientId("C3", "P.5"),
    )
    assert not report.held


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("DOE^JANE", "DOE^JANE"),
        ("DOE^JANE^^", "DOE^JANE"),
        (" DOE ", "DOE"),
        ("^^", None),
        ("", None),
    ],
)
def test_names(sent: str, name: str | None) -> None:
    assert one(f"P|1|A1|||{sent}", "O|1|S1||^^^GLU", RESULT).patient.name == name


def test_names_in_the_order_of_this_device() -> None:
    report = xn("P|1|||MRN0008|^JANE^DOE||19700131|F", "O|1||^^               26S0042^B")
    assert report.patient.name == "DOE^JANE"
    assert report.patient.birth_date == "1970-01-31"
    assert report.patient.sex == "F"


@pytest.mark.parametrize(
    ("sent", "sex"),
    [("F", "F"), ("m", "M"), ("U", "U"), ("", None), ("X", None), ("Female", "F"), ("fem", None)],
)
def test_sex(sent: str, sex: str | None) -> None:
    assert one(f"P|1|A1||||||{sent}", "O|1|S1||^^^GLU", RESULT).patient.sex == sex


@pytest.mark.parametrize(
    ("sent", "name"),
    [("DOE^JANE", "DOE^JANE"), ("DOE^JANE^^^^^L", "DOE^JANE"), ("^^^^^^U", None), ("^^^^", None)],
)
def test_name(sent: str, name: str | None) -> None:
    assert one(f"P|1|A1|||{sent}", "O|1|S1||^^^GLU", RESULT).patient.name == name


@pytest.mark.parametrize(
    ("sent", "birth", "flagged"),
    [
        ("19700131", "1970-01-31", False),
        ("19700131000000", "1970-01-31", False),
        ("", None, False),
        ("00000000", None, False),
        ("31.01.1970", None, True),
        ("19701331", None, True),
    ],
)
def test_birth_dates(sent: str, birth: str | None, flagged: bool) -> None:
    report = one(f"P|1|A1|||||{sent}", "O|1|S1||^^^GLU", RESULT)
    assert report.patient.birth_date == birth
    assert (ProblemCode.UNREADABLE_DATE in problem_codes(report)) is flagged
    assert not report.held


def test_ids_are_text_and_never_cut() -> None:
    hostile = "../../etc&F&passwd'; DROP"
    report = one("P|1", f"O|1|{hostile}||^^^GLU", RESULT)
    assert report.specimen.id == "../../etc|passwd'; DROP"


def test_specimen_paths_are_tried_in_order() -> None:
    both = replace(GENERIC, where=replace(GENERIC.where, specimen=("O.3.2", "O.3.1")))
    (first,) = reports(r"H|\^&", "P|1", "O|1|^22^1|", RESULT, END, profile=both)
    (second,) = reports(r"H|\^&", "P|1", "O|1|11|", RESULT, END, profile=both)
    assert (first.specimen.id, second.specimen.id) == ("22", "11")


@pytest.mark.parametrize(
    "sent", ["NOREAD", "no read", "????", "-----", "ERR0000001", "ERROR", "0", "000000", "UNKNOWN"]
)
def test_what_stands_for_no_id_is_none(sent: str) -> None:
    report = one(f"P|1|{sent}", f"O|1|{sent}||^^^GLU", RESULT)
    assert report.specimen.id is None
    assert report.patient.ids == ()
    assert ProblemCode.NO_SPECIMEN in problem_codes(report)
    assert xn("P|1", f"O|1||3^2^               {sent}^B").specimen.id is None


@pytest.mark.parametrize("sent", ["00012", "ERRATA1", "A-1", "NONE1"])
def test_what_only_looks_like_it_is_an_id(sent: str) -> None:
    assert one("P|1", f"O|1|{sent}||^^^GLU", RESULT).specimen.id == sent


@pytest.mark.parametrize(
    ("order", "at"),
    [
        ("O|1|S1||^^^GLU|||||||C", "O[1].12"),
        ("O|1|S1||^^^GLU|||||||X", "O[1].12"),
        ("O|1|S1||^^^GLU|||||||N||||||||||||||P", "O[1].26"),
        ("O|1|S1||^^^GLU|||||||N||||||||||||||X", "O[1].26"),
    ],
)
def test_results_of_an_order_that_is_not_done_hold(order: str, at: str) -> None:
    report = one("P|1|A1", order, RESULT)
    assert problem(report, ProblemCode.INSTRUMENT_ALARM).at == at
    assert report.held
    assert not one("P|1|A1", "O|1|S1||^^^GLU|||||||A||||||||||||||F", RESULT).held
