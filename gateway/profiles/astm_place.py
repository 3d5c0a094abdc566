"""Addresses in LIS02-A2 records as the manuals write them: ``R.3.4``, ``O.5[2].4``, ``H.2``.

The record is one in sight: the line's own, its order's, its patient's, the header; C, M and S
stand for those that hang on what is read.  Escapes are resolved here, and bytes that could not be
decoded become the Latin-1 characters of the same number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from gateway.profiles.reading import joined
from gateway.protocols.astm import At, Node, Record

_DELETED: Final = '""'
_COMPONENT: Final = "^"
_UNDECODED: Final = re.compile("[\udc80-\udcff]")

Address = tuple[str, int, int | None, int | None]
"""Record letter, field, component, repeat."""


@lru_cache(maxsize=4096)
def address(path: str) -> Address:
    """ValueError for what is no address."""
    where = At.parse(path)
    return where.type, where.field, where.component, where.repeat


def is_astm_address(path: str) -> bool:
    try:
        address(path)
    except ValueError:
        return False
    return True


class AstmPlace:
    """The records in sight, by letter; ``attached`` are the C, M and S records at hand."""

    __slots__ = ("_attached", "_nodes", "_prefix")

    def __init__(self, nodes: Mapping[str, Node], attached: Sequence[Node], prefix: str) -> None:
        self._nodes = nodes
        self._attached = attached
        self._prefix = prefix

    def at(self, path: str) -> str | None:
        for node in self._near(path[0]):
            text = node.record.at(path)
            if text is not None and text.strip():
                return readable(text)
        return None

    def whole(self, path: str) -> str | None:
        letter, number, component, repeat = address(path)
        node = self._nodes.get(letter)
        if node is None:
            return joined(self.every(path))
        texts: Sequence[str] = _texts(node.record, number, component, repeat)
        if component is None and node.record.delimiters.component != _COMPONENT:
            texts = _respelled(node.record, number, repeat)
        if not texts:
            return None
        return texts[0] if len(texts) == 1 else joined(texts)

    def every(self, path: str) -> tuple[str, ...]:
        letter, number, component, repeat = address(path)
        node = self._nodes.get(letter)
        if node is not None:
            return _texts(node.record, number, component, repeat)
        return tuple(
            text
            for node in self._near(letter)
            for text in _texts(node.record, number, component, repeat)
        )

    def cells(self, path: str) -> tuple[tuple[str, ...], ...]:
        letter, number, component, repeat = address(path)
        for node in self._near(letter):
            pieces = _pieces(node.record, number, repeat)
            return tuple([_components(node.record, piece, component) for piece in pieces])
        return ()

    def locate(self, path: str) -> str:
        for node in self._near(path[0]):
            return f"{self._prefix}{node.position}{path[1:]}"
        return self._prefix + path

    def _near(self, letter: str) -> Sequence[Node]:
        node = self._nodes.get(letter)
        if node is not None:
            return (node,)
        return [node for node in self._attached if node.record.type == letter]


def _pieces(record: Record, number: int, repeat: int | None) -> Sequence[str]:
    """The repeats of a field, or the one asked for, as sent."""
    fields = record.fields
    sent = fields[number - 1] if number <= len(fields) else ""
    if not sent:
        return ()
    if record.delimiters.repeat not in sent or (number == 2 and record.type == "H"):
        return (sent,) if repeat in (None, 1) else ()
    pieces = sent.split(record.delimiters.repeat)
    return pieces if repeat is None else pieces[repeat - 1 : repeat]


def _components(record: Record, piece: str, component: int | None) -> tuple[str, ...]:
    separator = record.delimiters.component
    parts = piece.split(separator) if separator in piece else [piece]
    if component is not None:
        parts = parts[component - 1 : component]
    if piece.isascii() and record.delimiters.escape not in piece:
        return tuple(parts)
    return tuple([_meaning(record, part) for part in parts])


def _texts(
    record: Record, number: int, component: int | None, repeat: int | None
) -> tuple[str, ...]:
    """What stands there in each repeat, trimmed; none empty."""
    fields = record.fields
    if number > len(fields) or not (sent := fields[number - 1]):
        return ()
    if sent.isalnum() and sent.isascii() and component in (None, 1) and repeat is None:
        return (sent,)  # no delimiter can be in it
    delimiters = record.delimiters
    if repeat is None and delimiters.repeat not in sent and delimiters.escape not in sent:
        text = sent
        if component is not None:
            parts = sent.split(delimiters.component, component)
            text = parts[component - 1] if component <= len(parts) else ""
        text = readable(text).strip()
        return (text,) if text and text != _DELETED else ()
    found = []
    for piece in _pieces(record, number, repeat):
        part = piece
        if component is not None:
            parts = piece.split(record.delimiters.component, component)
            part = parts[component - 1] if component <= len(parts) else ""
        text = _meaning(record, part).strip() if part else ""
        if text and text != _DELETED:
            found.append(text)
    return tuple(found)


def _respelled(record: Record, number: int, repeat: int | None) -> list[str]:
    """The same with ``^`` between components, as patterns of profiles are written; a delimiter
    that was sent escaped stays what it is."""
    pieces = _pieces(record, number, repeat)
    cells = (_components(record, piece, None) for piece in pieces)
    texts = (_COMPONENT.join(map(readable, cell)).strip() for cell in cells)
    return [text for text in texts if text and text != _DELETED]


def _meaning(record: Record, text: str) -> str:
    delimiters = record.delimiters
    if delimiters.escape in text:
        text = delimiters.unescape(text, record.encoding)
    return readable(text)


def readable(text: str) -> str:
    """Bytes that could not be decoded as the Latin-1 characters of the same number."""
    if text.isascii():
        return text
    return _UNDECODED.sub(lambda match: chr(ord(match[0]) - 0xDC00), text)
