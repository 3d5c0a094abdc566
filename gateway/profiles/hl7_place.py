"""Addresses in HL7 v2 segments: ``OBX.5.1``, ``PID.3[2].1``, ``MSH.11``.

The segment is the nearest in sight: the line's own OBX, its OBR, SPM, PID, the header (whose
fields are counted as the standard counts them, wherever a device shifted them).  Without a
component the whole repetition is meant, delimiters and all.  ``""`` (delete) reads as empty.
A unit like ``10^3/uL`` whose power sign was not escaped is put together again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.profiles.reading import joined
from gateway.protocols.hl7 import NULL, Segment
from gateway.protocols.hl7device import Scope

_ADDRESS: Final = re.compile(
    r"([A-Z][A-Z0-9]{2})\.([1-9]\d{0,2})(?:\[([1-9]\d{0,2})\])?(?:\.([1-9]\d{0,2}))?"
    r"(?:\.([1-9]\d{0,2}))?"
)
_POWER: Final = re.compile(r"[xX]? ?10")
_EXPONENT: Final = re.compile(r"[0-9]{1,2}/.*")


_UNIT: Final = ("OBX", 6, 1)


class Address(NamedTuple):
    """``name`` of the segment; ``subcomponent`` only together with ``component``."""

    name: str
    field: int
    repeat: int | None
    component: int | None
    subcomponent: int | None


@lru_cache(maxsize=4096)
def address(path: str) -> Address:
    """ValueError for what is no address."""
    match = _ADDRESS.fullmatch(path)
    if match is None:
        raise ValueError("not an address like OBX.5.1")
    name, *numbers = match.groups()
    field, repeat, component, subcomponent = (int(text) if text else None for text in numbers)
    return Address(name, field or 1, repeat, component, subcomponent)


def is_hl7_address(path: str) -> bool:
    return _ADDRESS.fullmatch(path) is not None


class Hl7Place:
    """The segments in sight.  ``numbers`` has the place of each among those of its name, by id."""

    __slots__ = ("_numbers", "_prefix", "_scope")

    def __init__(self, scope: Scope, numbers: Mapping[int, int], prefix: str = "") -> None:
        self._scope = scope
        self._numbers = numbers
        self._prefix = prefix

    def at(self, path: str) -> str | None:
        return next((text for text in self._texts(address(path)) if text.strip()), None)

    def whole(self, path: str) -> str | None:
        return joined(self.every(path))

    def every(self, path: str) -> tuple[str, ...]:
        trimmed = (text.strip() for text in self._texts(address(path)))
        return tuple(text for text in trimmed if text)

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        where = address(path)
        if where.component is not None:
            return tuple((text,) for text in self._texts(where))
        line, number = self._line(where)
        kind = (line.at(2) or "") if line is not None and path == "OBX.5" else ""
        found: list[tuple[str, ...]] = []
        for repeat in _repeats(line, number, where):
            parts = line.components(number, repetition=repeat) if line else ()
            found.append(() if parts == (NULL,) else _spelled(kind, parts))
        return tuple(found) if any(found) else ()

    def locate(self, path: str) -> str:
        line, _ = self._line(address(path))
        number = self._numbers.get(id(line), 1) if line is not None else 1
        name, rest = path[:3], path[3:]
        return f"{self._prefix}{name}[{number}]{rest}"

    def _line(self, where: Address) -> tuple[Segment | None, int]:
        header = self._scope.header
        if where.name == "MSH":
            return header.segment, header.position(where.field)
        found = (line for line in self._scope.segments if line.name == where.name)
        return next(found, None), where.field

    def _texts(self, where: Address) -> tuple[str, ...]:
        """What stands there in each repetition, blanks kept."""
        line, number = self._line(where)
        repeats = _repeats(line, number, where)
        if line is None or not repeats:
            return ()
        if where.component is None:
            texts = [line.text(number, repetition=repeat) for repeat in repeats]
        elif where.subcomponent is None:
            cells = [line.components(number, repetition=repeat) for repeat in repeats]
            wanted = where.component
            if (where.name, where.field, wanted) == _UNIT:
                cells = [_powered(cell) for cell in cells]
            texts = [cell[wanted - 1] if len(cell) >= wanted else None for cell in cells]
        else:
            within = (where.component, where.subcomponent)
            texts = [line.at(number, *within, repetition=repeat) for repeat in repeats]
        return tuple(text for text in texts if text and text != NULL)


def _spelled(kind: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """A structured number (SN) or a coded answer as the one text it stands for."""
    if kind == "SN":
        comparator, first, separator, second = (*parts, "", "", "", "")[:4]
        return (f"{comparator}{first}{separator}{second}",)
    if kind in ("CE", "CWE", "CNE", "CF"):
        code, text = (*parts, "")[:2] if parts else ("", "")
        return (text or code,)
    return parts


def _powered(cell: tuple[str, ...]) -> tuple[str, ...]:
    match cell:
        case (base, exponent, *_) if _POWER.fullmatch(base) and _EXPONENT.fullmatch(exponent):
            return (f"{base}^{exponent}",)
        case _:
            return cell


def _repeats(line: Segment | None, number: int, where: Address) -> tuple[int, ...]:
    count = len(line.repetitions(number)) if line is not None else 0
    if where.repeat is None:
        return tuple(range(1, count + 1))
    return (where.repeat,) if where.repeat <= count else ()
