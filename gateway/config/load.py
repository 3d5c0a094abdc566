"""Reads ``gateway.toml`` and reports every mistake at once, one line each.

A line names the file, the line where it can be told, the key, what is wrong and what is allowed.
Paths in the file are relative to the file.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from gateway.config.checks import check
from gateway.config.mistakes import Mistake, words
from gateway.config.partial import place_of, sound_part
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import (
    DicomDestination,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.config.sections.devices import DeviceSection, OperatorsSection, UltrasoundSection
from gateway.config.sections.dicom import DicomSection
from gateway.config.sections.orders import OrdersSection
from gateway.config.sections.site import GatewaySection, HttpSection
from gateway.config.shape import Unsound, shaped
from gateway.errors import ConfigurationError
from gateway.transports import anchored

_LIMIT = 4 * 1024 * 1024
_PATH_KEYS = frozenset(
    {
        "data_dir",
        "token_file",
        "directory",
        "worklist",
        "file",
        "password_file",
        "ca_file",
        "certificate_file",
        "key_file",
        "client_ca_file",
    }
)


def load(path: Path) -> Configuration:
    """The configuration in ``path``; ConfigurationError lists every mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        why = (error.strerror or "cannot be read").lower()
        raise ConfigurationError([f"{path}: {why}; name another file with --config"]) from None
    if len(data) > _LIMIT:
        raise ConfigurationError([f"{path}: larger than 4 MiB; is this the configuration?"])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: not UTF-8 at byte {error.start}"]) from None
    return parse(text, path)


def parse(text: str, path: Path) -> Configuration:
    """The configuration in ``text``; ``path`` names it in errors and anchors relative paths."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: not valid TOML: {error}"]) from None
    anchored = _anchored(document, path.parent)
    try:
        configuration = shaped(anchored)
        mistakes = list(check(configuration))
    except Unsound as error:
        unsound = [_mistake(detail) for detail in error.details]
        mistakes = [*unsound, *_beyond(anchored)]
    if mistakes:
        raise ConfigurationError(list(_lines(mistakes, text, path)))
    return configuration


def _beyond(document: dict[str, Any]) -> Iterator[Mistake]:
    """Mistakes that only the whole file shows, in what of it is sound."""
    configuration, dropped = sound_part(document)
    named = document.get("devices")
    names = named if isinstance(named, dict) else ()
    for mistake in check(configuration, names) if configuration is not None else ():
        if not any(mistake.where[: len(where)] == where for where in dropped):
            yield mistake


def _anchored(value: Any, folder: Path, key: str = "") -> Any:
    if isinstance(value, dict):
        return {k: _anchored(v, folder, k) for k, v in value.items()}
    if isinstance(value, str) and key in _PATH_KEYS:
        return str(folder / Path(value).expanduser())
    if isinstance(value, str) and key == "stream":
        return anchored(value, folder)
    return value


def _mistake(detail: Mapping[str, Any]) -> Mistake:
    where = place_of(detail["loc"])
    kind, context = detail["type"], detail.get("ctx", {})
    match kind:
        case "missing":
            allowed = _PATTERNS.get(where[-1])
            return Mistake(where, f"is missing; {allowed}" if allowed else "is missing")
        case "unexpected_keyword_argument":
            return Mistake(where, _unknown_key(where))
        case "literal_error":
            return Mistake(where, f"must be {context['expected']}")
        case "union_tag_invalid":
            return Mistake((*where, "type"), f"must be one of {context['expected_tags']}")
        case "union_tag_not_found":
            return Mistake((*where, "type"), "is missing; one of mllp, mqtt, file, dicom")
        case _ if "[key]" in where:
            return Mistake(where[:-1], "a name may hold only a-z, 0-9 and -")
        case "string_pattern_mismatch":
            return Mistake(where, _PATTERNS.get(where[-1], "has characters that are not allowed"))
        case _:
            return Mistake(where, words(kind, context, where))


_PATTERNS = {
    "site": "may hold only a-z, 0-9 and -",
    "listen": "must be HOST:PORT, e.g. 127.0.0.1:8080",
    "address": "must be HOST:PORT, or AET@HOST:PORT for type dicom",
    "url": "must be mqtt://HOST:PORT or mqtts://HOST:PORT; the password goes into password_file",
    "root": "must be topic levels of letters, digits, _ . - joined by /",
    "ae_title": "must be 1 to 16 printable characters without backslash or blank",
    "extension": "must be a dot and 1 to 8 letters or digits",
}


def _unknown_key(where: tuple[str, ...]) -> str:
    known = sorted(_keys_beside(where))
    close = difflib.get_close_matches(where[-1], known, n=1)
    if close:
        return f"is not a setting; did you mean '{close[0]}'?"
    return f"is not a setting; known here: {', '.join(known)}"


def _keys_beside(where: tuple[str, ...]) -> Iterable[str]:
    tables = {
        "gateway": (GatewaySection,),
        "http": (HttpSection,),
        "dicom": (DicomSection,),
        "orders": (OrdersSection,),
        "operators": (OperatorsSection,),
        "devices": (DeviceSection, UltrasoundSection),
        "destinations": (MllpDestination, FileDestination, MqttDestination, DicomDestination),
    }
    kinds = (Configuration,) if len(where) == 1 else tables.get(where[0], ())
    return {field.name for kind in kinds for field in fields(kind)}


def _lines(mistakes: Iterable[Mistake], text: str, path: Path) -> Iterator[str]:
    """In the order of the file; what has no line of its own comes first."""
    found: dict[str, int] = {}
    for mistake in mistakes:
        where = tuple(part for part in mistake.where if part != "[key]")
        line = _line_of(where, text)
        place = f"{path}:{line}" if line else f"{path}"
        found.setdefault(f"{place}: {'.'.join(where)}: {mistake.text}", line or 0)
    yield from sorted(found, key=found.__getitem__)


def _line_of(where: tuple[str, ...], text: str) -> int | None:
    """The line of a key: a plain search through tables, good enough to point a person."""
    table: tuple[str, ...] = ()
    best = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if header := re.match(r"\[+\s*([^\]]+?)\s*\]+", stripped):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == where[: len(table)]:
                best = number
        elif "=" in stripped and not stripped.startswith("#"):
            key = stripped.split("=", 1)[0].strip().strip("\"'")
            full = (*table, *(part.strip().strip("\"'") for part in key.split(".")))
            if full == where[: len(full)]:
                return number
    return best
