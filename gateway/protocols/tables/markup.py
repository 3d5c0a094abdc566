"""XML exports as a table: every element that holds a result is a row that knows what is above it.

A row's cells are the attributes and the plain children of its element and of those around it, each
under its own name and under its element's name before it (``Sample``/``ID`` is also ``SampleID``);
what stands nearer wins.  An element with children of its own ends no row: its innermost ones do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.protocols.poct1a.xml import Element, parse
from gateway.protocols.poct1a.xml import Unreadable as NoDocument
from gateway.protocols.tables.grid import XML, Grid, TooLarge, Unreadable, check_size

_MOST_CELLS: Final = 500_000
Cells = dict[str, str]


def read_markup(raw: bytes) -> tuple[Grid, ...]:
    """One grid, its first row the headings.  Raises Unreadable."""
    try:
        document = parse(raw)
    except NoDocument as error:
        raise Unreadable(error.reason.value) from None
    records: list[Cells] = []
    cells = 0
    for record in _records(document.root, {}):
        cells += len(record)
        if cells > _MOST_CELLS:
            raise TooLarge("a document beyond all limits")
        records.append(record)
    headings = tuple(dict.fromkeys(name for record in records for name in record))
    check_size(len(records), len(headings), max(map(len, headings), default=0))
    rows = tuple(tuple(record.get(name, "") for name in headings) for record in records)
    return (Grid(XML, (headings, *rows), document.doubtful),)


def _records(root: Element, above: Cells) -> Iterator[Cells]:
    """The innermost elements that have fields, with all that is said around them."""
    stack = [(root, above)]
    while stack:
        element, around = stack.pop()
        own = _fields(element)
        here = around | own
        nested = [child for child in element.children if _nests(child)]
        if nested:
            stack.extend((child, here) for child in reversed(nested))
        elif own:
            yield here


def _nests(element: Element) -> bool:
    """Whether an element is more than a field of the one around it."""
    return bool(element.children) or (bool(element.attributes) and not _is_field(element))


def _is_field(element: Element) -> bool:
    """``<Value Unit="g/L">5</Value>`` and ``<Value V="5"/>`` are fields."""
    return bool(element.text) or set(element.attributes) <= {"V", "value", "val"}


def _fields(element: Element) -> Cells:
    found: Cells = {}
    name = _local(element.name)
    for key, text in element.attributes.items():
        _put(found, name, _local(key), text)
    for child in element.children:
        if _nests(child):
            continue
        text = child.text or next(iter(child.attributes.values()), "")
        _put(found, name, _local(child.name), text)
        for key, more in child.attributes.items() if child.text else ():
            _put(found, _local(child.name), _local(key), more)
    return found


def _put(found: Cells, owner: str, key: str, text: str) -> None:
    found.setdefault(key, text)
    found.setdefault(f"{owner}{key}", text)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
