"""Addresses in POCT1-A messages: ``SVC.role_cd``, ``OBS.value@U``, ``DEV.vendor_id``.

The object is the nearest in sight, from the observation outwards; what the message does not say of
its device the greeting (HEL) of the connection may.  Two addresses joined by ``+`` are one cell of
two components: ``OBS.qualitative_value+OBS.value`` is a call and its number; ``message`` is the
name of the message (``OBS.R02``).  A field that is empty and says why (``NULL="NI"``) reads as
that word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.profiles.reading import joined
from gateway.protocols.poct1a import Scope

_ADDRESS: Final = re.compile(r"[A-Z][A-Z0-9]{0,15}\.[A-Za-z0-9_.-]{1,48}(?:@[A-Za-z]{1,16})?")
_MESSAGE: Final = "message"


def is_poct1a_address(path: str) -> bool:
    return path == _MESSAGE or all(_ADDRESS.fullmatch(part) for part in path.split("+"))


class Poct1aPlace:
    """``greeting`` is the HEL of the connection, where one was heard; ``numbers`` has the place of
    each observation in its message, by id."""

    __slots__ = ("_greeting", "_numbers", "_prefix", "_scope")

    def __init__(
        self,
        scope: Scope,
        greeting: tuple[Scope, ...] = (),
        numbers: Mapping[int, int] | None = None,
        prefix: str = "",
    ) -> None:
        self._scope = scope
        self._greeting = greeting
        self._numbers = numbers or {}
        self._prefix = prefix

    def at(self, path: str) -> str | None:
        return next(iter(self.every(path)), None)

    def whole(self, path: str) -> str | None:
        return joined(self.every(path))

    def every(self, path: str) -> tuple[str, ...]:
        for part in path.split("+"):
            if texts := tuple(text.strip() for text in self._texts(part) if text.strip()):
                return texts
        return ()

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        parts = path.split("+")
        found = [joined(self._texts(part)) or "" for part in parts]
        if not any(text.strip() for text in found):
            found = [self._reason(part) for part in parts]
        if not any(found):
            return ()
        return (tuple(found),)

    def locate(self, path: str) -> str:
        name = path.partition(".")[0]
        number = self._numbers.get(id(self._scope.element)) if name == "OBS" else None
        counted = f"OBS[{number}]{path[3:]}" if number else path
        return self._prefix + counted

    def _texts(self, path: str) -> tuple[str, ...]:
        if path == _MESSAGE:
            return (self._scope.path[0].name,)
        for scope in (self._scope, *self._greeting):
            if texts := scope.every(path):
                return texts
        return ()

    def _reason(self, path: str) -> str:
        """Why a field is empty."""
        return self._scope.at(f"{path.partition('@')[0]}@NULL") or ""
