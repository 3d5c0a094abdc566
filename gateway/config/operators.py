"""The file of operators: a CSV with headings ``id``, ``name``, ``valid_until`` and ``devices``.

Only ``id`` must be there.  ``valid_until`` is the last day, ``YYYY-MM-DD``; ``devices`` are names
of the configuration with blanks between them.
"""

from __future__ import annotations

import csv
from collections.abc import Container, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from gateway.config.mistakes import Mistake
from gateway.errors import ConfigurationError
from gateway.orders.operators import Operator

_HEADINGS: Final = ("id", "name", "valid_until", "devices")
_LARGEST: Final = 4 * 1024 * 1024


def read_operators(path: Path) -> tuple[Operator, ...]:
    """ConfigurationError lists every mistake in the file."""
    wrong: list[str] = []
    found: dict[str, Operator] = {}
    for number, row in _rows(path):
        try:
            operator = _operator(row)
        except ValueError as error:
            wrong.append(f"{path}:{number}: {error}")
            continue
        if operator.id in found:
            wrong.append(f"{path}:{number}: the id of an earlier line")
        found[operator.id] = operator
    if wrong:
        raise ConfigurationError(wrong)
    return tuple(found.values())


def operator_mistakes(path: Path, devices: Container[str]) -> Iterator[Mistake]:
    """What is wrong with the file, and devices in it that nobody configured."""
    where = ("operators", "file")
    try:
        found = read_operators(path)
    except ConfigurationError as error:
        yield from (Mistake(where, text) for text in error.mistakes)
        return
    named = {device for operator in found for device in operator.devices or ()}
    for device in sorted(named):
        if device not in devices:
            yield Mistake(where, f"{path}: unknown device '{device}'")


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigurationError([f"{path}: larger than 4 MiB; is this the list of operators?"])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            [f"{path}: {(error.strerror or 'cannot be read').lower()}"]
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{path}: not UTF-8"]) from None
    lines = csv.reader(text.splitlines(), delimiter=";" if ";" in text.partition("\n")[0] else ",")
    headings = [cell.strip().lower() for cell in next(lines, [])]
    if "id" not in headings or set(headings) - set(_HEADINGS):
        raise ConfigurationError(
            [f"{path}:1: headings are {', '.join(_HEADINGS)}; id must be there"]
        )
    for number, cells in enumerate(lines, start=2):
        if any(cell.strip() for cell in cells):
            yield number, dict(zip(headings, (cell.strip() for cell in cells), strict=False))


def _operator(row: Mapping[str, str]) -> Operator:
    if not row.get("id"):
        raise ValueError("a line without an id")
    until = row.get("valid_until")
    try:
        last = date.fromisoformat(until) if until else None
    except ValueError:
        raise ValueError(f"'{until}' is no day, e.g. 2026-12-31") from None
    devices = row.get("devices", "").split()
    return Operator(row["id"], row.get("name", ""), last, frozenset(devices) if devices else None)
