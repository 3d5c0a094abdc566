"""Report and JSON: the contract's names and order, its schema, and nothing lost on the way back."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, replace
from typing import Any, get_args

import oru_samples as samples
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError
from oru_strategies import EXAMPLES, REPORTS

from gateway import report as waist
from gateway.messages import (
    NotAReport,
    PatientData,
    canonical_text,
    pseudonym,
    published_text,
    report_from_json,
    report_json,
    report_schema,
    report_text,
)
from gateway.report import Attachment, Kind, PatientId, Problem, ProblemCode, Report, Specimen

KEY = b"a key of the test site"
CONTRACT = """
{"schema": "report/1",
 "id": "0123456789abcdef0123456789abcdef",
 "device": {"id": "haematology", "profile": "sysmex-xn-l", "manufacturer": "Sysmex",
            "model": "XN-550", "serial": "12345"},
 "kind": "patient",
 "specimen": {"id": "26S0042", "position": "3^2", "type": null},
 "patient": {"ids": [{"value": "MRN0001", "from": "P.3"}], "name": null, "birth_date": null,
             "sex": null},
 "received_at": "2026-01-05T10:12:00+01:00",
 "observations": [
  {"code": {"device": "WBC", "loinc": "6690-2",
            "display": "Leukocytes [#/volume] in Blood by Automated count"},
   "value": {"kind": "quantity", "comparator": null, "number": "5.50",
             "unit": {"device": "10^3/uL", "ucum": "10*3/uL"}},
   "raw": "  5.50", "flags": ["N"], "range": null, "status": "F",
   "observed_at": "2026-01-05T10:11:30+01:00", "operator": null, "notes": []},
  {"code": {"device": "BASO%", "loinc": "706-2", "display": null},
   "value": {"kind": "absent", "reason": "masked"}, "raw": "---.-", "flags": [], "range": null,
   "status": "X", "observed_at": null, "operator": null, "notes": []},
  {"code": {"device": "FLUA", "loinc": "80382-5", "display": null},
   "value": {"kind": "text", "text": "Negative"}, "raw": "Negative", "flags": [], "range": null,
   "status": "F", "observed_at": null, "operator": null, "notes": []}],
 "problems": [{"code": "unknown-test", "at": "R[7].3.4", "hold": true}],
 "source": {"transmission": "1", "protocol": "astm"}}
