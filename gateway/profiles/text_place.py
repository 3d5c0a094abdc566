"""Addresses in text messages: ``id`` is a field of the head, ``row.value`` one of the line's row.

``row`` alone is the row's name, ``message`` the name of the whole message.  Two addresses joined by
``+`` are one text with a blank between them (``date+time``), missing parts left out.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.protocols.text import Fields

_ADDRESS: Final = re.compile(r"(?:row\.)?[!-*,-~\xff]{1,32}|row")


def is_text_address(path: str) -> bool:
    return all(_ADDRESS.fullmatch(part) for part in path.split("+"))


class TextPlace:
    """The head of a specimen, and the row a line stands for; ``number`` counts rows from 1."""

    __slots__ = ("_encoding", "_head", "_number", "_prefix", "_row")

    def __init__(
        self,
        head: Fields,
        encoding: str,
        row: Fields | None = None,
        number: int = 0,
        prefix: str = "",
    ) -> None:
        self._head = head
        self._row = row
        self._number = number
        self._encoding = encoding
        self._prefix = prefix

    def at(self, path: str) -> str | None:
        texts = (self._text(part) for part in path.split("+"))
        found = [text for text in texts if text.strip()]
        if len(found) == 1:
            return found[0]
        return " ".join(text.strip() for text in found) or None

    def whole(self, path: str) -> str | None:
        text = self.at(path)
        return text.strip() if text else None

    def every(self, path: str) -> tuple[str, ...]:
        text = self.whole(path)
        return (text,) if text else ()

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        parts = tuple(self._text(part) for part in path.split("+"))
        return (parts,) if any(text.strip() for text in parts) else ()

    def locate(self, path: str) -> str:
        if self._number and path.startswith("row"):
            return f"{self._prefix}row[{self._number}]{path[3:]}"
        return self._prefix + path

    def _text(self, path: str) -> str:
        if path == "message":
            return self._head.name
        if path == "row":
            text = self._row.name if self._row is not None else ""
        elif path.startswith("row."):
            text = self._row.values.get(path[4:], "") if self._row is not None else ""
        else:
            text = self._head.values.get(path, "")
        return self._decoded(text)

    def _decoded(self, text: str) -> str:
        """The codecs give one character a byte; the profile knows what the bytes mean."""
        if text.isascii() or self._encoding == "latin-1":
            return text
        raw = text.encode("latin-1", "replace")
        try:
            return raw.decode(self._encoding)
        except UnicodeDecodeError:
            return text
