"""What a run was for.  A control that passes as a patient's result is the fault to prevent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reading_samples import END, GENERIC, HEADER, ORDER, PATIENT, RESULT, one, problem, reports

from gateway.profiles import AnalyzerProfile, Rule, catalogue
from gateway.report import Kind, ProblemCode

DCA = catalogue()["siemens-dca-vantage"]
AFINION = catalogue()["abbott-afinion-2"]
XN = catalogue()["sysmex-xn-l"]
A1C = "R|1|^^^HbA1c|5.6|%||||F"
WBC = "R|1|^^^^WBC^1|  5.50|10*3/uL||N"


@pytest.mark.parametrize(
    ("profile", "order", "result", "kind"),
    [
        (GENERIC, "O|1|26S0001||^^^GLU|||||||N", RESULT, Kind.PATIENT),
        (GENERIC, "O|1|26S0001||^^^GLU|||||||Q", RESULT, Kind.QC),
        (GENERIC, "O|1|26S0001||^^^GLU|||||||q", RESULT, Kind.QC),
        (GENERIC, "O|1|26S0001||^^^GLU|||||||N||||CTRL", RESULT, Kind.QC),
        (GENERIC, "O|1|QC01||^^^GLU|||||||N", RESULT, Kind.QC),
        (GENERIC, "O|1|Abg qc 1||^^^GLU|||||||N", RESULT, Kind.QC),
        (GENERIC, "O|1|QC||^^^GLU|||||||N", RESULT, Kind.QC),
        (DCA, "O|1||0045^0123456|^^^HbA1c|||||||Q", A1C, Kind.QC),
        (DCA, "O|1||0045^0123456|^^^HbA1c|||||||N", A1C, Kind.PATIENT),
        (AFINION, "O|1||19|^^^HbA1c|||||||||||^C", A1C, Kind.QC),
        (AFINION, "O|1||19|^^^HbA1c|||||||||||^O", A1C, Kind.PATIENT),
        (XN, "O|1||3^2^           QC-23450801^B", WBC, Kind.QC),
        (XN, "O|1||3^2^               26S0042^B", WBC, Kind.PATIENT),
    ],
)
def test_marks(profile: AnalyzerProfile, order: str, result: str, kind: Kind) -> None:
    (report,) = reports(r"H|\^&", "P|1|MRN0001|MRN0001", order, result, END, profile=profile)
    assert report.kind is kind
    assert not report.held


@pytest.mark.parametrize(
    "id_",
    ["CONTROL HIGH", "CTRL1", "ctrl", "Control", "KONTROLLE 2", "CALIB-3", "Background", "BLANK",
     "MY QC", "1 QC 7"],
)  # fmt: skip
def test_ids_that_read_like_a_controls_are_undecided(id_: str) -> None:
    report = one(PATIENT, f"O|1|{id_}||^^^GLU|||||||N", RESULT)
    assert report.kind is Kind.UNKNOWN
    found = problem(report, ProblemCode.KIND_UNDECIDED)
    assert (found.at, found.hold) == ("O[1].3.1", True)


@pytest.mark.parametrize(
    "id_", ["26S0001", "QCIUS", "MCQC0", "CONTROLE7".replace("E", "L"), "CALVIN"]
)
def test_ids_of_patients(id_: str) -> None:
    assert one(PATIENT, f"O|1|{id_}||^^^GLU|||||||N", RESULT).kind is Kind.PATIENT


@pytest.mark.parametrize(
    ("letter", "kind", "code"),
    [
        ("P", Kind.PATIENT, None),
        ("", Kind.PATIENT, None),
        ("p", Kind.PATIENT, None),
        ("Q", Kind.QC, None),
        ("D", Kind.PATIENT, ProblemCode.NOT_PRODUCTION),
        ("T", Kind.PATIENT, ProblemCode.NOT_PRODUCTION),
        ("Z", Kind.PATIENT, ProblemCode.KIND_UNDECIDED),
    ],
)
def test_processing_id(letter: str, kind: Kind, code: ProblemCode | None) -> None:
    (report,) = reports(rf"H|\^&||||||||||{letter}", PATIENT, ORDER, RESULT, END)
    assert report.kind is kind
    assert [(p.code, p.at, p.hold) for p in report.problems] == (
        [(code, "H[1].12.1", True)] if code else []
    )


def test_rules_that_disagree_leave_it_undecided() -> None:
    calibrated = replace(GENERIC, kinds=(Rule(Kind.CALIBRATION, "O.16", "CAL", "CAL"),))
    report = one(PATIENT, "O|1|26S0001||^^^GLU|||||||Q||||CAL", RESULT, profile=calibrated)
    assert report.kind is Kind.UNKNOWN
    assert report.held
    only = one(PATIENT, "O|1|26S0001||^^^GLU|||||||N||||CAL", RESULT, profile=calibrated)
    assert only.kind is Kind.CALIBRATION


def test_a_mark_nobody_explained_wins_over_a_control() -> None:
    order = "O|1||19|^^^HbA1c|||||||Q||||^V"
    (report,) = reports(r"H|\^&", "P|1||MRN0001", order, A1C, END, profile=AFINION)
    assert report.kind is Kind.UNKNOWN
    assert problem(report, ProblemCode.KIND_UNDECIDED).at == "O[1].16.2"


def test_a_rule_may_look_at_every_line() -> None:
    lines = replace(
        GENERIC, kinds=(Rule(Kind.QC, "C.4", "level [0-9]", "level 1", each_line=True),)
    )
    report = one(PATIENT, ORDER, RESULT, "R|2|^^^CRP|1|mg/L", "C|1|I|level 2|I", profile=lines)
    assert report.kind is Kind.QC
    assert one(PATIENT, ORDER, RESULT, "C|1|I|level|I", profile=lines).kind is Kind.PATIENT


def test_one_control_does_not_make_its_neighbours_controls() -> None:
    found = reports(
        HEADER,
        PATIENT,
        "O|1|QC01||^^^GLU|||||||N",
        RESULT,
        "O|2|26S0002||^^^GLU|||||||N",
        RESULT,
        "O|3|26S0003||^^^GLU|||||||Q",
        RESULT,
        END,
    )
    assert [report.kind for report in found] == [Kind.QC, Kind.PATIENT, Kind.QC]
