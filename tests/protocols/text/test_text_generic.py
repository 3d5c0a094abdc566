"""Lines read by a site's own patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from text_probes import FUZZ

from gateway.protocols.text.generic import Rule, decode

RULES = (
    Rule(re.compile(r"ID: *(?P<id>\S+)")),
    Rule(re.compile(r"(?P<date>\d\d\.\d\d\.\d{4}) (?P<time>\d\d:\d\d)")),
    Rule(re.compile(r"(?P<code>[A-Z]{2,5}) +(?P<value>[<>]?[\d.]+) *(?P<unit>\S+)?")),
)
PRINT = b"\x02\r\nCRP METER\r\nID: S0004\r\n02.01.2025 10:15\r\nCRP   <5.0 mg/L\r\nHB 14.1\r\n\x03"


def test_rows_fields_and_what_no_rule_knows() -> None:
    fields = decode(PRINT, "meter", RULES)
    assert fields.at("id") == "S0004"
    assert fields.at("date") == "02.01.2025"
    assert fields.at("CRP.value") == "<5.0"
    assert fields.at("CRP.unit") == "mg/L"
    assert fields.at("HB.unit") is None
    assert fields.at("line") == "CRP METER"
    assert fields.problems == ()


def test_a_field_twice_is_a_problem() -> None:
    assert decode(PRINT + b"ID: S0005\r\n", "meter", RULES).problems == ("id",)


def test_a_line_too_long_is_a_problem_and_kept() -> None:
    fields = decode(b"x" * 300, "meter", RULES)
    assert fields.problems == ("line.1",)
    assert fields.at("line") == "x" * 300


@pytest.mark.parametrize("line", [b"CRP 1.2\x041 mg/L", b"CRP 1\x00.2 mg/L", b"CR\x1bP 1.2 mg/L"])
def test_a_control_byte_joins_nothing(line: bytes) -> None:
    fields = decode(b"\x02" + line + b"\x03\r\n", "meter", RULES)
    assert fields.problems == ("line.1",)
    assert fields.rows == ()
    assert fields.at("line") == line.decode("latin-1")


@settings(max_examples=FUZZ, deadline=1000)
@given(raw=st.binary(max_size=300))
def test_any_bytes_are_read(raw: bytes) -> None:
    assert decode(raw, "meter", RULES).at("no.such") is None
