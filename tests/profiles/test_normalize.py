"""Transmissions to reports: nothing lost, nothing doubled, nothing under a neighbour."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
    problem_codes,
    reports,
    result,
    text,
)

from gateway.profiles import AnalyzerProfile, catalogue, identify, read_transmission
from gateway.protocols.astm import decode
from gateway.report import (
    Absent,
    AbsentReason,
    Comparator,
    Kind,
    ProblemCode,
    Quantity,
    Report,
    Source,
    Status,
    Text,
    Unit,
)

XN = catalogue()["sysmex-xn-l"]


# what belongs to whom


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


# what is not whole


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


# which device


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


# values in their surroundings


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


# codes


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
    assert problem(report, ProblemCode.UNKNOWN_UNIT).at == "R[1].5.1"


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


# encodings


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


# identity of content


def ids(*records: str, device: str = "lab-1", **other: object) -> list[str]:
    return [report.id for report in reports(*records, site=context(device, **other))]  # type: ignore[arg-type]


MESSAGE = (HEADER, PATIENT, ORDER, RESULT, "C|1|I|note|I", END)


def swapped(index: int, record: str) -> tuple[str, ...]:
    return (*MESSAGE[:index], record, *MESSAGE[index + 1 :])


@pytest.mark.parametrize(
    "again",
    [
        MESSAGE,
        swapped(0, HEADER.replace("20260105101200", "20260106070000")),
        swapped(0, HEADER.replace("&|||", "&|MSG-2||")),
        swapped(1, "P|7|MRN0001"),
        swapped(2, ORDER.replace("O|1", "O|3")),
        swapped(3, RESULT.replace("R|1", "R|9")),
        swapped(3, RESULT.replace("||F||", "||R||")),
        swapped(3, RESULT + "|||"),
        swapped(5, "L|1|F"),
    ],
)
def test_sent_again_it_has_the_same_id(again: tuple[str, ...]) -> None:
    assert ids(*again, received_at=NOW + timedelta(days=1), transmission="99") == ids(*MESSAGE)


@pytest.mark.parametrize(
    "other",
    [
        swapped(1, "P|1|MRN0002"),
        swapped(2, ORDER.replace("26S0001", "26S0002")),
        swapped(3, RESULT.replace("5.4", "5.40")),
        swapped(3, RESULT.replace("mmol/L", "mg/dL")),
        swapped(3, RESULT.replace("|N||F", "|H||F")),
        swapped(3, RESULT.replace("|F|", "|C|")),
        swapped(3, RESULT.replace("20260105101000", "20260105101001")),
        swapped(4, "C|1|I|another|I"),
    ],
)
def test_any_difference_is_another_id(other: tuple[str, ...]) -> None:
    assert ids(*other) != ids(*MESSAGE)


def test_another_device_is_another_id() -> None:
    assert ids(*MESSAGE, device="lab-2") != ids(*MESSAGE)


def test_the_id_does_not_change_with_what_the_site_knows() -> None:
    assert ids(*MESSAGE, codes={}) == ids(*MESSAGE)


def test_the_same_specimen_twice_in_one_transmission_is_told_apart() -> None:
    twice = ids(HEADER, PATIENT, ORDER, RESULT, ORDER, RESULT, END)
    assert len(set(twice)) == 2
    assert twice[0] == ids(HEADER, PATIENT, ORDER, RESULT, END)[0]


def test_content_key() -> None:
    def key(*records: str) -> bytes:
        return read_transmission(text(*records), GENERIC, context()).content_key

    assert key(*MESSAGE) == key(*swapped(0, HEADER.replace("20260105101200", "20260106070000")))
    assert key(*MESSAGE) != key(*swapped(3, RESULT.replace("5.4", "5.5")))
    assert key(*MESSAGE) != key(*MESSAGE[:-1])


def test_bytes_and_messages_read_alike() -> None:
    data = text(*MESSAGE)
    assert (
        read_transmission(decode(data), GENERIC, context())
        == read_transmission(decode(data)[0], GENERIC, context())
        == read_transmission(data, GENERIC, context())
    )


# anything at all


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
