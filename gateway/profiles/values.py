"""What a device wrote as a result, as a value of the report.

Tried in order: void tokens (never a number, never 0), a trailing flag where the device has such, a
number with its comparator and a unit glued to it, a titer, a range, words.  What looks like a
number and is none - ``1,234``, ``5.4.1``, ``*5.4``, ``<``, full-width digits - is a fault, never a
guess.  Beside a unit, where nobody said what the test may answer, only a number or a plain word is
certain: ``+++`` fills the places of a number there, ``5+``, ``HIGH`` or ``E4`` may mean anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.profiles.numbers import read_number
from gateway.profiles.patterns import compiled
from gateway.profiles.schema import Scale
from gateway.profiles.vocabulary import VOIDS, Void
from gateway.report import (
    Absent,
    AbsentReason,
    Coded,
    Comparator,
    Quantity,
    Range,
    Text,
    Titer,
    Value,
)

KnowsUnit = Callable[[str], bool]

LONGEST_VOID: Final = 32
LONGEST_TEXT: Final = 16_384

_COMPARATORS: Final = {
    "<": Comparator.LESS,
    ">": Comparator.GREATER,
    "<=": Comparator.AT_MOST,
    "=<": Comparator.AT_MOST,
    "≤": Comparator.AT_MOST,
    ">=": Comparator.AT_LEAST,
    "=>": Comparator.AT_LEAST,
    "≥": Comparator.AT_LEAST,
}
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Nothing a value is written with: it was damaged, and no message could carry it."""
_PLAIN: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,10})?")
_COMPARED: Final = re.compile("(<=|=<|>=|=>|[<>≤≥])[ \t]*(.*)", re.DOTALL)
_NUMERIC: Final = re.compile(r"([+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?)[ \t]*(.*)", re.DOTALL)
_TITER: Final = re.compile(r"([0-9]{1,9}) ?: ?([0-9]{1,9})")
_RANGE: Final = re.compile(r"([0-9.,]{1,20}) ?- ?([0-9.,]{1,20})[ \t]*([^0-9].*)?", re.DOTALL)
_GRADE: Final = re.compile(r"[0-9]\+|\+[0-9]")
_SIGNS: Final = re.compile(r"\+{1,4}|-|±|\+/-|\((?:\+{1,4}|-|±|\+/-)\)")
"""Answers of urine strips; no other signs are answers by themselves."""
_OVERFLOW: Final = re.compile(r"\+{3,}")
_MAYBE_EXPONENT: Final = re.compile(r"[+-]?[0-9]+[eE][0-9]")
"""``1e5`` may be a code; ``1.0e5``, ``1E05`` and ``1E+5`` are numbers."""
_PLAIN_WORDS: Final = re.compile(r"[^\W\d_]{3,}(?:[ ,/()-]{1,3}[^\W\d_]+)*[.)]?")
_LEVELS: Final = re.compile(
    r"(?i:(?:very |too )?(?:high|low|above|below|over|under|greater|less|more|max|min|out|oor|off|"
    r"err|error|fail|failed|flag|alarm|check|see)(?![^\W\d_]).*)"
)
"""Words that say where a number lies, or that there is none."""
_BEFORE_A_LETTER: Final = re.compile(r"[<>=]{0,2} ?[-+]?[0-9.,]+|[-.*+]{2,}")
_FLAG_BEFORE: Final = re.compile(r"([A-Za-z!*#]{1,2}) +([<>]?[-+]?[0-9][0-9.,]*)")
_FLAGGED: Final = re.compile(r"(.*[^\s]) *([A-Za-z!*#>]{1,2})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Writing:
    """How this device writes values.  ``trailing`` are the flags that may stand with a value."""

    decimal: str = "."
    voids: tuple[Void, ...] = VOIDS
    trailing: frozenset[str] = frozenset()


class Read(NamedTuple):
    """``unit`` is one glued to the value; ``faulty`` that nobody can say what the device meant."""

    value: Value
    unit: str | None = None
    flags: tuple[str, ...] = ()
    faulty: bool = False


UNREADABLE: Final = Read(Absent(AbsentReason.UNREADABLE), faulty=True)
NOT_MEASURED: Final = Read(Absent(AbsentReason.NOT_MEASURED))


def is_plain_number(text: str, writing: Writing) -> bool:
    """Digits with or without a point, and nothing else: nearly every value is one."""
    return writing.decimal == "." and _PLAIN.fullmatch(text) is not None


def read_value(
    text: str,
    writing: Writing,
    scale: Scale = Scale.ANY,
    answers: Mapping[str, Coded] = MappingProxyType({}),
    knows_unit: KnowsUnit = lambda unit: False,
    *,
    measured: bool = False,
) -> Read:
    """An empty text is an absent value; one that ``scale`` does not allow is a fault.

    ``knows_unit`` tells words that are units from others; ``measured``: a unit stands beside it.
    """
    if _CONTROL.search(text):
        return UNREADABLE
    trimmed = text.strip()
    if not answers and is_plain_number(trimmed, writing):
        return Read(Quantity(trimmed))
    if trimmed in answers:
        return Read(answers[trimmed])
    found = _void(trimmed, writing)
    flags: tuple[str, ...] = ()
    if found is None and writing.trailing:
        trimmed, flags = _split_flag(trimmed, writing)
        found = _void(trimmed, writing)
    if found is None:
        found = _answer(trimmed, writing, scale, knows_unit, measured=measured)
        if scale is Scale.NUMBER and not isinstance(found.value, Quantity):
            return UNREADABLE
    return Read(found.value, found.unit, flags, found.faulty) if flags else found


def _void(text: str, writing: Writing) -> Read | None:
    if not text:
        return NOT_MEASURED
    if text[0].isdecimal() or len(text) > LONGEST_VOID:
        return None
    for void in writing.voids:
        if compiled(void.pattern).fullmatch(text):
            return Read(Absent(void.reason))
    return None


def _split_flag(text: str, writing: Writing) -> tuple[str, tuple[str, ...]]:
    """A mark behind the value, or one before a number with a blank between them."""
    if len(text) > LONGEST_VOID:
        return text, ()
    before = _FLAG_BEFORE.fullmatch(text)
    if before is not None and before[1] in writing.trailing:
        return before[2], (before[1],)
    match = _FLAGGED.fullmatch(text)
    if match is None or match[2] not in writing.trailing:
        return text, ()
    if match[2].isalpha() and not _BEFORE_A_LETTER.fullmatch(match[1]):
        return text, ()  # a word that ends with such a letter
    return match[1], (match[2],)


def _answer(
    text: str, writing: Writing, scale: Scale, knows_unit: KnowsUnit, *, measured: bool
) -> Read:
    uncertain = measured and scale is Scale.ANY
    if uncertain and _OVERFLOW.fullmatch(text):
        return Read(Absent(AbsentReason.ABOVE_RANGE))
    if scale is not Scale.NUMBER and _GRADE.fullmatch(text):
        return UNREADABLE if uncertain else Read(Text(text))
    if scale is Scale.ANY and _MAYBE_EXPONENT.fullmatch(text.lstrip("<>=≤≥ \t")):
        return UNREADABLE
    compared = _COMPARED.fullmatch(text)
    if compared is not None:
        comparator = _COMPARATORS[compared[1]]
        found = _quantity(compared[2], writing, comparator, knows_unit)
        return found or _words(text, scale, plain=uncertain)
    return (
        _quantity(text, writing, None, knows_unit)
        or _titer(text)
        or _range(text, writing, knows_unit)
        or _words(text, scale, plain=uncertain)
    )


def _quantity(
    text: str, writing: Writing, comparator: Comparator | None, knows_unit: KnowsUnit
) -> Read | None:
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return None
    number, unit = read_number(match[1], writing.decimal), match[2].rstrip()
    if number is None or (unit and not knows_unit(unit)):
        return None
    return Read(Quantity(number, comparator), unit or None)


def _titer(text: str) -> Read | None:
    match = _TITER.fullmatch(text)
    return Read(Titer(match[1], match[2])) if match else None


def _range(text: str, writing: Writing, knows_unit: KnowsUnit) -> Read | None:
    match = _RANGE.fullmatch(text)
    if match is None:
        return None
    low, high = (read_number(match[n], writing.decimal) for n in (1, 2))
    unit = (match[3] or "").rstrip()
    if low is None or high is None or (unit and not knows_unit(unit)):
        return None
    return Read(Range(low, high), unit or None)


def _words(text: str, scale: Scale, *, plain: bool) -> Read:
    """Text that begins like a number is words only for a test whose answers are words."""
    if len(text) > LONGEST_TEXT:
        return UNREADABLE
    first = next(filter(str.isalnum, text), "")
    if not first:
        return Read(Text(text)) if _SIGNS.fullmatch(text) and not plain else UNREADABLE
    if first.isdigit() and scale is not Scale.ANSWER:
        return UNREADABLE
    if plain and (not _PLAIN_WORDS.fullmatch(text) or _LEVELS.fullmatch(text)):
        return UNREADABLE
    return Read(Text(text))
