"""hl7apy's reference tables of one HL7 version, as plain values.

The only module that imports hl7apy, and only for its tables; its message objects are never used.
Loading a version takes a few tenths of a second and 5 MiB, and of all that a few segments are used:
a process that got these from another (``known``, ``learn``) loads nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

T = TypeVar("T")
Key = tuple[str, str, str]
"""Kind, name, version."""

_KNOWN: Final[dict[Key, Any]] = {}
_PARTS: Final[dict[tuple[Element, ...], tuple[Element, ...]]] = {}
"""The components of each data type, which many fields share."""
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


def known() -> Mapping[Key, Any]:
    """All that was asked for so far, as plain values."""
    return dict(_KNOWN)


def learn(tables: Mapping[Key, Any]) -> None:
    """What ``known`` gave elsewhere."""
    _KNOWN.update(tables)


def message_structure(name: str, version: str) -> tuple[Place, ...]:
    """``ORU_R01`` and the like; KeyError for a name the version does not have."""
    return _once("Message", name, version, lambda found: tuple(_places(found)))


def segment_fields(name: str, version: str) -> tuple[Element, ...]:
    """The fields of a segment in order; KeyError for one the version does not have."""
    return _once("Segment", name, version, lambda found: tuple(_elements(found)))


def table(number: str, version: str) -> frozenset[str] | None:
    """The codes of ``HL70078`` and the like; None where hl7apy has none."""
    key = ("Table", number, version)
    if key not in _KNOWN:
        _KNOWN[key] = _codes(number, version)
    found: frozenset[str] | None = _KNOWN[key]
    return found


def _once(kind: str, name: str, version: str, values: Callable[[Any], T]) -> T:
    key = (kind, name, version)
    if key not in _KNOWN:
        _KNOWN[key] = values(_reference(name, kind, version))
    found: T = _KNOWN[key]
    return found


def _codes(number: str, version: str) -> frozenset[str] | None:
    import hl7apy

    tables = getattr(hl7apy.load_library(version), "TABLES", None)
    if tables is None:
        return table(number, COMPLETE_TABLES)
    found = tables.get(number)
    return frozenset(found[1]) if found else None


def _reference(name: str, kind: str, version: str) -> Any:
    import hl7apy

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
        yield Element(name, least, most, datatype, number, _PARTS.setdefault(parts, parts))
