"""Check characters of ids: mod 10 (ISO/IEC 7812-1 annex B) and ISO 7064 mod 37,2.

Mod 37,2 takes letters and digits and ends in one of ``0-9 A-Z *``; it catches every single wrong
character and every swap of neighbours.  Mod 10 takes digits only and misses the swap 09/90.
"""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_VALUES: Final = {character: number for number, character in enumerate(_ALPHABET)}


def mod_10(text: str) -> bool:
    """Whether the last digit is right."""
    if len(text) < 2 or not (text.isascii() and text.isdigit()):
        return False
    total = 0
    for place, character in enumerate(reversed(text)):
        number = int(character) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def mod_37_2(text: str) -> bool:
    """Whether the last character is right."""
    if len(text) < 2 or not set(text) <= _VALUES.keys() or "*" in text[:-1]:
        return False
    total = 0
    for character in text:
        total = (total * 2 + _VALUES[character]) % 37
    return total == 1


def mod_37_2_character(text: str) -> str:
    """The check character for ``text``; ValueError when it is no letters and digits."""
    if not text or not set(text) <= _VALUES.keys() - {"*"}:
        raise ValueError("only 0-9 and A-Z can be checked by mod 37,2")
    total = 0
    for character in text:
        total = (total * 2 + _VALUES[character]) % 37
    return _ALPHABET[(1 - total * 2) % 37]


def mod_10_digit(text: str) -> str:
    """The check digit for ``text``."""
    return next(digit for digit in "0123456789" if mod_10(text + digit))
