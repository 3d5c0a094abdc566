"""What a LOINC code and a unit say was measured, and whether they contradict each other."""

from __future__ import annotations

import re

import pytest
from reading_samples import context, one, problem, problem_codes, result

from gateway.profiles import catalogue
from gateway.profiles.loinc import names, terms
from gateway.profiles.properties import (
    NAMED,
    contradict,
    counterpart,
    explained,
    property_of_code,
    property_of_unit,
)
from gateway.profiles.units import known_ucum
from gateway.report import ProblemCode, Quantity, Unit

UNITS = [
    ("mg/dL", "mass/volume"),
    ("g/L", "mass/volume"),
    ("ug/mL{FEU}", "mass/volume"),
    ("mmol/L", "moles/volume"),
    ("meq/L", "moles/volume"),
    ("10*-3.mol/m3", "moles/volume"),
    ("U/L", "units/volume"),
    ("m[IU]/L", "units/volume"),
    ("ukat/L", "units/volume"),
    ("10*3/uL", "number/volume"),
    ("10*12/L", "number/volume"),
    ("/uL", "number/volume"),
    ("/[HPF]", "number/field"),
    ("%", "fraction"),
    ("L/L", "fraction"),
    ("mL/dL", "fraction"),
    ("/100{WBCs}", "fraction"),
    ("mg/g{creat}", "mass/mass"),
    ("mg/mmol{creat}", "mass/moles"),
    ("mmol/mol", "moles/moles"),
    ("mosm/kg", "moles/mass"),
    ("pg", "mass"),
    ("fmol", "moles"),
    ("fL", "volume"),
    ("um3", "volume"),
    ("cm2", "area"),
    ("s", "time"),
    ("mm/h", "length/time"),
    ("mm[Hg]", "pressure"),
    ("kPa", "pressure"),
    ("[pH]", "pH"),
    ("{INR}", "INR"),
    ("{ratio}", "ratio"),
]

SILENT = [
    "1",
    "10*3",
    "{AU}",
    "{copies}/mL",
    "mL/min/{1.73_m2}",
    "mL/min/m2",
    "g.m",
    "mg/(24.h)",
    "m4",
    "cd",
    "mmol / L",
    "",
]


@pytest.mark.parametrize(("unit", "said"), UNITS)
def test_what_a_unit_says(unit: str, said: str) -> None:
    assert str(property_of_unit(unit)) == said


@pytest.mark.parametrize("unit", SILENT)
def test_what_a_unit_does_not_say(unit: str) -> None:
    assert property_of_unit(unit) is None


def test_few_units_of_the_table_say_nothing() -> None:
    silent = {unit for unit in known_ucum() if property_of_unit(unit) is None}
    assert {"{AU}", "{COI}", "{RLU}", "{copies}/mL", "{s_co_ratio}"} <= silent
    assert len(silent) < 10


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("2345-7", "mass/volume"),  # by its name
        ("14749-6", "moles/volume"),
        ("1742-6", "units/volume"),
        ("3016-3", "units/volume"),
        ("6690-2", "number/volume"),
        ("4544-3", "fraction"),
        ("9318-7", "mass/mass"),
        ("787-2", "volume"),  # by the unit of the list
        ("5902-2", "time"),
        ("6301-6", "INR"),
        ("59261-8", "moles/moles"),
        ("2744-1", "pH"),
    ],
)
def test_what_a_code_says(code: str, said: str) -> None:
    assert str(property_of_code(code)) == said


@pytest.mark.parametrize("code", ["8061-4", "94500-6", "25428-4", "58410-2", ""])
def test_what_a_code_does_not_say(code: str) -> None:
    """A code that does not ship, answers in words, a panel."""
    assert property_of_code(code) is None
    assert not contradict(code, "mmol/L")


def test_every_bracket_of_a_name_is_understood() -> None:
    found = {match for name in names().values() for match in re.findall(r"\[([^\]]+)\]", name)}
    assert found <= set(NAMED)


def test_names_and_units_of_the_list_say_the_same() -> None:
    both = [term for term in terms().values() if term.unit]
    assert len(both) > 100
    assert not [term.code for term in both if contradict(term.code, term.unit or "")]


