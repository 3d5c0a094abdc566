"""Transmissions to reports: nothing lost, nothing doubled, nothing under a neighbour."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_samples import (
    END,
    GENERIC,
    HEADER,
    NOW,
    ORDER,
    PATIENT,
    RESULT,
    context,
    one,
    problem,
    reports,
    text,
)

from gateway.profiles import catalogue, identify, read_transmission
from gateway.report import (
    Kind,
    ProblemCode,
    Report,
    Source,
)

XN = catalogue()["sysmex-xn-l"]


def test_each_result_stands_under_its_own_order() -> None:
    found = reports(
        HEADER,
        "P|1|A1",
        "O|1|S1||^^^GLU",
        "R|1|^^^GLU|1.1|mmol/L||||F",
        "R|2|^^^CRP|2.2|mg/L||||F",
        "O|2|S2||^^^GLU",
        "R|1|^^^GLU|3.3|mmol/L||||F",
        "P|2|A2",
        "O|1|S3||^^^GLU",
        "R|1|^^^GLU|4.4|mmol/L||||F",
        END,
    )
    assert [
        (r.patient.ids[0].value, r.specimen.id, [o.raw for o in r.observations]) for r in found
    ] == [("A1", "S1", ["1.1", "2.2"]), ("A1", "S2", ["3.3"]), ("A2", "S3", ["4.4"])]


def test_positions_count_through_the_message() -> None:
    found = reports(HEADER, "P|1|A1", "O|1|S1", RESULT, "O|2|S2", "R|1|^^^XYZ|1|mg/dL||||F", END)
    assert problem(found[1], ProblemCode.UNKNOWN_TEST).at == "R[2].3.4"


def test_several_messages_in_one_transmission() -> None:
    message = (HEADER, "P|1|A1", "O|1|S1", "R|1|^^^XYZ|1|mg/dL||||F", END)
    found = reports(*message, *(record.replace("S1", "S2") for record in message))
    assert [r.specimen.id for r in found] == ["S1", "S2"]
    assert problem(found[1], ProblemCode.UNKNOWN_TEST).at == "H[2]/R[1].3.4"


def test_replicates_all_survive() -> None:
    lines = [f"R|{n}|^^^GLU|5.4|mmol/L||||F||||2026010510100{n}" for n in range(5)]
    assert len(one(PATIENT, ORDER, *lines).observations) == 5
    assert len(one(PATIENT, ORDER, *[RESULT] * 5).observations) == 5


def test_comments_stay_with_what_they_follow() -> None:
    report = one(
        PATIENT, "C|1|L|of the patient|G", ORDER, "C|1|L|of the order|G",
        RESULT, "C|1|I|of the first|I", "C|2|I|also^this\\and this|I", "R|2|^^^CRP|1|mg/L||||F",
    )  # fmt: skip
    assert report.notes == ("of the patient", "of the order")
    assert report.observations[0].notes == ("of the first", "also this", "and this")
    assert report.observations[1].notes == ()


def test_manufacturer_records_do_not_break_the_sequence() -> None:
    report = one(PATIENT, ORDER, RESULT, "M|1|X|raw", "R|2|^^^CRP|1|mg/L||||F", "M|2|X|raw")
    assert [o.code.device for o in report.observations] == ["GLU", "CRP"]


@pytest.mark.parametrize(
    ("records", "code", "at"),
    [
        ((HEADER, PATIENT, ORDER, RESULT), ProblemCode.TERMINATED_ABNORMALLY, "L[1]"),
        ((HEADER, PATIENT, ORDER, RESULT, "L|1|E"), ProblemCode.TERMINATED_ABNORMALLY, "L[1].3"),
        ((HEADER, PATIENT, ORDER, RESULT, "L|1|T"), ProblemCode.TERMINATED_ABNORMALLY, "L[1].3"),
        ((HEADER, PATIENT, ORDER, RESULT, "?|1", END), ProblemCode.MALFORMED_RECORD, "?[1]"),
        ((HEADER, ORDER, RESULT, END), ProblemCode.ORPHAN_RECORD, "O[1]"),
        ((HEADER, PATIENT, RESULT, END), ProblemCode.ORPHAN_RECORD, "R[1]"),
        ((PATIENT, ORDER, RESULT, END), ProblemCode.MALFORMED_RECORD, "?[1]"),
        ((HEADER, PATIENT, ORDER, END), ProblemCode.NO_RESULTS, "O[1]"),
    ],
)
def test_structural_faults_hold(records: tuple[str, ...], code: ProblemCode, at: str) -> None:
    interpretation = read_transmission(text(*records), GENERIC, context())
    problems = [p for report in interpretation.reports for p in report.problems]
    found = [p for p in (*problems, *interpretation.problems) if p.code is code]
    assert (at, True) in [(p.at, p.hold) for p in found]
    assert all(report.held for report in interpretation.reports)


@pytest.mark.parametrize("end", ["L|1|N", "L|1|F", "L|1", "L"])
def test_normal_ends(end: str) -> None:
    (report,) = reports(HEADER, PATIENT, ORDER, RESULT, end)
    assert not report.held


def test_one_broken_record_holds_the_whole_message() -> None:
    found = reports(HEADER, "P|1|A1", "O|1|S1", RESULT, "garbage", "P|2|A2", "O|1|S2", RESULT, END)
    assert all(problem(report, ProblemCode.MALFORMED_RECORD).hold for report in found)


@pytest.mark.parametrize(
    "records",
    [(HEADER, "Q|1|^26S0001||ALL||||||||O", END), (HEADER, END), (HEADER, PATIENT, END)],
    ids=["query", "empty", "patient only"],
)
def test_nothing_to_report(records: tuple[str, ...]) -> None:
    interpretation = read_transmission(text(*records), GENERIC, context())
    assert interpretation.reports == ()
    assert interpretation.problems == ()


def test_unchecked_bytes_are_marked() -> None:
    found = read_transmission(
        text(HEADER, PATIENT, ORDER, RESULT, END), GENERIC, context(), checked=False
    )
    mark = problem(found.reports[0], ProblemCode.INTEGRITY_UNCHECKED)
    assert not mark.hold


def test_another_devices_header_holds() -> None:
    other = reports(
        r"H|\^&|||DCA VANTAGE^1",
        "P|1",
        "O|1||^^ S1^B",
        "R|1|^^^^WBC^1|5|10*3/uL||N",
        END,
        profile=XN,
    )
    found = problem(other[0], ProblemCode.UNKNOWN_DEVICE)
    assert (found.at, found.hold) == ("H[1].5.1", True)


def test_a_silent_header_does_not() -> None:
    (report,) = reports(
        r"H|\^&", "P|1", "O|1||^^ S1^B", "R|1|^^^^WBC^1|5|10*3/uL||N", END, profile=XN
    )
    assert not report.held


def test_device_and_source() -> None:
    (report,) = reports(r"H|\^&|||  XN-330^00-24^4711", "P|1", "O|1||^^ S1^B", END, profile=XN)
    device = report.device
    assert (device.id, device.profile, device.manufacturer) == ("lab-1", "sysmex-xn-l", "Sysmex")
    assert (device.model, device.serial) == ("XN-330", "4711")
    assert report.source == Source("17", "astm")
    assert report.received_at == NOW


def test_identify() -> None:
    header = text(r"H|\^&|||  XN-550^00-24^12345", PATIENT)
    assert identify(header, XN).certain
    assert identify(header, XN).serial == "12345"
    assert not identify(header, catalogue()["siemens-dca-vantage"]).header_fits
    unsure = identify(header, catalogue()["erba-xl"])
    assert unsure.header_fits
    assert not unsure.certain
    assert not identify(b"\x00\xff", XN).header_fits


RECORDS = st.lists(
    st.one_of(
        st.sampled_from(
            [HEADER, PATIENT, ORDER, RESULT, END, "C|1|I|x|I", "M|1", "Q|1|^ALL", "Z|1"]
        ),
        st.builds(
            lambda letter, rest: letter + rest, st.sampled_from("HPORCMQLS"), st.text(max_size=40)
        ),
    ),
    max_size=12,
)


@given(RECORDS, st.sampled_from(list(catalogue())))
@settings(max_examples=300, deadline=None)
def test_no_records_raise(records: list[str], name: str) -> None:
    data = "\r".join(records).encode("utf-8", "surrogatepass")
    found = read_transmission(data, catalogue()[name], context())
    assert all(isinstance(report, Report) for report in found.reports)


@given(st.binary(max_size=300), st.sampled_from(list(catalogue())))
@settings(max_examples=300, deadline=None)
def test_no_bytes_raise(data: bytes, name: str) -> None:
    read_transmission(data, catalogue()[name], context())


VALUES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 999)), min_size=1, max_size=12)


@given(st.lists(VALUES, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_no_result_comes_under_a_neighbour(specimens: list[list[tuple[int, int]]]) -> None:
    """Every value encodes its specimen; whatever the grouping, none may cross."""
    records = [HEADER]
    for number, values in enumerate(specimens):
        records += [f"P|{number}|A{number}", f"O|1|S{number}||^^^GLU|||||||N"]
        for _, value in values:
            records.append(f"R|1|^^^GLU|{number}.{value:03d}|mmol/L||||F")
    found = reports(*records, END)
    assert [len(report.observations) for report in found] == [len(v) for v in specimens]
    for number, report in enumerate(found):
        assert report.specimen.id == f"S{number}"
        assert report.patient.ids[0].value == f"A{number}"
        assert report.kind is Kind.PATIENT
        assert all(o.raw.startswith(f"{number}.") for o in report.observations)
