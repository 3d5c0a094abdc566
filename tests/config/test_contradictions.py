"""Codes and units of a site that cannot go together are noted; the file stays sound."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.run import check_configuration
from gateway.config import parse
from gateway.config.contradictions import contradictions

PATH = Path("gateway.toml")
FILE = """
[gateway]
site = "clinic-a"
timezone = "UTC"
data_dir = "data"

[devices.bench]
profile = "{profile}"
stream = "tcp-listen:127.0.0.1:4001"
codes = {{ {codes} }}
units = {{ {units} }}

[destinations.drop]
type = "file"
directory = "out"
"""
LABORATORY = """
[orders]
listen = "127.0.0.1:2575"

[orders.send_out.reflab]
tests = ["62292-8"]
codes = { "VITD" = "62292-8" }
units = { "VITD:" = "nmol/L" }

[destinations.reflab]
type = "mllp"
address = "127.0.0.1:2580"
message = "oml-o21"
"""


def noted(profile: str, codes: str, units: str = "", more: str = "") -> list[str]:
    text = FILE.format(profile=profile, codes=codes, units=units) + more
    return [".".join(one.where) for one in contradictions(parse(text, PATH))]


@pytest.mark.parametrize(
    ("profile", "codes", "units", "where"),
    [
        ("generic-astm", '"GLU" = "2345-7"', '"GLU:" = "mmol/L"', "units.GLU:"),
        ("generic-astm", '"GLU" = "14749-6"', '"GLU:1" = "mg/dL"', "units.GLU:1"),
        ("siemens-dca-vantage", "", '"HbA1c:" = "mmol/L"', "units.HbA1c:"),
        ("sysmex-xn-l", '"WBC" = "770-8"', "", "codes.WBC"),
    ],
)
def test_what_is_certain_is_noted(profile: str, codes: str, units: str, where: str) -> None:
    assert noted(profile, codes, units) == [f"devices.bench.{where}"]


@pytest.mark.parametrize(
    ("profile", "codes", "units"),
    [
        ("generic-astm", '"GLU" = "2345-7"', ""),
        ("generic-astm", '"GLU" = "2345-7"', '"GLU:" = "mg/dL"'),
        ("generic-astm", '"GLU" = "2345-7"', '"1" = "mmol/L"'),  # of other tests, maybe
        ("generic-astm", '"ANA" = "8061-4"', '"ANA:" = "mmol/L"'),  # nothing known of the code
        ("generic-astm", '"GLU" = "2345-7"', '"GLU:" = "{AU}"'),  # nor of the unit
        ("erba-xl", '"GLU" = "2345-7"', ""),  # the device may send mg/dL
        ("erba-xl", "", '"GLU:" = "mmol/L"'),  # the profile has a code for it
        ("sysmex-xn-l", '"WBC" = "6690-2"', ""),
    ],
)
def test_what_may_be_right_is_not(profile: str, codes: str, units: str) -> None:
    assert noted(profile, codes, units) == []


def test_a_laboratory_has_codes_and_units_too() -> None:
    found = noted("generic-astm", "", more=LABORATORY)
    assert found == ["orders.send_out.reflab.units.VITD:"]


def test_check_says_it_and_is_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.toml"
    codes, units = '"GLU" = "2345-7"', '"GLU:" = "mmol/L"'
    text = FILE.format(profile="generic-astm", codes=codes, units=units)
    path.write_text(text, encoding="utf-8")
    assert check_configuration(path, show_schema=False) == 0
    out = capsys.readouterr().out
    assert (
        f"{path}: note: devices.bench.units.GLU:: results in mmol/L would be a unit-mismatch" in out
    )
    assert "Map it to 14749-6" in out
