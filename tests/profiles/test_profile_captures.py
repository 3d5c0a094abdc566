"""Bytes real analyzers sent, as the notes beside them describe them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from reading_samples import NOW, context, problem_codes

from gateway.profiles import AnalyzerProfile, catalogue, normalize
from gateway.protocols.astm import decode, read_capture
from gateway.report import Absent, AbsentReason, Comparator, Kind, ProblemCode, Quantity, Report

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
ERBA = catalogue()["erba-xl"]
VITROS = catalogue()["vitros"]
CODES = {"001": "3016-3", "002": "14635-7", "950": "5671-3", "951": "5671-3", "952": "5671-3"}
UNITS = {f"{code}:": "{index}" for code in ("950", "951", "952")}

pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not at hand")


def payload(name: str, profile: AnalyzerProfile) -> bytes:
    (found,) = read_capture((CAPTURES / name).read_bytes(), profile.link.dialect)
    assert found.complete
    assert found.checked
    return found.text


def report(name: str, profile: AnalyzerProfile) -> Report:
    site = context(codes=CODES if profile is VITROS else {}, units=UNITS)
    (found,) = normalize(payload(name, profile), profile, site)
    return found


@pytest.mark.parametrize(
    ("name", "profile", "counts"),
    [
        ("erba-xl-dbil.bin", ERBA, "H1 P1 O1 R1 C1 L1"),
        ("vitros-3600-replicates.bin", VITROS, "H1 P1 O1 R8 M4 L1"),
        ("vitros-3600-query.bin", VITROS, "H1 Q1 L1"),
        ("vitros-3600-comparators.bin", VITROS, "H1 P1 O1 R4 M1 L1"),
    ],
)
def test_record_counts(name: str, profile: AnalyzerProfile, counts: str) -> None:
    (message,) = decode(payload(name, profile))
    found = Counter(record.type for record in message.records)
    assert found == {text[0]: int(text[1:]) for text in counts.split()}


def test_erba() -> None:
    found = report("erba-xl-dbil.bin", ERBA)
    assert found.kind is Kind.PATIENT
    assert found.specimen.id == "1044041"
    assert found.specimen.type == "SERUM"
    assert found.patient.ids == ()
    (bilirubin,) = found.observations
    assert (bilirubin.code.device, bilirubin.code.loinc) == ("DBILL", "1968-7")
    assert isinstance(bilirubin.value, Quantity)
    assert bilirubin.value.number == "0.3"
    assert bilirubin.value.unit is not None
    assert (bilirubin.value.unit.device, bilirubin.value.unit.ucum) == ("mg/dl", "mg/dL")
    assert bilirubin.range is None
    assert bilirubin.flags == ("A",)
    assert bilirubin.notes == ("Instrument Flag A",)
    assert bilirubin.status.value == "F"
    assert bilirubin.observed_at is not None
    assert bilirubin.observed_at.isoformat() == "2020-09-28T13:23:12+02:00"
    assert ProblemCode.INSTRUMENT_ALARM in problem_codes(found)
    assert not found.held


def test_replicates() -> None:
    found = report("vitros-3600-replicates.bin", VITROS)
    assert (found.specimen.id, found.specimen.position) == ("1111111", "3^1")
    assert [o.code.device for o in found.observations] == ["002"] * 5 + ["950", "951", "952"]
    assert [o.raw for o in found.observations[:5]] == ["33.86", "33.46", "34.05", "33.59", "34.35"]
    assert {o.value for o in found.observations[5:]} == {Absent(AbsentReason.NOT_MEASURED)}
    assert {o.status.value for o in found.observations[5:]} == {"X"}
    assert {o.status.value for o in found.observations[:5]} == {"F"}
    assert not found.held


def test_comparators() -> None:
    found = report("vitros-3600-comparators.bin", VITROS)
    assert found.specimen.id == "1068616"
    values = [o.value for o in found.observations]
    assert [(v.comparator, v.number) for v in values if isinstance(v, Quantity)] == [
        (None, "8.25"),
        (Comparator.LESS, "15"),
        (Comparator.LESS, "2"),
        (Comparator.LESS, "20"),
    ]
    assert not found.held


def test_a_query_is_no_report() -> None:
    assert normalize(payload("vitros-3600-query.bin", VITROS), VITROS, context()) == ()


def test_codes_the_site_did_not_map_hold() -> None:
    text = payload("vitros-3600-replicates.bin", VITROS)
    (found,) = normalize(text, VITROS, context(codes={}, received_at=NOW))
    assert problem_codes(found).count(ProblemCode.UNKNOWN_TEST) == 8
    assert found.held
