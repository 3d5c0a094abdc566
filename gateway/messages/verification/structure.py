"""Is this a well-formed message of its version?  Rules compiled from hl7apy's tables at first use.

Checked: which segments stand where and how often, required and repeated fields, fields beyond the
segment's last, every value's data type, length and (for some tables) its code, and whether OBX-5
fits OBX-2.  This is stricter than hl7apy's own validation, which ignores segment order, only warns
about tables and never compares OBX-5 with OBX-2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

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


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a field may stand, and how each repetition must look."""

    most: int
    check: Leaf


_DELIMITERS = Rule(-1, anything)
"""MSH-1 and MSH-2, which a reader has used to read this at all."""


@dataclass(frozen=True, slots=True)
class SegmentRules:
    """``required`` holds the numbers of the fields that must not be empty."""

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
    names = "".join(f"{fields[0]};" for fields in segments)
    if known.sequence.fullmatch(names) is None:
        raise NotEncodable(Obstacle.SEGMENT_SEQUENCE, "message")
    good: dict[str, list[set[str]]] = {}
    for number, fields in enumerate(segments, start=1):
        rules = known.segments[fields[0]]
        if fields[0] not in good:
            good[fields[0]] = [set() for _ in rules.fields]
        _check_fields(fields, rules, good[fields[0]], number)
        if fields[0] == "OBX" and not fits_value_type(*_padded(fields, 6)[2:6:3]):
            raise _wrong(Obstacle.VALUE_TYPE, fields, number, 5)


def _check_fields(
    fields: Sequence[str], rules: SegmentRules, good: list[set[str]], number: int
) -> None:
    """``good`` is what was found so before in fields of this message: panels repeat themselves."""
    if len(fields) - 1 > len(rules.fields):
        raise _wrong(Obstacle.TOO_MANY, fields, number, len(rules.fields) + 1)
    for position in rules.required:
        if position >= len(fields) or not fields[position]:
            raise _wrong(Obstacle.REQUIRED_FIELD, fields, number, position)
    for text, rule, known in zip(fields[1:], rules.fields, good, strict=False):
        if text and text not in known:
            obstacle = _field(text, rule)
            if obstacle is not None:
                position = next(i for i, one in enumerate(rules.fields, 1) if one is rule)
                raise _wrong(obstacle, fields, number, position)
            known.add(text)


def _padded(fields: Sequence[str], length: int) -> list[str]:
    return [*fields, *[""] * (length - len(fields))]


def _wrong(obstacle: Obstacle, fields: Sequence[str], number: int, position: int) -> NotEncodable:
    return NotEncodable(obstacle, f"{fields[0]}-{position} (segment {number})")


def _field(text: str, rule: Rule) -> Obstacle | None:
    if "~" not in text:
        return rule.check(text)
    repetitions = text.split("~")
    if 0 <= rule.most < len(repetitions):
        return Obstacle.TOO_MANY
    return next(filter(None, map(rule.check, repetitions)), None)


def _segment_rules(name: str, version: str) -> SegmentRules:
    elements = segment_fields(name, version)
    required = tuple(i for i, element in enumerate(elements, start=1) if element.least)
    rules = tuple(Rule(element.most, _check(element, version, "^&")) for element in elements)
    if name == "MSH":
        rules = (_DELIMITERS, _DELIMITERS, *rules[2:])
    return SegmentRules(rules, required)


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