"""
VALIDATOR = Draft202012Validator(dict(report_schema()))
FULL = replace(
    samples.BASE,
    observations=tuple(one for case in samples.CASES for one in case.report.observations),
    specimen=replace(samples.BASE.specimen, collected_at=samples.MEASURED, type="SER"),
    problems=(
        Problem(ProblemCode.UNKNOWN_TEST, "R[7].3.4"),
        Problem(ProblemCode.LINK_NOISE, "", False),
    ),
    notes=("a note",),
    attachments=(Attachment("WBC histogram", "image/png", 3, "ab" * 32),),
)


def names(value: Any, at: str = "") -> list[str]:
    """Every key with its place, in document order."""
    if isinstance(value, dict):
        return [n for k, v in value.items() for n in (f"{at}.{k}", *names(v, f"{at}.{k}"))]
    return [n for one in value for n in names(one, at)] if isinstance(value, list) else []


def test_the_contracts_example_is_read_and_written_alike() -> None:
    example = json.loads(CONTRACT)
    VALIDATOR.validate(example)
    written = report_json(report_from_json(example))
    VALIDATOR.validate(written)
    added = {".specimen.collected_at", ".notes", ".attachments"}
    assert [name for name in names(written) if name not in added] == names(example)
    assert set(names(written)) - set(names(example)) == added
    assert written.pop("notes") == written.pop("attachments") == []
    assert written["specimen"].pop("collected_at") is None
    assert written == example


def test_everything_survives_the_way_there_and_back() -> None:
    VALIDATOR.validate(report_json(FULL))
    assert report_from_json(json.loads(report_text(FULL))) == FULL


@settings(max_examples=EXAMPLES, deadline=None)
@given(report=REPORTS)
def test_any_report_survives(report: Report) -> None:
    again = report_from_json(json.loads(report_text(report).encode()))
    assert again == report
    assert canonical_text(again) == canonical_text(report)


def test_lone_surrogates_do_not_break_the_text() -> None:
    report = replace(samples.BASE, notes=("\udc80",))
    assert json.loads(report_text(report).encode())["notes"] == ["\udc80"]


def sorted_json(report: Report) -> str:
    document = report_json(report)
    return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(REPORTS)
def test_canonical_text_is_the_full_form_with_sorted_keys(report: Report) -> None:
    assert canonical_text(report) == sorted_json(report)


def test_canonical_text_of_everything() -> None:
    odd = replace(
        FULL,
        notes=('"observations":[]', "\udc80\x00\u2028\U0001f642"),
        observations=(*FULL.observations, replace(samples.WBC, raw='"observations":[]')),
    )
    for report in (FULL, odd, replace(odd, observations=())):
        assert canonical_text(report) == sorted_json(report)


def test_canonical_text_is_one_form() -> None:
    text = canonical_text(FULL)
    assert text.isascii()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert canonical_text(replace(FULL, notes=())) != text


def test_schema_knows_exactly_the_words_of_the_waist() -> None:
    schema = report_schema()
    defined = schema["$defs"]
    properties = schema["properties"]
    problem = properties["problems"]["items"]["properties"]
    pairs = [
        (properties["kind"], waist.Kind),
        (problem["code"], waist.ProblemCode),
        (defined["observation"]["properties"]["status"], waist.Status),
        (defined["absent"]["properties"]["reason"], waist.AbsentReason),
    ]
    for found, words in pairs:
        assert found["enum"] == [word.value for word in words]
    signs = defined["quantity"]["properties"]["comparator"]["enum"]
    assert signs == [*(word.value for word in waist.Comparator), None]
    kinds = {cls.__name__.lower() for cls in get_args(waist.Value)}
    assert kinds <= set(defined)
    assert set(properties) - {"schema"} == {field.name for field in fields(Report)}


BROKEN = [
    ("schema", "report/2"),
    ("id", None),
    ("kind", "patients"),
    ("received_at", None),
    ("device", []),
    ("device", {"id": "x"}),
    ("patient", {"ids": "x", "name": None, "birth_date": None, "sex": None}),
    ("observations", {}),
    ("observations", ["x"]),
    ("problems", [{"code": "no-such", "at": "x", "hold": True}]),
    ("problems", [{"code": "unknown-test", "at": "x", "hold": 1}]),
    ("notes", [1]),
    ("extra", 1),
    ("attachments", [{"name": "x", "media_type": "y", "size": True, "sha256": "z"}]),
]


@pytest.mark.parametrize(("key", "value"), BROKEN)
def test_what_is_no_report_is_refused_by_reader_and_schema(key: str, value: object) -> None:
    document = report_json(FULL)
    document[key] = value
    with pytest.raises(NotAReport):
        report_from_json(document)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


@pytest.mark.parametrize("moment", ["yesterday", "2026-01-05T10:12:00", "2026-13-05T10:12:00Z"])
def test_a_time_must_be_one_and_say_its_offset(moment: str) -> None:
    document = report_json(FULL)
    document["received_at"] = moment
    with pytest.raises(NotAReport, match="received_at"):
        report_from_json(document)


BROKEN_VALUES = [
    {"kind": "number", "number": "5"},
    {"kind": "quantity", "number": 5.5, "comparator": None, "unit": None},
    {"kind": "quantity", "number": "5", "comparator": "=", "unit": None},
    {"kind": "quantity", "number": "5", "comparator": None, "unit": None, "more": 1},
    {"kind": "absent", "reason": "lost"},
    {"kind": "text"},
    {},
]


@pytest.mark.parametrize("value", BROKEN_VALUES)
def test_what_is_no_value_is_refused(value: dict[str, object]) -> None:
    document = copy.deepcopy(report_json(samples.BASE))
    document["observations"][0]["value"] = value
    with pytest.raises(NotAReport):
        report_from_json(document)
    with pytest.raises(ValidationError):
        VALIDATOR.validate(document)


@pytest.mark.parametrize("value", [None, [], "x", 5, {}])
def test_what_is_no_document_is_refused(value: object) -> None:
    with pytest.raises(NotAReport):
        report_from_json(value)


def test_errors_name_places_not_values() -> None:
    document = report_json(samples.BASE)
    document["observations"][0]["status"] = "PRIVATE"
    with pytest.raises(NotAReport, match=r"observations\[0\]\.status") as caught:
        report_from_json(document)
    assert "PRIVATE" not in str(caught.value)


def test_without_patient_data() -> None:
    document = report_json(FULL, PatientData.NONE)
    VALIDATOR.validate(document)
    assert document["patient"] == {"ids": [], "name": None, "birth_date": None, "sex": None}
    assert document["specimen"]["id"] == "26S0042"
    assert document["notes"] == []
    text = report_text(FULL, PatientData.NONE)
    assert not any(secret in text for secret in ("MRN0001", "DOE", "1980", "a note"))


def test_with_pseudonyms() -> None:
    document = report_json(FULL, PatientData.PSEUDONYMOUS, KEY)
    VALIDATOR.validate(document)
    assert document["patient"] == {
        "ids": [{"value": pseudonym(KEY, "MRN0001"), "from": "P.3"}],
        "name": None,
        "birth_date": None,
        "sex": "F",
    }
    text = report_text(FULL, PatientData.PSEUDONYMOUS, KEY)
    assert not any(secret in text for secret in ("MRN0001", "DOE", "1980", "a note"))
    with pytest.raises(ValueError, match="key"):
        report_json(FULL, PatientData.PSEUDONYMOUS)


def test_a_patient_id_used_as_specimen_id_is_treated_as_one() -> None:
    report = replace(samples.BASE, specimen=Specimen(" MRN0001 "))
    assert report_json(report)["specimen"]["id"] == " MRN0001 "
    assert report_json(report, PatientData.NONE)["specimen"]["id"] is None
    hidden = report_json(report, PatientData.PSEUDONYMOUS, KEY)
    assert hidden["specimen"]["id"] == hidden["patient"]["ids"][0]["value"]


def test_pseudonyms_are_the_same_wherever_the_id_stood() -> None:
    ids = (PatientId("MRN0001", "P.3"), PatientId("MRN0001", "P.4"))
    report = replace(samples.BASE, patient=replace(samples.BASE.patient, ids=ids))
    found = report_json(report, PatientData.PSEUDONYMOUS, KEY)["patient"]["ids"]
    assert found[0]["value"] == found[1]["value"]
    assert [one["from"] for one in found] == ["P.3", "P.4"]


def test_what_is_published_of_a_control_names_no_patient() -> None:
    control = replace(FULL, kind=Kind.QC)
    full = json.loads(published_text(control, PatientData.FULL, None))
    assert full["patient"] == {"ids": [], "name": None, "birth_date": None, "sex": None}
    places = [f"id sent in {one.source}: {one.value}" for one in control.patient.ids]
    assert places
    assert full["notes"] == [*control.notes, *places]
    none = json.loads(published_text(control, PatientData.NONE, None))
    assert none == report_json(control, PatientData.NONE)


def test_what_is_published_of_a_patient_is_the_report() -> None:
    for how in PatientData:
        assert json.loads(published_text(FULL, how, b"key")) == report_json(FULL, how, b"key")
