"""What a person is told of a value that is not what it must be: pydantic's finding in our words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from gateway.config.mistakes import Mistake
from gateway.config.partial import place_of
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import DESTINATIONS
from gateway.config.sections.devices import DEVICES, OperatorsSection
from gateway.config.sections.dicom import DicomSection
from gateway.config.sections.orders import IdSection, OrdersSection, SendOutSection
from gateway.config.sections.quality import QcMaterial, QcSection, QcTarget
from gateway.config.sections.section import Section
from gateway.config.sections.site import GatewaySection, HttpSection

_PATTERNS: Final = {
    "site": "may hold only a-z, 0-9 and -",
    "listen": "must be HOST:PORT, e.g. 127.0.0.1:8080",
    "address": "must be HOST:PORT, or AET@HOST:PORT for type dicom",
    "url": "must be mqtt://HOST:PORT or mqtts://HOST:PORT; the password goes into password_file",
    "root": "must be topic levels of letters, digits, _ . - joined by /",
    "ae_title": "must be 1 to 16 printable characters without backslash or blank",
    "extension": "must be a dot and 1 to 8 letters or digits",
}
_KINDS: Final = (
    ("string", "must be text in quotes"),
    ("path", "must be a path in quotes"),
    ("int", "must be a whole number"),
    ("float", "must be a number"),
    ("finite_number", "must be a number"),
    ("decimal", "must be a number"),
    ("bool", "must be true or false"),
    ("tuple", 'must be a list, e.g. ["a", "b"]'),
    ("list", 'must be a list, e.g. ["a", "b"]'),
    ("dict", "must be a table of names and values"),
    ("mapping", "must be a table of names and values"),
    ("dataclass", "must be a table, e.g. [{where}]"),
)


def in_words(detail: Mapping[str, Any]) -> Mistake:
    """The mistake that one of ``Unsound.details`` is."""
    where = place_of(detail["loc"])
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            allowed = _allowed(where)
            return Mistake(where, f"is missing; {allowed}" if allowed else "is missing")
        case "unexpected_keyword_argument":
            return Mistake(where, _unknown_key(where[-1], detail["loc"][:-1]))
        case "literal_error":
            return Mistake(where, f"must be {context['expected']}")
        case "union_tag_invalid":
            return Mistake((*where, "type"), f"must be one of {context['expected_tags']}")
        case "union_tag_not_found":
            return Mistake((*where, "type"), "is missing; one of mllp, mqtt, file, dicom")
        case _ if "[key]" in where:
            return Mistake(where[:-1], "a name may hold only a-z, 0-9 and -")
        case "string_pattern_mismatch":
            return Mistake(where, _allowed(where) or "has characters that are not allowed")
        case _:
            return Mistake(where, _words(kind, context, where))


def _allowed(where: tuple[str, ...]) -> str | None:
    if where[0] == "devices" and where[-1] == "address":
        return "must be an IP address or network, e.g. 10.1.2.0/24"
    return _PATTERNS.get(where[-1])


def _unknown_key(key: str, table: tuple[Any, ...]) -> str:
    known = sorted(field.name for field in fields(_section(table)))
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"is not a setting; did you mean '{close[0]}'?"
    return f"is not a setting; known here: {', '.join(known)}"


def _section(table: tuple[Any, ...]) -> type[Section]:
    """What may stand in a table, whose place is as pydantic has it: with the kind of the section
    where there are several."""
    match table:
        case ("devices", _, kind):
            return DEVICES[kind]
        case ("destinations", _, kind):
            return DESTINATIONS[kind]
        case ("orders", "send_out", _):
            return SendOutSection
        case ("orders", _, _):
            return IdSection
        case ("qc", "materials", _):
            return QcMaterial
        case ("qc", "materials", _, "targets", _):
            return QcTarget
        case (name,):
            return _SECTIONS[name]
        case _:
            return Configuration


_SECTIONS: Final[Mapping[str, type[Section]]] = {
    "gateway": GatewaySection,
    "http": HttpSection,
    "dicom": DicomSection,
    "orders": OrdersSection,
    "operators": OperatorsSection,
    "qc": QcSection,
}


def _words(kind: str, context: Mapping[str, Any], where: tuple[str, ...]) -> str:
    """What is allowed where a value is of the wrong type or size."""
    match kind:
        case "greater_than":
            return f"must be more than {context['gt']}"
        case "greater_than_equal":
            return f"must be at least {context['ge']}"
        case "less_than":
            return f"must be less than {context['lt']}"
        case "less_than_equal":
            return f"must be at most {context['le']}"
    for beginning, text in _KINDS:
        if kind.startswith(beginning):
            return text.format(where=".".join(where))
    return "has a value that is not allowed here"