def test_no_shipped_profile_contradicts_itself() -> None:
    pairs = {
        (loinc, unit)
        for profile in catalogue().values()
        for analyte in profile.menu.values()
        for unit in (*analyte.units, *analyte.by_unit, *filter(None, (analyte.unsent,)))
        for loinc in (analyte.by_unit.get(unit, analyte.loinc), analyte.number)
        if loinc
    }
    assert len(pairs) > 100
    assert not [pair for pair in pairs if contradict(*pair)]


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("2345-7", "mmol/L"),  # glucose
        ("14749-6", "mg/dL"),
        ("718-7", "mmol/L"),  # haemoglobin
        ("4548-4", "mmol/mol"),  # HbA1c: NGSP and IFCC
        ("59261-8", "%"),
        ("9318-7", "mg/mmol"),  # albumin/creatinine
        ("5902-2", "{INR}"),  # prothrombin time, INR, Quick
        ("6301-6", "s"),
        ("6301-6", "%"),
        ("32207-3", "%"),  # platelet distribution width
        ("788-0", "fL"),  # red cell distribution width
        ("51637-7", "ng/mL"),  # plateletcrit and procalcitonin are both called PCT
        ("5821-4", "/uL"),  # leukocytes by field
        ("13969-1", "U/L"),  # CK-MB mass
        ("2744-1", "nmol/L"),
    ],
)
def test_contradictions(code: str, unit: str) -> None:
    assert contradict(code, unit)


@pytest.mark.parametrize(
    ("code", "unit"),
    [
        ("2345-7", "g/L"),
        ("2951-2", "meq/L"),
        ("1742-6", "[IU]/L"),
        ("1742-6", "ukat/L"),
        ("3016-3", "uU/mL"),
        ("6690-2", "10*9/L"),
        ("4544-3", "L/L"),
        ("51637-7", "mL/L"),
        ("58413-6", "%"),
        ("9830-1", "{ratio}"),
        ("9830-1", "1"),
        ("2692-2", "mmol/kg"),
        ("2019-8", "kPa"),
        ("2345-7", "{AU}"),
        ("98979-8", "mL/min"),
    ],
)
def test_what_is_or_may_be_the_same(code: str, unit: str) -> None:
    assert not contradict(code, unit)


def test_the_other_code_is_found_by_its_name() -> None:
    assert counterpart("2345-7", "mmol/L") == "14749-6"
    assert counterpart("14749-6", "g/L") == "2345-7"
    assert counterpart("2345-7", "U/L") is None
    assert counterpart("5902-2", "{INR}") is None
    assert counterpart("8061-4", "mmol/L") is None


def test_the_words_name_code_unit_and_cure() -> None:
    words = explained("GLU", "2345-7", "mmol/L")
    assert "'GLU' is mapped to 2345-7 (Glucose [Mass/volume] in Serum or Plasma)" in words
    assert "which is mass/volume; mmol/L is moles/volume" in words
    assert "Map it to 14749-6 (Glucose [Moles/volume] in Serum or Plasma)" in words
    assert "the LOINC code of this test in {INR}" in explained("PT", "5902-2", "{INR}")


MASS = {"GLU": "2345-7"}


def test_moles_under_a_sites_code_of_mass_are_told_and_leave_as_configured() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||||F", site=context(codes=MASS))
    assert observation.value == Quantity("5.4", None, Unit("mmol/L", "mmol/L"))
    assert observation.code.loinc == "2345-7"
    assert problem_codes(report) == [ProblemCode.UNIT_MISMATCH]
    found = problem(report, ProblemCode.UNIT_MISMATCH)
    assert (found.at, found.hold) == ("R[1].5", False)
    assert not report.held


def test_what_the_device_does_not_send_the_site_may_get_wrong() -> None:
    site = context(codes=MASS, units={"GLU:": "mmol/L"})
    _, report = result("R|1|^^^GLU|5.4|||||F", site=site)
    assert problem_codes(report) == [ProblemCode.UNIT_MISMATCH]


@pytest.mark.parametrize("value", ["----", "NEGATIVE"])
def test_what_has_no_unit_contradicts_nothing(value: str) -> None:
    _, report = result(f"R|1|^^^GLU|{value}|mmol/L||||F", site=context(codes=MASS))
    assert not report.held


def test_an_unknown_unit_is_only_unknown() -> None:
    _, report = result("R|1|^^^GLU|5.4|mg/furlong||||F", site=context(codes=MASS))
    assert problem_codes(report) == [ProblemCode.UNKNOWN_UNIT]


def test_a_site_that_maps_a_test_of_the_profile_answers_for_every_unit() -> None:
    """A profile's choice of codes by unit ends where the site names another one."""
    profile = catalogue()["erba-xl"]
    line = "R|1|^^^GLU|5.4|mmol/L||||F"
    body = ("P|1|MRN0001", "O|1|26S0001||^^^GLU|||||||N", line)
    assert problem_codes(one(*body, profile=profile, site=context(codes={}))) == []
    assert problem_codes(one(*body, profile=profile, site=context(codes=MASS))) == []
    other = context(codes={"GLU": "2339-0"})
    found = problem(one(*body, profile=profile, site=other), ProblemCode.UNIT_MISMATCH)
    assert (found.at, found.hold) == ("R[1].5", True)
