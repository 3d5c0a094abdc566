"""Unit spellings to UCUM: by the table or not at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_samples import CODES, context, problem, problem_codes, result

from gateway.profiles import AnalyzerProfile, catalogue
from gateway.profiles.measure import Measure
from gateway.profiles.schema import Scale
from gateway.profiles.units import known_ucum, spelled, to_ucum, unit_table
from gateway.report import ProblemCode, Quantity, Unit


@pytest.mark.parametrize(
    ("device", "ucum"),
    [
        ("K/uL", "10*3/uL"),
        ("10^3/uL", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("10³/µL", "10*3/uL"),
        ("10³/μL", "10*3/uL"),
        ("10³/æL", "10*3/uL"),
        ("x 10^3 / uL", "10*3/uL"),
        ("G/L", "10*3/uL"),
        ("Tsd/µl", "10*3/uL"),
        ("Mio./µl", "10*6/uL"),
        ("10E+9/L", "10*9/L"),
        ("10¹²/L", "10*12/L"),
        ("/mm³", "/uL"),
        ("°C", "Cel"),
        ("10^9/L", "10*9/L"),
        ("M/uL", "10*6/uL"),
        ("T/L", "10*6/uL"),
        ("g/L", "g/L"),
        ("mg/dl", "mg/dL"),
        ("g%", "g/dL"),
        ("IU/L", "[IU]/L"),
        ("U/L", "U/L"),
        ("mIU/L", "m[IU]/L"),
        ("uIU/mL", "u[IU]/mL"),
        ("µIU/mL", "u[IU]/mL"),
        ("mEq/L", "meq/L"),
        ("mmHg", "mm[Hg]"),
        ("sec", "s"),
        ("mm/hr", "mm/h"),
        ("µmol/L", "umol/L"),
        ("æmol/L", "umol/L"),
        ("mg/g", "mg/g"),
        ("%", "%"),
        ("fl", "fL"),
        (" mmol/L ", "mmol/L"),
    ],
)
def test_spellings(device: str, ucum: str) -> None:
    assert to_ucum(device, "X") == ucum


@pytest.mark.parametrize(
    "unit", ["", " ", "1", "K", "mg/furlong", "MMOL/DL", "mG/dL", "kelvin", "M/L"]
)
def test_unknown_spellings(unit: str) -> None:
    assert to_ucum(unit, "X") is None


def test_grams_are_not_giga() -> None:
    assert to_ucum("g/L", "X") != to_ucum("G/L", "X")


def test_every_ucum_unit_stands_for_itself() -> None:
    assert all(unit_table()[unit] == unit for unit in known_ucum())
    assert not {unit for unit in known_ucum() if not unit.isascii() or " " in unit}


def test_kelvin_is_never_reached() -> None:
    assert not {unit for unit in known_ucum() if unit.startswith("K")}


def test_one_spelling_means_one_unit() -> None:
    assert all(unit_table()[spelled(device)] == ucum for device, ucum in unit_table().items())


def test_the_site_comes_before_the_table() -> None:
    site = {"U/L": "[IU]/L", "GLU:1": "mg/dL", "GLU:": "mmol/L"}
    assert to_ucum("U/L", "ALT", site) == "[IU]/L"
    assert to_ucum("1", "GLU", site) == "mg/dL"
    assert to_ucum("1", "ALT", site) is None
    assert to_ucum("", "GLU", site) == "mmol/L"
    assert to_ucum("", "ALT", site) is None


def test_unknown_unit_holds_and_is_kept() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mg/furlong||||F")
    assert observation.value == Quantity("5.4", None, Unit("mg/furlong", None))
    found = problem(report, ProblemCode.UNKNOWN_UNIT)
    assert (found.at, found.hold) == ("R[1].5", True)


def test_missing_unit_holds() -> None:
    observation, report = result("R|1|^^^GLU|5.4|||||F")
    assert observation.value == Quantity("5.4", None, None)
    assert problem(report, ProblemCode.UNIT_MISSING).hold


def test_missing_unit_of_a_test_without_one() -> None:
    observation, report = result("R|1|^^^INR|2.5|||||F")
    assert observation.value == Quantity("2.5", None, None)
    assert not report.held


def test_a_site_names_the_unit_its_device_does_not_send() -> None:
    site = context(codes={"GLU": "2345-7"}, units={"GLU:": "mg/dL"})
    observation, report = result("R|1|^^^GLU|95|||||F", site=site)
    assert observation.value == Quantity("95", None, Unit("", "mg/dL"))
    assert not report.held


def test_unit_in_the_value_must_agree_with_the_unit_beside_it() -> None:
    _, agreeing = result("R|1|^^^GLU|5.4 mmol/l|mmol/L||||F")
    _, differing = result("R|1|^^^GLU|5.4 mg/dL|mmol/L||||F")
    assert not agreeing.held
    assert ProblemCode.UNKNOWN_UNIT in problem_codes(differing)


class Cells:
    """A line with one value and its unit, wherever the profile looks for them."""

    def __init__(self, profile: AnalyzerProfile, number: str, unit: str) -> None:
        self._texts = {profile.where.value: number, profile.where.unit: unit}

    def whole(self, path: str) -> str | None:
        return self._texts.get(path)

    at = whole

    def every(self, path: str) -> tuple[str, ...]:
        return tuple(filter(None, (self.whole(path),)))

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        return ((self._texts.get(path, ""),),)

    def locate(self, path: str) -> str:
        return path


def test_every_test_of_every_profile_in_six_wrong_units_is_held() -> None:
    rng = random.Random(6)
    tried = 0
    for profile in catalogue().values():
        if not profile.where.unit or profile.where.unit == profile.where.value:
            continue
        for code, analyte in profile.analytes.items():
            if analyte.scale is not Scale.NUMBER:
                continue
            right = {*analyte.units, *analyte.by_unit, *map(profile.units.get, analyte.units)}
            wrong = sorted(known_ucum() - right - {"1", "{ratio}", "{index}", "{INR}", "[pH]"})
            for unit in rng.sample(wrong, 6):
                if to_ucum(unit, code, profile.units) in right:
                    continue
                place = Cells(profile, "5.4", unit)
                read = Measure(place, profile, context(), code, analyte).read()
                assert any(p.hold for one in read for p in one.problems), (profile.name, code, unit)
                tried += 1
    assert tried > 3_000


def test_where_a_site_names_the_units_of_its_test_no_other_passes() -> None:
    site = context(codes={**CODES, "GLU": "2345-7"}, units={"GLU:mg/dL": "mg/dL"})
    _, right = result("R|1|^^^GLU|95|mg/dL||||F", site=site)
    _, switched = result("R|1|^^^GLU|5.4|mmol/L||||F", site=site)
    _, other = result("R|1|^^^CRP|5.4|mg/L||||F", site=site)
    assert not right.held
    assert problem_codes(switched) == [ProblemCode.UNKNOWN_UNIT, ProblemCode.UNIT_MISMATCH]
    assert not other.held


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None)
def test_no_unit_is_made_up(unit: str) -> None:
    found = to_ucum(unit, "X")
    assert found is None or found in known_ucum()
