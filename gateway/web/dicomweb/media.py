"""What a client accepts (PS3.18 8.7): the Accept header, or the ``accept`` query parameter instead
of it, as media ranges, the most wanted first.

A range nobody can read is passed over; without any, everything is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.exceptions import HTTPException

RELATED: Final = "multipart/related"
_PIECE: Final = re.compile(r'((?:"(?:\\.|[^"\\])*"|[^",;])*)([,;]|$)')
_ANYTHING: Final = "*/*"
_LONGEST: Final = 8 * 1024


@dataclass(frozen=True, slots=True)
class Range:
    """``parameters`` by lower-case name; ``type`` is the kind of a multipart body's parts."""

    kind: str
    parameters: Mapping[str, str]
    quality: float = 1.0

    @property
    def transfer_syntax(self) -> str:
        """Empty: none was named."""
        return self.parameters.get("transfer-syntax", "")

    def covers(self, kind: str) -> bool:
        return covers(self.kind, kind)

    def parts(self, kind: str) -> bool:
        """Whether it takes a multipart body with parts of this kind."""
        if not self.covers(RELATED):
            return False
        return covers(self.parameters.get("type", _ANYTHING).lower(), kind)


def covers(pattern: str, kind: str) -> bool:
    """Whether ``image/*`` and the like stand for a kind."""
    if pattern == _ANYTHING:
        return True
    group, _, one = pattern.partition("/")
    return pattern == kind or (one == "*" and kind.startswith(group + "/"))


def accepted(request: Request) -> Sequence[Range]:
    """The most wanted first; those of equal quality in the order they were written."""
    named = request.query_params.getlist("accept") or request.headers.getlist("accept")
    text = ", ".join(named)
    if not text.strip():
        return (Range(_ANYTHING, {}),)
    if len(text) > _LONGEST:
        raise HTTPException(400, f"accept: longer than {_LONGEST} characters")
    found = [one for one in map(_range, _split(text, ",")) if one is not None]
    return sorted((one for one in found if one.quality > 0), key=lambda one: -one.quality)


def must_accept(request: Request, *kinds: str) -> None:
    """406 unless one of these, the same content under several names, is wanted."""
    if not any(one.covers(kind) for one in accepted(request) for kind in kinds):
        raise HTTPException(406, f"only {kinds[0]} can be had")


def _range(text: str) -> Range | None:
    kind, *rest = _split(text, ";") or [""]
    if "/" not in kind:
        return None
    pairs = (part.partition("=") for part in rest)
    parameters = {name.strip().lower(): _bare(value) for name, _, value in pairs}
    try:
        quality = float(parameters.pop("q", "1"))
    except ValueError:
        return None
    return Range(kind.strip().lower(), parameters, quality)


def _split(text: str, mark: str) -> list[str]:
    """At marks outside of quotes."""
    found, current = [], ""
    for piece, end in _PIECE.findall(text):
        current += piece
        if end == mark or not end:
            found.append(current.strip())
            current = ""
        else:
            current += end
    return [one for one in found if one]


def _bare(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
