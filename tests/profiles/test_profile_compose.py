"""Profiles of HL7, POCT1-A and text devices, read backwards and forwards."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_samples import BERLIN, NOW, context

from gateway.profiles import (
    AnalyzerProfile,
    Finding,
    NotExpressible,
    Protocol,
    Sample,
    catalogue,
    normalize,
    plausible,
)
from gateway.profiles.compose import compose
from gateway.profiles.recording import read_recording
from gateway.report import Absent, Kind, ProblemCode, Report

PROFILES = {
    name: one
    for name, one in catalogue().items()
    if one.link.protocol not in (Protocol.ASTM, Protocol.RECORDING)
}
WITHOUT_IDENTITY = ("siemens-clinitek-status",)
WITHOUT_CONTROLS = ("siemens-clinitek-status",)
WHO = ({"patient": "MRN0001"}, {"specimen": "S0001"}, {})


def composed(profile: AnalyzerProfile, findings: tuple[Finding, ...], kind: Kind) -> bytes:
    timed = tuple(replace(one, observed_at=NOW) for one in findings)
    for chosen in (timed, findings):
        for who in WHO:
            try:
                sample = Sample(chosen, kind=kind, **who)
                return compose(profile, [sample], sent_at=NOW, timezone=BERLIN)[0]
            except NotExpressible:
                continue
    raise AssertionError("the profile cannot say this")


def read(profile: AnalyzerProfile, payload: bytes) -> Report:
    codes = {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}
    units = {"RDW:": "%"}
    (report,) = normalize(payload, profile, context(codes=codes, units=units))
    return report


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", [Kind.PATIENT, Kind.QC])
def test_plausible_results_are_read_back_and_delivered(name: str, kind: Kind) -> None:
    profile = PROFILES[name]
    if kind is Kind.QC and name in WITHOUT_CONTROLS:
        assert not [rule for rule in profile.rules if rule.kind is Kind.QC]
        return
    findings = plausible(profile, Random(7))
    report = read(profile, composed(profile, findings, kind))
    assert report.kind is kind
    held = {problem.code for problem in report.problems if problem.hold}
    assert held == ({ProblemCode.NO_SPECIMEN} if name in WITHOUT_IDENTITY else set())
    assert [(o.code.device, o.raw.strip()) for o in report.observations] == [
        (one.code, one.value) for one in findings
    ]


@pytest.mark.parametrize("name", PROFILES)
def test_the_same_content_sent_later_has_the_same_id(name: str) -> None:
    profile = PROFILES[name]
    findings = plausible(profile, Random(2))
    payload = composed(profile, findings, Kind.PATIENT)
    later = context(received_at=NOW.replace(hour=18), transmission="99")
    assert read(profile, payload).id == normalize(payload, profile, later)[0].id


def test_times_of_sending_and_message_ids_have_no_part_in_the_identity() -> None:
    hl7, poct = PROFILES["generic-hl7"], PROFILES["generic-poct1a"]
    for profile in (hl7, poct):
        sample = Sample(plausible(profile, Random(1)), patient="MRN0001")
        first, again = (
            compose(profile, [sample], sent_at=NOW.replace(hour=hour), timezone=BERLIN)[0]
            for hour in (9, 10)
        )
        assert first != again
        assert read(profile, first).id == read(profile, again).id
        other = replace(sample, patient="MRN0002")
        (changed,) = compose(profile, [other], sent_at=NOW, timezone=BERLIN)
        assert read(profile, changed).id != read(profile, first).id


@pytest.mark.parametrize("name", PROFILES)
def test_a_damaged_byte_never_changes_a_number_unseen_where_a_check_vouches(name: str) -> None:
    profile = PROFILES[name]
    payload = composed(profile, plausible(profile, Random(4)), Kind.PATIENT)
    pieces = [(payload, 0.0)]
    if not read_recording(pieces, profile.link)[0].checked or profile.link.codec is None:
        return
    for position in range(0, len(payload), 5):
        damaged = bytearray(payload)
        damaged[position] ^= 0x01
        for one in read_recording([(bytes(damaged), 0.0)], profile.link):
            assert not one.complete or one.payload == payload


@given(
    st.sampled_from(sorted(PROFILES)),
    st.integers(0, 40),
    st.binary(min_size=1, max_size=6),
    st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_without_an_exception(
    name: str, seed: int, noise: bytes, place: float
) -> None:
    profile = PROFILES[name]
    payload = composed(profile, plausible(profile, Random(seed)), Kind.PATIENT)
    at = int(place * len(payload))
    for found in normalize(payload[:at] + noise + payload[at + 1 :], profile, context()):
        assert found.id
    for one in read_recording([(payload[:at] + noise + payload[at:], 0.0)], profile.link):
        assert one.payload or one.reason


TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(TEXTS, TEXTS, st.sampled_from(sorted(PROFILES)))
@settings(max_examples=200, deadline=None)
def test_any_id_is_read_back_or_refused(specimen: str, patient: str, name: str) -> None:
    profile = PROFILES[name]
    findings = plausible(profile, Random(1))[:1]
    sample = Sample(findings, specimen=specimen, patient=patient)
    try:
        (payload,) = compose(profile, [sample], sent_at=NOW, timezone=BERLIN)
    except NotExpressible:
        return
    report = normalize(payload, profile, context())[0]
    assert report.specimen.id == specimen
    assert report.patient.ids[0].value == patient


def test_an_empty_value_with_a_reason_is_no_number() -> None:
    payload = (
        b'<OBS.R01><HDR><HDR.control_id V="1"/></HDR><SVC><SVC.role_cd V="OBS"/><PT>'
        b'<PT.patient_id V="MRN0001"/><OBS><OBS.observation_id V="GLU"/>'
        b'<OBS.value NULL="NI"/></OBS></PT></SVC></OBS.R01>'
    )
    (observation,) = read(PROFILES["generic-poct1a"], payload).observations
    assert isinstance(observation.value, Absent)
