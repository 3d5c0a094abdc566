"""What a device wrote as a result: tables of texts, and the grammar of numbers as a property."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.profiles import Scale
from gateway.profiles.numbers import read_number
from gateway.profiles.units import unit_table
from gateway.profiles.values import Read, Writing, read_value
from gateway.report import Absent, AbsentReason, Coded, Comparator, Quantity, Range, Text, Titer

PLAIN = Writing()
COMMA = Writing(decimal=",")
MARKED = Writing(trailing=frozenset({"!", "H", "L"}))


def read(text: str, scale: Scale = Scale.ANY, writing: Writing = PLAIN) -> Read:
    return read_value(text, writing, scale, knows_unit=unit_table().__contains__)


@pytest.mark.parametrize(
    ("text", "number", "comparator"),
    [
        ("5.50", "5.50", None),
        ("  5.50", "5.50", None),
        ("5.50 ", "5.50", None),
        ("0", "0", None),
        ("00660", "00660", None),
        ("-2.5", "-2.5", None),
        ("+2.5", "+2.5", None),
        (".5", ".5", None),
        ("5.", "5.", None),
        ("1e3", "1e3", None),
        ("1.2E-12", "1.2E-12", None),
        ("<5.6", "5.6", "<"),
        ("< 5.00", "5.00", "<"),
        (">15.0", "15.0", ">"),
        ("<=7", "7", "<="),
        ("=<7", "7", "<="),
        ("≤7", "7", "<="),
        (">=7", "7", ">="),
        ("=>7", "7", ">="),
        ("≥ 7", "7", ">="),
        ("12345678901234567890", "12345678901234567890", None),
        ("0.0000000000000000000001", "0.0000000000000000000001", None),
    ],
)
def test_numbers(text: str, number: str, comparator: str | None) -> None:
    found = read(text, Scale.NUMBER)
    wanted = Comparator(comparator) if comparator else None
    assert found == Read(Quantity(number, wanted))
    assert Decimal(number).is_finite()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", AbsentReason.NOT_MEASURED),
        ("   ", AbsentReason.NOT_MEASURED),
        (".....", AbsentReason.NOT_MEASURED),
        ("-----", AbsentReason.MASKED),
        ("---.-", AbsentReason.MASKED),
        ("--.--", AbsentReason.MASKED),
        ("***.*", AbsentReason.MASKED),
        ("****", AbsentReason.MASKED),
        ("*0000", AbsentReason.MASKED),
        ("+++.+", AbsentReason.ABOVE_RANGE),
        ("+++++", AbsentReason.ABOVE_RANGE),
        ("#####", AbsentReason.ERROR),
        ("????", AbsentReason.ERROR),
        ("No Result", AbsentReason.NOT_MEASURED),
        ("NO RESULT", AbsentReason.NOT_MEASURED),
        ("NI", AbsentReason.NOT_MEASURED),
        ("NA", AbsentReason.NOT_APPLICABLE),
        ("N/A", AbsentReason.NOT_APPLICABLE),
        ("ABN", AbsentReason.INVALID),
        ("INVALID", AbsentReason.INVALID),
        ("NaN", AbsentReason.INVALID),
        ("ERROR", AbsentReason.ERROR),
        ("Err 12", AbsentReason.ERROR),
        ("ERR-E24", AbsentReason.ERROR),
        ("E-4", AbsentReason.ERROR),
        ("inf", AbsentReason.ERROR),
        ("-Infinity", AbsentReason.ERROR),
        ("OVER", AbsentReason.ABOVE_RANGE),
        ("HI", AbsentReason.ABOVE_RANGE),
        ("LO", AbsentReason.BELOW_RANGE),
        ("Under Range", AbsentReason.BELOW_RANGE),
        ("cancelled", AbsentReason.CANCELLED),
    ],
)
@pytest.mark.parametrize("scale", list(Scale))
def test_voids_are_never_numbers(text: str, reason: AbsentReason, scale: Scale) -> None:
    assert read(text, scale) == Read(Absent(reason))


@pytest.mark.parametrize(
    "text",
    [
        "1,234", "5,1", "1,234.5", "1.234,5", "5.4.1", "5..4", "1 234", "- 5", "--5", "5-", "<",
        ">", "<<5", "<>5", "5<", "5,", ",5", "0x1F", "1e", "1e9999999", "1e13", "1e400", "1_000",
        "123456789012345678901", "５.４", "٣", "²", "5.4 mg/furlong", "5.4xyz", "<5 xyz",
        "12 H 5", "9" * 5000, "1" + "0" * 41,
    ],
)  # fmt: skip
@pytest.mark.parametrize("scale", [Scale.ANY, Scale.NUMBER])
def test_what_looks_like_a_number_and_is_none_is_a_fault(text: str, scale: Scale) -> None:
    assert read(text, scale) == Read(Absent(AbsentReason.UNREADABLE), faulty=True)


@pytest.mark.parametrize(
    "text",
    ["Negative", "POSITIVE", "Trace", "-", "+", "++", "+++", "1+", "3+", "+1", "Not detected",
     "A POS", "SARS-CoV-2 detected", "Pos (1+)"],
)  # fmt: skip
def test_words(text: str) -> None:
    assert read(text) == Read(Text(text))
    assert read(text, Scale.ANSWER) == Read(Text(text))


@pytest.mark.parametrize("text", ["Negative", "-", "+++", "1+", "1:80", "2-5", "see note"])
def test_a_test_that_gives_numbers_gives_no_words(text: str) -> None:
    assert read(text, Scale.NUMBER).faulty


def test_words_may_begin_with_a_digit_where_answers_are_words() -> None:
    assert read("25 Leu/uL", Scale.ANSWER) == Read(Text("25 Leu/uL"))
    assert read("<Trace", Scale.ANSWER) == Read(Text("<Trace"))


def test_answers_with_codes() -> None:
    code = Coded("260385009", "Negative", "SCT")
    assert read_value(" NEG ", PLAIN, Scale.ANSWER, {"NEG": code}) == Read(code)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1:80", Titer("1", "80")),
        ("1 : 1280", Titer("1", "1280")),
        ("2-5", Range("2", "5")),
        ("0 - 1", Range("0", "1")),
        ("1.5-2.5", Range("1.5", "2.5")),
    ],
)
def test_titers_and_ranges(text: str, value: Titer | Range) -> None:
    assert read(text) == Read(value)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("14.24 ng/mL ", Quantity("14.24"), "ng/mL"),
        ("15.26mmol/l", Quantity("15.26"), "mmol/l"),
        ("<15.26mmol/l", Quantity("15.26", Comparator.LESS), "mmol/l"),
        ("5.1%", Quantity("5.1"), "%"),
        ("2-5 /HPF", Range("2", "5"), "/HPF"),
    ],
)
def test_units_glued_to_values(text: str, value: Quantity | Range, unit: str) -> None:
    assert read(text) == Read(value, unit)


@pytest.mark.parametrize(
    ("text", "number", "flags"),
    [
        ("5.21!", "5.21", ("!",)),
        ("5.21 H", "5.21", ("H",)),
        ("H 5.21", "5.21", ("H",)),
        ("! 5.21", "5.21", ("!",)),
        ("5.21", "5.21", ()),
    ],
)
def test_trailing_flags(text: str, number: str, flags: tuple[str, ...]) -> None:
    assert read(text, Scale.NUMBER, MARKED) == Read(Quantity(number), flags=flags)


def test_trailing_flags_only_where_the_device_has_them() -> None:
    assert read("5.21!").faulty
    assert read("5.21X", writing=MARKED).faulty
    assert read("HL 5.21", Scale.NUMBER, MARKED).faulty
    assert read("SMALL", Scale.ANSWER, MARKED) == Read(Text("SMALL"))
    assert read("SMALL!", Scale.ANSWER, MARKED) == Read(Text("SMALL"), flags=("!",))
    assert read("NEG H", Scale.ANSWER, MARKED) == Read(Text("NEG H"))
    assert read("---!", writing=MARKED) == Read(Absent(AbsentReason.MASKED), flags=("!",))


@pytest.mark.parametrize(("text", "number"), [("5,1", "5.1"), ("1,234", "1.234"), ("7", "7")])
def test_decimal_comma_where_the_profile_says_so(text: str, number: str) -> None:
    assert read(text, Scale.NUMBER, COMMA) == Read(Quantity(number))


@pytest.mark.parametrize(
    ("text", "number"),
    [("5,1", "5.1"), ("5.1", "5.1"), ("14,24", "14.24"), ("0,123", "0.123"), ("1,2345", "1.2345")],
)
def test_either_decimal_sign_where_the_profile_says_so(text: str, number: str) -> None:
    assert read(text, Scale.NUMBER, Writing(decimal=".,")) == Read(Quantity(number))


@pytest.mark.parametrize("text", ["1,234", "12,345", "1.234,5", "1,2,3", "1,234.5"])
def test_what_may_be_thousands_is_no_decimal(text: str) -> None:
    assert read(text, Scale.NUMBER, Writing(decimal=".,")).faulty


@pytest.mark.parametrize("text", ["5.1", "1.234,5", "1,2,3"])
def test_a_point_is_no_decimal_where_the_comma_is(text: str) -> None:
    assert read(text, Scale.NUMBER, COMMA).faulty


NUMBERS = st.from_regex(r"\A[+-]?[0-9]{1,10}(\.[0-9]{0,10})?\Z")


@given(NUMBERS, st.sampled_from(["", "<", ">", "<=", ">=", "≤", "≥"]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_number_keeps_its_text(number: str, comparator: str, padded: bool) -> None:
    text = f"{comparator}{' ' if padded else ''}{number}{' ' if padded else ''}"
    found = read(text, Scale.NUMBER).value
    assert isinstance(found, Quantity)
    assert found.number == number
    assert bool(found.comparator) == bool(comparator)


@given(st.text(max_size=40), st.sampled_from(list(Scale)))
@settings(max_examples=500, deadline=None)
def test_no_text_makes_an_unclean_number(text: str, scale: Scale) -> None:
    found = read(text, scale)
    if isinstance(found.value, Quantity):
        assert found.value.number in text
        assert found.value.number.isascii()
        assert found.value.decimal.is_finite()
        assert len(f"{found.value.decimal:f}") <= 64
    if isinstance(found.value, Text):
        assert found.value.text == text.strip()


@pytest.mark.parametrize(
    "text",
    ["-" * 1_000_000, "." * 1_000_000 + "x", " " * 500_000 + "x" + " " * 500_000, "<" * 1_000_000,
     "1" * 1_000_000 + "x", "a" * 1_000_000 + "!", "+.+." * 250_000, "1-" * 500_000],
    ids=lambda text: text[:4] + "...",
)  # fmt: skip
@pytest.mark.parametrize("writing", [PLAIN, COMMA, MARKED], ids=["plain", "comma", "marked"])
def test_no_text_is_slow(text: str, writing: Writing) -> None:
    started = time.perf_counter()
    read(text, Scale.ANY, writing)
    assert time.perf_counter() - started < 0.5


@pytest.mark.parametrize("text", ["1e12", "1E-12", "9" * 20, "0." + "0" * 15 + "1"])
def test_limits_of_numbers_are_inclusive(text: str) -> None:
    assert read_number(text) == text
