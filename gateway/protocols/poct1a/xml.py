"""XML of point-of-care devices as a small immutable tree, read with hard limits, written strictly.

Refused before anything is expanded: a document type (with it every entity), more than 64 levels,
more than 50,000 elements.  Bytes that are not UTF-8 although the document says nothing else are
read as Latin-1, byte for byte, and ``doubtful`` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from gateway.protocols.events import Damage

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 50_000

# The standard library's escape brings an HTTP client with it.
_MARKUP: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_TEXT: Final = str.maketrans(_MARKUP)
_ATTRIBUTE: Final = str.maketrans({**_MARKUP, '"': "&quot;", "\t": "&#9;", "\n": "&#10;"})


class Unreadable(Exception):
    """Not a document that may be read; ``reason`` is a kind, never text of the peer."""

    def __init__(self, reason: Damage) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Element:
    """``text`` is all character data directly inside, blanks at its ends removed."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict, repr=False)
    children: tuple[Element, ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)

    def child(self, name: str) -> Element | None:
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> Iterator[tuple[Element, ...]]:
        """Every element, outermost first, each as the path from here down to it."""
        stack: list[tuple[Element, ...]] = [(self,)]
        while stack:
            path = stack.pop()
            yield path
            stack.extend((*path, child) for child in reversed(path[-1].children))


@dataclass(frozen=True, slots=True)
class Document:
    root: Element
    doubtful: bool = False


@dataclass(slots=True)
class _Open:
    """An element whose end has not come."""

    name: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def close(self) -> Element:
        text = "".join(self.text).strip()
        return Element(self.name, self.attributes, tuple(self.children), text)


class _Builder:
    """Receives what expat sees."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[_Open] = []
        self._count = 0

    def parse(self, raw: bytes, encoding: str | None) -> Element:
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(raw, True)
        except (expat.ExpatError, LookupError, ValueError):
            raise Unreadable(Damage.FORMAT) from None
        if self.root is None:
            raise Unreadable(Damage.FORMAT)
        return self.root

    def _doctype(self, *_: object) -> None:
        raise Unreadable(Damage.DOCTYPE)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise Unreadable(Damage.DEPTH)
        self._open.append(_Open(name, attributes))

    def _end(self, _name: str) -> None:
        element = self._open.pop().close()
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element

    def _characters(self, text: str) -> None:
        self._open[-1].text.append(text)


def parse(raw: bytes) -> Document:
    """The document in ``raw``.  Raises Unreadable."""
    doubtful = not _declares_other_encoding(raw) and not _is_utf8(raw)
    root = _Builder().parse(raw, "iso-8859-1" if doubtful else None)
    return Document(root, doubtful)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _declares_other_encoding(raw: bytes) -> bool:
    head = raw[:200].partition(b"?>")[0].lower()
    return b"encoding" in head and b"utf-8" not in head and b"utf8" not in head


def serialize(root: Element, *, declaration: bool = True) -> bytes:
    """UTF-8, without white space of our own."""
    head = '<?xml version="1.0" encoding="UTF-8"?>' if declaration else ""
    return (head + "".join(_texts(root))).encode()


def _texts(element: Element) -> Iterator[str]:
    attributes = "".join(
        f' {name}="{value.translate(_ATTRIBUTE)}"' for name, value in element.attributes.items()
    )
    if not element.children and not element.text:
        yield f"<{element.name}{attributes}/>"
        return
    yield f"<{element.name}{attributes}>{element.text.translate(_TEXT)}"
    for child in element.children:
        yield from _texts(child)
    yield f"</{element.name}>"
