"""What every profile must get right, tried on messages in the device's own layout.

Written by the profile's addresses without asking whether it would read them so; what a layout has
no room for is said in ``UNSAYABLE``, so that nothing is passed over unseen.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from reading_samples import BERLIN, NOW, context

from gateway.profiles import (
    AnalyzerProfile,
    Finding,
    NotExpressible,
    Protocol,
    Sample,
    Scale,
    catalogue,
    normalize,
    plausible,
)
from gateway.profiles.hl7_writer import write_hl7
from gateway.profiles.numbers import read_number
from gateway.profiles.poct1a_writer import write_poct1a
from gateway.profiles.sheet import sheet_of
from gateway.profiles.text_writer import write_text
from gateway.profiles.writer import Writer
from gateway.protocols.astm import encode
from gateway.protocols.errors import LocalProtocolError
from gateway.report import Absent, Kind, ProblemCode, Quantity, Report, Status

SPOKEN = (Protocol.ASTM, Protocol.HL7, Protocol.POCT1A, Protocol.TEXT)
PROFILES = [one for one in catalogue().values() if one.link.protocol in SPOKEN]
FIXED = {"sysmex-kx21", "sysmex-kx21n-poch", "sysmex-uc1000"}  # a slot for each test, in order
DIGITS = {"sysmex-kx21", "sysmex-kx21n-poch"}  # four digits a value, whatever else is masked
NAMELESS = {"siemens-clinitek-status"}  # has no place for an id
UNSAYABLE = {
    "code": FIXED | {"spotchem-el", "hemocue-501", "siemens-clinitek-status", "horiba-micros60"},
}

every_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)


def written(profile: AnalyzerProfile, sample: Sample) -> bytes:
    if profile.link.protocol is Protocol.ASTM:
        return b"".join(encode(list(Writer(profile, BERLIN).message([sample], NOW, None))))
    sheet = sheet_of(profile, sample, NOW, BERLIN)
    match profile.link.protocol:
        case Protocol.HL7:
            return write_hl7(profile, sheet, 1)
        case Protocol.POCT1A:
            return write_poct1a(profile, sheet, 1)
        case _:
            return write_text(profile, sheet)


def read(profile: AnalyzerProfile, sample: Sample) -> Report:
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    units = {f"{code}:": "%" for code in ("RDW", "B", "C", "4")}
    (report,) = normalize(written(profile, sample), profile, context(codes=codes, units=units))
    return report


def who(profile: AnalyzerProfile) -> dict[str, str]:
    if profile.where.specimen:
        return {"specimen": "26S0001"}
    return {"patient": "MRN0001"} if profile.where.patient else {}


def findings(profile: AnalyzerProfile) -> tuple[Finding, ...]:
    """Numbers first, where the device measures any."""
    found = plausible(profile, Random(3))
    return tuple(sorted(found, key=lambda one: read_number(one.value) is None))


def number(profile: AnalyzerProfile) -> Finding | None:
    first = findings(profile)[0]
    return first if read_number(first.value) else None


def held(report: Report) -> set[ProblemCode]:
    return {problem.code for problem in report.problems if problem.hold}


def changed(profile: AnalyzerProfile, **changes: object) -> Report:
    """A run whose first result is another."""
    first, *others = findings(profile)
    sample = Sample((replace(first, **changes), *others), **who(profile))
    return read(profile, sample)


@every_profile
def test_an_ordinary_run_is_not_held(profile: AnalyzerProfile) -> None:
    report = read(profile, Sample(findings(profile), **who(profile)))
    assert held(report) == ({ProblemCode.NO_SPECIMEN} if profile.name in NAMELESS else set())
    assert report.kind is Kind.PATIENT


@every_profile
def test_a_run_without_an_id_is_held(profile: AnalyzerProfile) -> None:
    report = read(profile, Sample(findings(profile)))
    assert held(report) == {ProblemCode.NO_SPECIMEN}
    assert report.specimen.id is None
    assert not report.patient.ids


@every_profile
def test_an_unknown_test_is_kept_and_held(profile: AnalyzerProfile) -> None:
    code = {"rapidpoint-500": "m9", "vitros": "999"}.get(profile.name, "ZZX")
    try:
        report = changed(profile, code=code)
    except (NotExpressible, LocalProtocolError):
        report = None
    if profile.name in UNSAYABLE["code"]:
        assert report is None or ProblemCode.UNKNOWN_TEST not in held(report)
        return
    assert report is not None
    assert ProblemCode.UNKNOWN_TEST in held(report)
    assert code in {one.code.device for one in report.observations}


@every_profile
def test_an_unknown_unit_is_kept_and_held(profile: AnalyzerProfile) -> None:
    first = next((f for f in findings(profile) if read_number(f.value) and f.unit), None)
    if first is None or profile.where.unit is None:
        return
    unit = "furl/L" if profile.link.protocol is not Protocol.TEXT else "fu/L"
    sample = Sample((replace(first, unit=unit),), **who(profile))
    try:
        report = read(profile, sample)
    except NotExpressible:
        assert profile.name == "hemocue-501"
        return
    assert ProblemCode.UNKNOWN_UNIT in held(report) or ProblemCode.MALFORMED_RECORD in held(report)


@every_profile
@pytest.mark.parametrize("sign", ["<", ">"])
def test_a_comparator_is_part_of_the_value(profile: AnalyzerProfile, sign: str) -> None:
    first = number(profile)
    if first is None:
        return
    sample = Sample((replace(first, value=f"{sign}{first.value}"),), **who(profile))
    report = read(profile, sample)
    values = [one.value for one in report.observations if one.code.device == first.code]
    if profile.name in DIGITS:
        assert all(isinstance(value, Absent) for value in values)
        return
    (value,) = [one for one in values if not isinstance(one, Absent)]
    assert isinstance(value, Quantity)
    assert (value.comparator, value.decimal) == (sign, Quantity(first.value).decimal)


@every_profile
@pytest.mark.parametrize("void", ["-----", ".....", "*****", "No Result", "ABN", "NI"])
def test_a_void_is_never_a_number(profile: AnalyzerProfile, void: str) -> None:
    first = findings(profile)[0]
    sample = Sample((replace(first, value=void),), **who(profile))
    try:
        report = read(profile, sample)
    except (NotExpressible, LocalProtocolError):
        assert profile.link.protocol is Protocol.TEXT
        return
    values = [one.value for one in report.observations if one.raw.strip() == void]
    assert all(isinstance(value, Absent) for value in values)
    assert values or held(report) or profile.name in FIXED
    assert not any(
        isinstance(one.value, Quantity) and one.value.decimal == 0 for one in report.observations
    )


@every_profile
def test_a_status_nobody_knows_is_not_final(profile: AnalyzerProfile) -> None:
    if not profile.where.status:
        return
    report = changed(profile, status="?")
    assert ProblemCode.UNKNOWN_STATUS in held(report)
    assert report.observations[0].status is Status.PENDING
    unsettled = [sent for sent, status in profile.statuses.items() if status is Status.PENDING]
    for sent in unsettled:
        assert held(changed(profile, status=sent)) == {ProblemCode.STATUS_NOT_FINAL}


@every_profile
@pytest.mark.parametrize("typed", ["QC01", "QC-2", "qc 3", "CONTROL 1", "Kontrolle"])
def test_a_typed_control_is_no_patients(profile: AnalyzerProfile, typed: str) -> None:
    places = [name for name in ("specimen", "patient") if getattr(profile.where, name)]
    for place in places:
        report = read(profile, Sample(findings(profile), **{place: typed}))
        assert report.kind is not Kind.PATIENT
        assert report.kind is Kind.QC or ProblemCode.KIND_UNDECIDED in held(report)


@every_profile
def test_two_specimen_ids_that_differ_are_held(profile: AnalyzerProfile) -> None:
    paths = profile.where.specimen
    if len(paths) < 2:
        return
    for other in paths[1:]:
        swapped = replace(profile, where=replace(profile.where, specimen=(other,)))
        both = replace(
            swapped, shape=replace(profile.shape, fixed={**profile.shape.fixed, paths[0]: "26S1"})
        )
        data = written(both, Sample(findings(profile), specimen="26S2"))
        codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
        (report,) = normalize(data, profile, context(codes=codes))
        assert report.specimen.id == "26S1"
        assert ProblemCode.IDENTITY_CONFLICT in held(report)


@every_profile
def test_calls_and_numbers(profile: AnalyzerProfile) -> None:
    """A call beside its number is two observations wherever a cell holds both."""
    words = [code for code, one in profile.menu.items() if one.scale is not Scale.NUMBER]
    if not words:
        return
    finding = Finding(words[0], "POSITIVE", number="23.5")
    try:
        report = read(profile, Sample((finding,), **who(profile)))
    except (NotExpressible, LocalProtocolError):
        return
    values = [one.value for one in report.observations]
    assert len(values) == 2 or held(report)
    assert not (len(values) == 1 and isinstance(values[0], Quantity))
