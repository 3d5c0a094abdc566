"""What of a file can still be checked when some of it is unsound.

Values of the wrong type are left out, and sections that cannot do without them; the rest is read
as if they had never been written, so that one look at the file finds every mistake in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from gateway.config.sections import Configuration
from gateway.config.sections.destinations import DESTINATIONS
from gateway.config.sections.devices import DEVICES
from gateway.config.shape import Unsound, shaped

_ROUNDS: Final = 12
_STAND_IN: Final = {"site": "site", "timezone": "UTC", "data_dir": "."}
_TAGS: Final = {"devices": DEVICES.keys(), "destinations": DESTINATIONS.keys()}


def place_of(location: Iterable[Any]) -> tuple[str, ...]:
    """The key path of an error, without the kind of section that the reader puts in it."""
    parts = tuple(str(part) for part in location)
    tagged = len(parts) > 2 and parts[2] in _TAGS.get(parts[0], ())
    return (*parts[:2], *parts[3:]) if tagged else parts


def sound_part(document: Mapping[str, Any]) -> tuple[Configuration | None, set[tuple[str, ...]]]:
    """The configuration without what is unsound, and the places that were left out."""
    kept: dict[str, Any] = deepcopy(dict(document))
    dropped: set[tuple[str, ...]] = set()
    for _ in range(_ROUNDS):
        try:
            return shaped(kept), dropped
        except Unsound as error:
            for detail in error.details:
                dropped |= _drop(kept, place_of(detail["loc"]), missing=detail["type"] == "missing")
    return None, dropped


def _drop(kept: dict[str, Any], where: tuple[str, ...], *, missing: bool) -> set[tuple[str, ...]]:
    if where[-1] == "[key]":
        where = where[:-1]
    if where[0] == "gateway":
        return _stand_in(kept, where)
    if missing and len(where) > 1:
        where = where[:-1]
    table: Any = kept
    for depth, name in enumerate(where):
        inner = table.get(name)
        if depth + 1 == len(where) or not isinstance(inner, dict):
            table.pop(name, None)
            return {where, where[: depth + 1]}
        table = inner
    return {where}


def _stand_in(kept: dict[str, Any], where: tuple[str, ...]) -> set[tuple[str, ...]]:
    section = kept.get("gateway")
    if not isinstance(section, dict):
        kept["gateway"] = dict(_STAND_IN)
        return {("gateway",)}
    name = where[1] if len(where) > 1 else ""
    if name in _STAND_IN:
        section[name] = _STAND_IN[name]
    else:
        section.pop(name, None)
    return {where}
