"""Check digits, patterns and ids that look alike."""

from __future__ import annotations

import random

from gateway.matching import Check, IdType
from gateway.matching.check_digits import mod_10, mod_10_digit, mod_37_2, mod_37_2_character
from gateway.matching.nearness import is_near, near

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def errors(text: str) -> set[str]:
    """Every single wrong character and every swap of neighbours."""
    found = {text[:i] + c + text[i + 1 :] for i in range(len(text)) for c in LETTERS}
    swaps = (text[:i] + text[i + 1] + text[i] + text[i + 2 :] for i in range(len(text) - 1))
    return (found | set(swaps)) - {text}


def test_known_numbers() -> None:
    assert mod_10("4539148803436467")
    assert not mod_10("8273123273520569")
    assert mod_37_2_character("G123498654321") == "H"  # the example of ISBT 128
    assert mod_37_2("G123498654321H")


def test_mod_37_2_stops_every_single_error_and_every_swap() -> None:
    rng = random.Random(3)
    for _ in range(300):
        text = "".join(rng.choice(LETTERS) for _ in range(9))
        whole = text + mod_37_2_character(text)
        assert mod_37_2(whole)
        assert not [wrong for wrong in errors(whole) if mod_37_2(wrong)]


def test_mod_10_misses_only_nine_and_nought_swapped() -> None:
    rng = random.Random(4)
    for _ in range(300):
        text = "".join(rng.choice("0123456789") for _ in range(9))
        whole = text + mod_10_digit(text)
        for wrong in errors(whole):
            if mod_10(wrong):
                pair = [(a, b) for a, b in zip(whole, wrong, strict=True) if a != b]
                assert sorted(a for a, _ in pair) == ["0", "9"]


def test_a_pattern_says_what_is_checked() -> None:
    kind = IdType(r"LAB-(?P<id>[0-9A-Z]{7}[0-9A-Z*])", Check.MOD_37_2)
    body = "26S0042"
    assert kind.fits(f"LAB-{body}{mod_37_2_character(body)}")
    assert not kind.fits(f"LAB-{body}0")
    assert not kind.fits(body)


def test_what_looks_alike() -> None:
    for other in ("26S0043", "26S0024", "26S042", "26S00422", "26s0042", "2S60042"):
        assert is_near("26S0042", other)
    for other in ("26S0042", "26S0123", "27S0043", "", "26S"):
        assert not is_near("26S0042", other)
    assert near("A1", [f"A{n}" for n in range(9)]) == ("A0", "A2", "A3", "A4", "A5")
