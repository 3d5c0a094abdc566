"""A profile read backwards is read forwards as the same."""

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
    render,
)
from gateway.protocols.astm import Message, encode
from gateway.report import Absent, Kind, Quantity

NAMES = [name for name, one in catalogue().items() if one.link.protocol is Protocol.ASTM]
DCA = catalogue()["siemens-dca-vantage"]


def rendered(profile: AnalyzerProfile, *samples: Sample) -> Message:
    return render(profile, samples, sent_at=NOW, timezone=BERLIN)


def codes_of(profile: AnalyzerProfile) -> dict[str, str]:
    return {code: analyte.loinc or "8061-4" for code, analyte in profile.menu.items()}


def _patient(profile: AnalyzerProfile, number: int) -> str | None:
    """An id, for a device that has a place for it."""
    return f"MRN000{number}" if profile.where.patient else None


def _who(profile: AnalyzerProfile) -> dict[str, str]:
    return {"patient": "MRN0001"} if profile.where.patient else {"specimen": "26S0001"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", [Kind.PATIENT, Kind.QC])
def test_plausible_results_are_read_back_and_delivered(name: str, kind: Kind) -> None:
    profile = catalogue()[name]
    moment = NOW if profile.where.observed else None
    findings = tuple(replace(one, observed_at=moment) for one in plausible(profile, Random(7)))
    who = _who(profile) if kind is Kind.PATIENT else {}
    sample = Sample(findings, kind=kind, **who)
    message = rendered(profile, sample)
    (report,) = normalize(message, profile, context(codes=codes_of(profile)))
    assert report.kind is kind
    assert not report.held
    assert [(o.code.device, o.raw.strip()) for o in report.observations] == [
        (one.code, one.value) for one in findings
    ]
    assert not any(isinstance(o.value, Absent) for o in report.observations)


@pytest.mark.parametrize("name", NAMES)
def test_several_samples(name: str) -> None:
    profile = catalogue()[name]
    findings = plausible(profile, Random(3))[:2]
    message = rendered(
        profile,
        *(Sample(findings, specimen=f"26S000{n}", patient=_patient(profile, n)) for n in range(4)),
    )
    found = normalize(message, profile, context(codes=codes_of(profile)))
    assert [report.specimen.id for report in found] == [f"26S000{n}" for n in range(4)]
    assert all(record.endswith(b"\r") for record in encode(message))


@pytest.mark.parametrize("name", NAMES)
def test_masked_and_compared_values(name: str) -> None:
    profile = catalogue()[name]
    measured = [(code, one) for code, one in profile.menu.items() if one.typical and one.units]
    if not measured:
        assert any(one.words for one in profile.menu.values())
        return
    code, first = measured[0]
    marks = ("A",) if profile.where.flags else ()
    unit = profile.shape.units.get(first.units[0], first.units[0])
    findings = (Finding(code, "<5", unit), Finding(code, "---.-", unit="", flags=marks))
    message = rendered(profile, Sample(findings, specimen="26S0001"))
    (report,) = normalize(message, profile, context(codes=codes_of(profile)))
    low, masked = (o.value for o in report.observations)
    assert isinstance(low, Quantity)
    assert isinstance(masked, Absent)


def test_demographics_and_comments() -> None:
    xn = catalogue()["sysmex-xn-l"]
    sample = Sample(
        (Finding("WBC", "5.50", "10*3/uL", ("H",), operator="OP7", comments=("checked|twice",)),),
        specimen="26S0001", patient="MRN0001", position="3^2", name="DOE^JANE",
        birth="1970-01-31", sex="F",
    )  # fmt: skip
    (report,) = normalize(rendered(xn, sample), xn, context())
    assert report.patient.name == "DOE^JANE"
    assert report.observations[0].notes == ("checked|twice",)
    assert not report.held


A1C = Finding("HbA1c", "5.6", "%")


@pytest.mark.parametrize(
    "sample",
    [
        Sample((A1C,), patient="MRN0001", name="DOE^JANE"),
        Sample((A1C,), patient="MRN0001", sex="F"),
        Sample((A1C,), patient="MRN0001", kind=Kind.CALIBRATION),
        Sample((A1C,), specimen="QC CONTROL", patient="MRN0001"),
        Sample((A1C,), specimen="   "),
        Sample((replace(A1C, code=""),), patient="MRN0001"),
        Sample((replace(A1C, value="Positive", number="5.6"),), kind=Kind.OTHER),
        Sample((replace(A1C, observed_at=NOW.replace(microsecond=5)),), patient="MRN0001"),
        Sample((replace(A1C, value="5.6^5.7^5.8", unit="%"),), patient=" MRN0001"),
    ],
)
def test_what_the_profile_cannot_say_is_refused(sample: Sample) -> None:
    with pytest.raises(NotExpressible):
        rendered(DCA, sample)


TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@given(TEXTS, TEXTS, st.sampled_from(NAMES))
@settings(max_examples=150, deadline=None)
def test_any_id_is_read_back_or_refused(specimen: str, patient: str, name: str) -> None:
    profile = catalogue()[name]
    findings = plausible(profile, Random(1))[:1]
    try:
        message = rendered(profile, Sample(findings, specimen=specimen, patient=patient))
    except NotExpressible:
        return
    (report,) = normalize(message, profile, context())
    assert report.specimen.id == specimen
    assert report.patient.ids[0].value == patient
