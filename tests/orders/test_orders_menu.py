"""What an ordered code means on a device."""

from __future__ import annotations

import pytest

from gateway.orders.menu import Menu
from gateway.profiles import catalogue

ERBA = catalogue()["erba-xl"]
PANELS = {"LIVER": frozenset(("1742-6", "AST", "NOTHING"))}


@pytest.mark.parametrize(
    ("codes", "names", "ordered", "tests"),
    [
        ({}, {}, "2345-7", ("GLU",)),  # the profile knows GLU and GLUC for it
        ({}, {}, "GLUC", ("GLUC",)),
        ({}, {"GLUC": "7"}, "2345-7", ("GLUC",)),  # the site says how orders call it
        ({"SUGAR": "2345-7"}, {}, "2345-7", ("SUGAR",)),
        ({}, {}, "LIVER", ("ALT", "AST")),
        ({}, {}, "62292-8", ()),
    ],
)
def test_one_code_for_a_test(
    codes: dict[str, str], names: dict[str, str], ordered: str, tests: tuple[str, ...]
) -> None:
    menu = Menu(ERBA, codes, PANELS, names)
    assert sorted(menu.tests(ordered)) == sorted(tests)


def test_results_may_come_under_every_spelling() -> None:
    menu = Menu(ERBA, {"SUGAR": "2345-7"}, PANELS)
    assert set(menu.spellings("2345-7")) == {"GLU", "GLUC", "SUGAR"}
    assert menu.written("GLU") == "GLU"
