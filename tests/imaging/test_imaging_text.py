"""Text for a device's character set: spelled out, never a question mark."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.imaging.text import SUPPORTED, changes, codec_of, fit, spelled

CASES = [
    ("Müller^Änne", "ISO_IR 100", "Müller^Änne"),
    ("Müller^Änne", "ISO_IR 6", "Mueller^Aenne"),
    ("Mu\u0308ller", "ISO_IR 100", "Müller"),
    ("Łódzki^Żaneta", "ISO_IR 100", "Lódzki^Zaneta"),
    ("Łódzki^Żaneta", "ISO_IR 101", "Łódzki^Żaneta"),
    ("Щукин^Юрий", "ISO_IR 100", "Shchukin^Yuriy"),
    ("Щукин^Юрий", "ISO_IR 144", "Щукин^Юрий"),
    ("Ὀδυσσεύς", "ISO_IR 100", "Odysseys"),
    ("O\N{RIGHT SINGLE QUOTATION MARK}Neill", "ISO_IR 100", "O'Neill"),
    ("山田", "ISO_IR 100", "[5C71][7530]"),
    ("山田", "ISO_IR 192", "山田"),
]


@pytest.mark.parametrize(("value", "character_set", "shown"), CASES)
def test_fit(value: str, character_set: str, shown: str) -> None:
    assert fit(value, character_set) == shown


def test_a_spelling_does_not_grow_past_its_limit() -> None:
    assert fit("ü" * 10, "ISO_IR 6", 16) == "u" * 10
    assert fit("ü" * 8, "ISO_IR 6", 16) == "ue" * 8


@settings(max_examples=200)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from([*SUPPORTED])
)
def test_what_is_fitted_can_be_written(value: str, character_set: str) -> None:
    shown = fit(value, character_set)
    shown.encode(codec_of(character_set))
    assert shown.count("?") <= value.count("?") + _look_alikes(value)
    assert not changes(shown, character_set)
    assert spelled(value).isascii()


def _look_alikes(value: str) -> int:
    """Characters whose compatibility form is a question mark."""
    return sum(spelled(c).count("?") for c in value if c != "?")
