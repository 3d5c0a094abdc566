"""What holds for every profile: one property, all devices."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from transcript_cases import FOLDER, all_cases

import gateway.profiles
from gateway.profiles import (
    AnalyzerProfile,
    Protocol,
    QcUnknown,
    Quirk,
    catalogue,
    identify,
    installed,
    is_loinc,
)
from gateway.profiles.catalogue import assemble, built_in
from gateway.profiles.checks import mistakes
from gateway.profiles.loinc import check_digit, terms
from gateway.profiles.units import known_ucum
from gateway.report import Kind

PROFILES = list(catalogue().values())
SHOWN = {  # a text every transcript set of a profile with this quirk must have
    Quirk.TRAILING_FLAG: r"\|[0-9.]+!\||,SMALL\*,|\|POSITIVE\*\|",
    Quirk.MESSAGE_WITHOUT_VALUE: r"R\|\d+\|\^\^\^\^\w+\|\|\|\|A\|",
    Quirk.OPAQUE_FLAGS: r"\^0\^NQ",
    Quirk.NUMBERED_UNITS: r"\|1\|\|[HL]{0,2}\|\|F\|",
    Quirk.EITHER_ENCODING: r"(?s)JAN<C3>.*JAN<C9>|JAN<C9>.*JAN<C3>",
    Quirk.DEFLATED_MATRICES: r"HISTOGRAM\^",
}


@pytest.fixture(params=PROFILES, ids=lambda profile: profile.name)
def profile(request: pytest.FixtureRequest) -> AnalyzerProfile:
    found = request.param
    assert isinstance(found, AnalyzerProfile)
    return found


def wires(name: str) -> list[Path]:
    return sorted((FOLDER / name).glob("*.wire"))


def test_first_six_are_there() -> None:
    assert {
        "generic-astm",
        "siemens-dca-vantage",
        "abbott-afinion-2",
        "sysmex-xn-l",
        "erba-xl",
        "vitros",
    } <= set(catalogue())


def test_names_are_unique() -> None:
    names = [profile.name for profile in built_in()]
    assert len(names) == len(set(names))


def test_no_mistakes(profile: AnalyzerProfile) -> None:
    assert mistakes(profile) == ()


def test_qc_is_stated(profile: AnalyzerProfile) -> None:
    if isinstance(profile.qc, QcUnknown):
        assert len(profile.qc.reason) > 20
    else:
        assert profile.qc


def test_sources_and_evidence_are_stated(profile: AnalyzerProfile) -> None:
    assert all(len(source) > 10 for source in profile.source)
    assert profile.evidence


def test_loinc_codes_have_their_check_digit(profile: AnalyzerProfile) -> None:
    for analyte in profile.menu.values():
        for code in (analyte.loinc, analyte.number, *analyte.by_unit.values()):
            assert code is None or is_loinc(code)


def test_units_are_in_the_list(profile: AnalyzerProfile) -> None:
    for analyte in profile.menu.values():
        assert set(analyte.units) <= known_ucum()


def test_known_tests_are_named(profile: AnalyzerProfile) -> None:
    for code, analyte in profile.analytes.items():
        assert analyte.loinc or analyte.display, code


def test_two_transcripts_at_least(profile: AnalyzerProfile) -> None:
    assert len(wires(profile.name)) >= 2
    for path in wires(profile.name):
        assert path.with_suffix(".reports.json").exists()
        assert re.search(r"(?m)^# source: .{10}", path.read_text(encoding="utf-8"))


def test_transcripts_show_reports_controls_and_messages(profile: AnalyzerProfile) -> None:
    """One profile can say neither whose a run is nor that it is a control: nothing may leave.
    Of what is only recorded nothing is read at all."""
    if profile.link.protocol is Protocol.RECORDING:
        return
    cases = [case for case in all_cases() if case.profile is profile]
    kinds = {report.kind for case in cases for one in case.interpret() for report in one.reports}
    assert Kind.PATIENT in kinds
    named = bool(profile.where.specimen or profile.where.patient)
    assert any(case.expected_messages.exists() for case in cases) is named
    assert (Kind.QC in kinds) is any(rule.kind is Kind.QC for rule in profile.rules)


def test_there_are_thirty_at_least() -> None:
    assert len(PROFILES) >= 30


def test_no_transcript_without_a_profile() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} <= set(catalogue())


def test_every_quirk_is_shown(profile: AnalyzerProfile) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in wires(profile.name))
    for quirk in profile.quirks:
        assert re.search(SHOWN[quirk], text), quirk


@pytest.mark.parametrize("quirk", list(Quirk))
def test_a_quirk_is_used_and_read_in_one_place(quirk: Quirk) -> None:
    folder = Path(gateway.profiles.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    assert code.count(f"Quirk.{quirk.name}") == 1
    assert any(quirk in profile.quirks for profile in PROFILES)


def test_the_table_of_quirks_is_right() -> None:
    """Every quirk has its line, and the line names just the profiles that have it."""
    text = (Path(__file__).parents[2] / "docs" / "quirks.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    told = {row[0].strip("|` "): set(re.findall("`([^`]+)`", row[-1])) for row in rows}
    assert told == {
        quirk.value: {profile.name for profile in PROFILES if quirk in profile.quirks}
        for quirk in Quirk
    }


def test_headers_match_no_other_profile(profile: AnalyzerProfile) -> None:
    """Some devices may leave the sender out of their headers: then nothing speaks against them."""
    certain = False
    for case in all_cases():
        for text, _ in case.texts():
            found = identify(text, profile)
            if case.profile is profile:
                assert found.header_fits
                certain = certain or found.certain
            else:
                assert not found.certain
    assert certain == bool(profile.signatures)


def test_the_list_of_tests_has_right_check_digits() -> None:
    assert len(terms()) > 150
    assert all(is_loinc(code) for code in terms())


@pytest.mark.parametrize(
    ("number", "digit"), [("6690", 2), ("789", 8), ("718", 7), ("80382", 5), ("4548", 4), ("1", 8)]
)
def test_check_digit(number: str, digit: int) -> None:
    assert check_digit(number) == digit


@pytest.mark.parametrize(
    "text", ["6690-3", "66902", "6690-", "-2", "", "6690-22", "0690-2", "６６９０-2", " 6690-2"]
)
def test_not_loinc(text: str) -> None:
    assert not is_loinc(text)


def _entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group="gateway.profiles")


def test_a_good_plug_in_joins_and_bad_ones_are_named() -> None:
    found = assemble(
        built_in(),
        [
            _entry("good", "plug_in_samples:good"),
            _entry("module", "plug_in_samples"),
            _entry("missing", "no_such_module_anywhere"),
            _entry("raises", "plug_in_samples:missing"),
            _entry("other", "plug_in_samples:NO_PROFILE"),
            _entry("wrong", "plug_in_samples:WRONG"),
            _entry("taken", "plug_in_samples:TAKEN"),
        ],
    )
    assert {"good-sample", "sample-module"} <= set(found.profiles)
    assert list(found.profiles) == sorted(found.profiles)
    reasons = {one.name: one.reason for one in found.unusable}
    assert set(reasons) == {"missing", "raises", "other", "wrong", "taken"}
    assert "taken" in reasons["taken"]
    assert "check digit" in reasons["wrong"]
    assert "QC" in reasons["wrong"]


def test_installation_has_no_unusable_plug_ins() -> None:
    assert installed().unusable == ()
