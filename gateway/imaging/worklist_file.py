"""Scheduled procedures from a TOML or JSON file: a list ``procedures`` of ``ScheduledStep`` fields.

::

    [[procedures]]
    patient_id = "MRN0001"
    patient_name = "TEST^BIOPSY"
    birth_date = 1970-01-01
    accession = "US26000123"
    study_uid = "2.25.1234567890"
    procedure_id = "RP1"
    step_id = "S1"
    date = 2026-01-05
    time = 09:30:00
    procedure_code = { value = "76942", scheme = "C4", meaning = "US guidance" }

The file is read again when it has changed.  A row with a mistake is left out and its mistake told
by position and key; a file that cannot be read at all leaves the rows read before in place.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.imaging.worklist import ScheduledStep, check

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LARGEST: Final = 16 * 1024 * 1024
_ROWS: Final = 20_000
_State = tuple[int, int, int]


class WorklistFile:
    """A ``WorklistSource``.  ``complain`` gets one line for each mistake, when the file is read."""

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        self._path = path
        self._complain = complain
        self._state: _State | None = None
        self._rows: tuple[ScheduledStep, ...] = ()
        self._turn = asyncio.Lock()

    async def rows(self) -> Sequence[ScheduledStep]:
        async with self._turn:
            mistakes = await asyncio.to_thread(self._refresh)
        for mistake in mistakes:
            self._complain(mistake)
        return self._rows

    def _refresh(self) -> Sequence[str]:
        try:
            found = self._path.stat()
            state = (found.st_mtime_ns, found.st_size, found.st_ino)
            if state == self._state:
                return ()
            self._state = state
            rows, mistakes = parse(self._path)
        except (OSError, ValueError) as error:
            return (f"{self._path.name}: {_reason(error)}; the rows read before are kept",)
        self._rows = tuple(rows)
        return [f"{self._path.name}: {mistake}" for mistake in mistakes]


def parse(path: Path) -> tuple[Sequence[ScheduledStep], Sequence[str]]:
    """The sound rows, and what is wrong with the others.  ValueError: the file is none."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    text = path.read_text(encoding="utf-8")
    content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    entries = content.get("procedures") if isinstance(content, dict) else content
    if not isinstance(entries, list) or len(entries) > _ROWS:
        raise ValueError(f"a list of at most {_ROWS} procedures is missing")
    rows: list[ScheduledStep] = []
    mistakes: list[str] = []
    for number, entry in enumerate(entries, start=1):
        row, faults = _row(entry)
        mistakes.extend(f"procedures[{number}]: {fault}" for fault in faults)
        if row is not None and not faults:
            rows.append(row)
    return rows, mistakes


def _row(entry: Any) -> tuple[ScheduledStep | None, Sequence[str]]:
    if not isinstance(entry, Mapping):
        return None, ("is no table",)
    unknown = [key for key in entry if key not in _FIELDS]
    if unknown:
        return None, [f"unknown key {str(key)[:32]!r}" for key in unknown]
    from pydantic import ValidationError

    try:
        row = _adapter().validate_python({key: _plain(value) for key, value in entry.items()})
    except ValidationError as error:
        return None, [
            f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors()
        ]
    return row, check(row)


def _plain(value: Any) -> Any:
    """Lists as the tuples the value holds; one station may be given alone."""
    return tuple(value) if isinstance(value, list) else value


_FIELDS: Final = frozenset(ScheduledStep.__dataclass_fields__)


@cache
def _adapter() -> TypeAdapter[ScheduledStep]:
    """Large in memory; only who has such a file needs it."""
    from pydantic import TypeAdapter

    return TypeAdapter(ScheduledStep)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or "cannot be read"
    if isinstance(error, tomllib.TOMLDecodeError | json.JSONDecodeError):
        where = str(error).rsplit("(", 1)[-1].rstrip(")") if "(" in str(error) else ""
        return f"not well formed ({where})"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return str(error)
