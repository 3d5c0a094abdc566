"""Is this a well-formed message of its version?  Rules compiled from hl7apy's tables at first use.

Checked: which segments stand where and how often, required and repeated fields, fields beyond the
segment's last, every value's data type, length and (for some tables) its code, and whether OBX-5
fits OBX-2.  This is stricter than hl7apy's own validation, which ignores segment order, only warns
about tables and never compares OBX-5 with OBX-2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import compress, repeat
from operator import ne

from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.verification.datatypes import (
    CHECKED_TABLES,
    Leaf,
    anything,
    code_of,
    composite,
    fits_value_type,
    nothing,
    typed,
)
from gateway.messages.verification.tables import (
    Element,
    Place,
    message_structure,
    segment_fields,
    table,
)


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """How often a field may stand, and how each repetition must look.  What was found of a field
    that is ``recurring`` is remembered from message to message."""

    most: int
    check: Leaf
    recurring: bool = False


_FREE = Rule(-1, anything)
"""Of OBX-5, which is looked at with OBX-2, and of what a reader has used to read this at all: the
name, MSH-1 and MSH-2."""
_RECURRING = {
    "MSH": (3, 4, 5, 6, 9, 11, 12, 18),
    "PID": (1,),
    "ORC": (1, 5),
    "OBR": (1, 4, 24, 25),
    "OBX": (1, 2, 3, 4, 6, 7, 8, 11, 18),
    "SPM": (1, 4, 11),
}
"""Parties, tests, units, ranges, codes: nothing of one patient, no value and no time."""
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """``fields`` begins with the name; ``required`` numbers those that must not be empty."""

    fields: tuple[Rule, ...]
    required: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    sequence: re.Pattern[str]
    segments: Mapping[str, SegmentRules]


@cache
def structure(name: str, version: str) -> Structure:
    """The compiled rules of one message structure (``ORU_R01``) in one version."""
    places = message_structure(name, version)
    names = sorted(set(_names(places)))
    rules = {name: _segment_rules(name, version) for name in names}
    return Structure(re.compile(_pattern(places)), rules)


def check_structure(segments: Sequence[Sequence[str]], known: Structure) -> None:
    """``segments``: the fields of each, the name first, MSH counted from MSH-1.

    Raises NotEncodable with the first thing that is wrong.
    """
    names = ";".join([fields[0] for fields in segments])
    if known.sequence.fullmatch(names + ";") is None:
        raise NotEncodable(Obstacle.SEGMENT_SEQUENCE, "message")
    last: Sequence[str] = ()
    for number, fields in enumerate(segments, start=1):
        rules = known.segments[fields[0]]
        if fields[0] != "OBX":
            _check_fields(fields, repeat(""), rules, number)
            continue
        good = last if len(last) >= len(fields) else repeat("")
        _check_fields(fields, good, rules, number)
        if len(fields) > 5 and not fits_value_type(fields[2], fields[5]):
            raise _wrong(Obstacle.VALUE_TYPE, fields, number, 5)
        last = fields


def _check_fields(
    fields: Sequence[str], good: Iterable[str], rules: SegmentRules, number: int
) -> None:
    """``good`` are the fields of such a segment before it: panels repeat themselves."""
    if len(fields) > len(rules.fields):
        raise _wrong(Obstacle.TOO_MANY, fields, number, len(rules.fields))
    for position in rules.required:
        if position >= len(fields) or not fields[position]:
            raise _wrong(Obstacle.REQUIRED_FIELD, fields, number, position)
    others = compress(zip(fields, rules.fields, strict=False), map(ne, fields, good))
    for text, rule in others:
        if text and rule is not _FREE:
            obstacle = _recurring(text, rule) if rule.recurring else _field(text, rule)
            if obstacle is not None:
                raise _wrong(obstacle, fields, number, rules.fields.index(rule))


def _wrong(obstacle: Obstacle, fields: Sequence[str], number: int, position: int) -> NotEncodable:
    return NotEncodable(obstacle, f"{fields[0]}-{position} (segment {number})")


def _field(text: str, rule: Rule) -> Obstacle | None:
    if "~" not in text:
        return rule.check(text)
    repetitions = text.split("~")
    if 0 <= rule.most < len(repetitions):
        return Obstacle.TOO_MANY
    return next(filter(None, map(rule.check, repetitions)), None)


_recurring = lru_cache(_REMEMBERED)(_field)


def _segment_rules(name: str, version: str) -> SegmentRules:
    elements = segment_fields(name, version)
    required = tuple(i for i, element in enumerate(elements, start=1) if element.least)
    recurring = _RECURRING.get(name, ())
    rules = [
        _rule(Rule(element.most, _check(element, version, "^&"), i in recurring))
        for i, element in enumerate(elements, start=1)
    ]
    if name == "MSH":
        rules[:2] = [_FREE, _FREE]
    return SegmentRules((_FREE, *rules), required)


def _rule(rule: Rule) -> Rule:
    return _FREE if rule.check is anything and rule.most < 0 else rule


def _check(element: Element, version: str, separators: str) -> Leaf:
    if not element.parts or not separators:
        return _leaf(element, version)
    return _composite(element.parts, version, separators)


@cache
def _composite(parts: tuple[Element, ...], version: str, separators: str) -> Leaf:
    """One for all fields of a data type: thousands would differ in nothing."""
    inner = separators[1:]
    return composite([_check(part, version, inner) for part in parts], separators[0])


def _leaf(element: Element, version: str) -> Leaf:
    if element.type == "varies":
        return anything
    if element.most == 0:
        return nothing
    if element.table in CHECKED_TABLES and not element.parts:
        codes = _coded(element.table, version)
        if codes is not None:
            return codes
    return _typed(element.type or "ST")


@cache
def _coded(number: str, version: str) -> Leaf | None:
    codes = table(number, version)
    return None if codes is None else code_of(number, codes)


@cache
def _typed(datatype: str) -> Leaf:
    return typed(datatype)


def _names(places: tuple[Place, ...]) -> list[str]:
    names: list[str] = []
    for place in places:
        names += [place.name] if place.group is None else _names(place.group)
    return names


def _pattern(places: tuple[Place, ...]) -> str:
    """Possessive all through: HL7 structures need no second thoughts, and none may cost time."""
    return "".join(_one(place) for place in places)


def _one(place: Place) -> str:
    inner = f"(?:{place.name};)" if place.group is None else f"(?>{_pattern(place.group)})"
    most = "" if place.most == -1 else str(place.most)
    return f"{inner}{{{place.least},{most}}}+"
