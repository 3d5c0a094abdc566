"""Lines that say more about the result above, curves in M records, units that are numbers."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace

import pytest
from reading_samples import END, GENERIC, HEADER, ORDER, PATIENT, context, one, text

from gateway.profiles import Aside, AsideRole, Quirk, catalogue, normalize
from gateway.profiles.matrices import LARGEST, inflated
from gateway.report import Absent, ProblemCode, Quantity, Text, Unit


def packed(data: bytes) -> str:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(data) + deflate.flush()).decode()


def test_inflated() -> None:
    assert inflated(packed(b"\x00\x00\x80?" * 9)) == b"\x00\x00\x80?" * 9


@pytest.mark.parametrize(
    "coded",
    ["", "?", "AAA", packed(b"curve")[:-4], packed(b"curve") + "AAAA=", packed(bytes(LARGEST + 1))],
    ids=["empty", "no-base64", "odd", "cut-off", "too-long", "a-bomb"],
)
def test_not_inflated(coded: str) -> None:
    assert inflated(coded) is None


def test_a_curve_wherever_its_name_stands() -> None:
    profile = replace(GENERIC, quirks=frozenset({Quirk.DEFLATED_MATRICES}))
    for record in (f"M|1|HISTOGRAM|WBC|{packed(b'abc')}", f"M|1|{packed(b'abc')}^MATRIX^WBC"):
        report = one(PATIENT, ORDER, "R|1|^^^GLU|5.4|mmol/L||||F", record, profile=profile)
        (curve,) = report.attachments
        assert (curve.size, curve.media_type) == (3, "application/octet-stream")
        assert "WBC" in curve.name
    assert not one(PATIENT, ORDER, "M|1|REAGENT|LOT7", profile=profile).attachments


def test_a_detail_without_a_result_is_a_remark() -> None:
    profile = replace(GENERIC, asides=(Aside("CT", AsideRole.DETAIL),))
    report = one(PATIENT, ORDER, "R|1|^^^CT|23.4|||||F", profile=profile)
    assert (report.observations, report.notes) == ((), ("CT 23.4",))
    assert [p.code for p in report.problems] == [ProblemCode.NO_RESULTS]


GENEXPERT = catalogue()["cepheid-genexpert"]


@pytest.mark.parametrize(
    ("test", "code"),
    [
        ("^^^COV^Xpress^1^^", "COV"),
        ("^^^COV^Xpress^1", "COV"),
        ("^P^^FLUA^Xpress^1^FLUA^", "FLUA"),
        ("^^^COV", "COV"),
        ("^^^COV^^^^", "COV"),
    ],
)
def test_assay_level_lines_are_results(test: str, code: str) -> None:
    header = r"H|@^\|||PC^GeneXpert^6.1|||||||P|1394-97|20260105101200"
    data = text(header, "P|1", "O|1|26S1", f"R|1|{test}|POSITIVE^|||||F", END)
    (report,) = normalize(data, GENEXPERT, context(codes={code: "94500-6"}))
    assert [(o.code.device, o.value) for o in report.observations] == [(code, Text("POSITIVE"))]
    assert not report.held


@pytest.mark.parametrize(
    "test",
    [
        "^^^COV^^^SPC^Ct",
        "^P^^FLUA^^^FluA 1^",
        "^P^^FLUA^^^FLUA^",
        "^^^COV^Xpress^1^E^EndPt",
        "^^^COV^Xpress^1^^LOG",
    ],
)
@pytest.mark.parametrize("value", ["^0.0", "^23.4", "NEG^", "NA^0"])
def test_lines_of_an_analyte_are_details(test: str, value: str) -> None:
    header = r"H|@^\|||PC^GeneXpert^6.1|||||||P|1394-97|20260105101200"
    main = "R|1|^^^COV^Xpress^1^^|INVALID^|||||F"
    data = text(header, "P|1", "O|1|26S1", main, f"R|2|{test}|{value}|||||F", END)
    (report,) = normalize(data, GENEXPERT, context(codes={"COV": "94500-6"}))
    (found,) = report.observations
    assert isinstance(found.value, Absent)
    assert len(found.notes) == 1


def test_text_that_is_neither_encoding_is_held() -> None:
    header = rb"H|@^\|||PC^GeneXpert^6.1" + b"\r"
    body = b"P|1||||\x81\xc3\rO|1|26S1\rR|1|^^^COV^X^1^^|POSITIVE^|||||F\rL|1|N\r"
    (report,) = normalize(header + body, GENEXPERT, context(codes={"COV": "94500-6"}))
    assert ProblemCode.ENCODING_DOUBTFUL in [p.code for p in report.problems]


PENTRA = catalogue()["horiba-pentra"]


def test_the_number_of_a_set_of_units_never_gets_out() -> None:
    data = text(HEADER, "P|1", "O|1|26S1", "R|1|^^^WBC|5.5|2|||||F", "R|2|^^^HGB|139|2||||F", END)
    (report,) = normalize(data, PENTRA, context(codes={}, units={"HGB:2": "g/L"}))
    values = [o.value for o in report.observations]
    assert values[1] == Quantity("139", None, Unit("", "g/L"))
    assert all(isinstance(v, Quantity) and v.unit and v.unit.device == "" for v in values)
