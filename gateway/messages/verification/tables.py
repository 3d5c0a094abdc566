"""hl7apy's reference tables of one HL7 version, as plain values.

The only module that imports hl7apy, and only for its tables; its message objects are never used.
Loading a version takes a few tenths of a second, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import hl7apy

COMPLETE_TABLES = "2.5.1"
"""The version whose tables stand in for versions that ship none (2.3)."""


@dataclass(frozen=True, slots=True)
class Element:
    """A field or component: ``parts`` where its type has components; ``most`` -1 for no limit."""

    name: str
    least: int
    most: int
    type: str | None
    table: str | None
    parts: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A segment or a group of them in a message structure."""

    name: str
    least: int
    most: int
    group: tuple[Place, ...] | None


@cache
def message_structure(name: str, version: str) -> tuple[Place, ...]:
    """``ORU_R01`` and the like; KeyError for a name the version does not have."""
    return tuple(_places(_reference(name, "Message", version)))


@cache
def segment_fields(name: str, version: str) -> tuple[Element, ...]:
    """The fields of a segment in order; KeyError for one the version does not have."""
    return tuple(_elements(_reference(name, "Segment", version)))


@cache
def table(number: str, version: str) -> frozenset[str] | None:
    """The codes of ``HL70078`` and the like; None where hl7apy has none."""
    tables = getattr(hl7apy.load_library(version), "TABLES", None)
    if tables is None:
        return table(number, COMPLETE_TABLES)
    found = tables.get(number)
    return frozenset(found[1]) if found else None


def _reference(name: str, kind: str, version: str) -> Any:
    try:
        return hl7apy.load_reference(name, kind, version)
    except hl7apy.exceptions.ChildNotFound:
        raise KeyError(name) from None


def _places(reference: Any) -> Iterator[Place]:
    for name, child, (least, most), kind in reference[1]:
        group = tuple(_places(child)) if kind == "GRP" else None
        yield Place(name, least, most, group)


def _elements(reference: Any) -> Iterator[Element]:
    for name, child, (least, most), _ in reference[1]:
        shape, content, datatype, _, number, _ = child
        parts = tuple(_elements((None, content))) if shape == "sequence" else ()
        yield Element(name, least, most, datatype, number, parts)
