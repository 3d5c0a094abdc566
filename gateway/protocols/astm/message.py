"""LIS02-A2 messages: trees of records with their order kept.

O belongs to the P above it, R to the O above it; C, M and S hang on the record they follow and do
not break the sequence.  What has no parent, no known letter or no header is kept and reported by
position, never dropped and never attached by guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from gateway.protocols.astm.records import Record
from gateway.protocols.astm.text import encode_text

_LONGEST_NUMBER: Final = 10  # digits


class Flaw(StrEnum):
    """What is wrong at a position."""

    ORPHAN = "orphan"  # R without O, O without P
    MALFORMED = "malformed"  # not a record of LIS02-A2
    NO_HEADER = "no-header"  # records before any H, or delimiters that cannot be
    AFTER_END = "after-end"  # records between L and the next H
    LIMIT = "limit"  # more records than a message may have


@dataclass(frozen=True, slots=True)
class Flawed:
    """``at`` counts records of one type from 1: ``R[7]``; ``?[2]`` is the second line that is no
    record."""

    flaw: Flaw
    at: str


@dataclass(slots=True, unsafe_hash=True)
class Node:
    """A record with what hangs on it, in the order sent.  ``index`` counts its type from 1.

    ``Final`` like its record, not frozen.
    """

    record: Final[Record]
    index: Final[int]
    children: Final[tuple[Node, ...]] = ()
    attached: Final[tuple[Node, ...]] = ()

    @property
    def position(self) -> str:
        """``R[7]``: the seventh R record of the message."""
        return f"{self.record.type}[{self.index}]"

    @property
    def comments(self) -> tuple[Node, ...]:
        return self._attached("C")

    @property
    def manufacturer(self) -> tuple[Node, ...]:
        return self._attached("M")

    @property
    def scientific(self) -> tuple[Node, ...]:
        return self._attached("S")

    def _attached(self, letter: str) -> tuple[Node, ...]:
        return tuple(node for node in self.attached if node.record.type == letter)

    def walk(self) -> Iterator[Node]:
        """This node, what is attached to it, then its children: the order sent."""
        yield self
        yield from self.attached
        for child in self.children:
            yield from child.walk()


class Result(NamedTuple):
    """One R record and what it stands under; ``None`` where the message does not say."""

    patient: Record | None
    order: Record | None
    node: Node
    number: int  # of this R record in the message, from 1


@dataclass(slots=True, unsafe_hash=True)
class Message:
    """``header`` to terminator.  ``roots`` are its P and Q records, and orphans, in order.

    ``terminator`` is the code of the L record (empty: normal), ``None`` when there is no L.
    ``records`` are all records in the order sent, ``unread`` the lines that are none.  ``Final``
    like its nodes, not frozen.
    """

    header: Final[Node]
    roots: Final[tuple[Node, ...]] = ()
    terminator: Final[str | None] = None
    records: Final[tuple[Record, ...]] = ()
    unread: Final[tuple[str, ...]] = ()
    problems: Final[tuple[Flawed, ...]] = ()
    doubtful: Final[bool] = False

    @property
    def complete(self) -> bool:
        """Whether an L record closed it."""
        return self.terminator is not None

    @property
    def patients(self) -> tuple[Node, ...]:
        return tuple(node for node in self.roots if node.record.type == "P")

    @property
    def queries(self) -> tuple[Node, ...]:
        return tuple(node for node in self.roots if node.record.type == "Q")

    def walk(self) -> Iterator[Node]:
        """Every node but L, in the order sent."""
        yield from self.header.walk()
        for root in self.roots:
            yield from root.walk()

    def results(self) -> Iterator[Result]:
        """Every R record with the P and the O above it, in the order sent."""
        for root in self.roots:
            yield from _results(root, None, None)

    def gaps(self) -> tuple[str, ...]:
        """Positions before which the device's own numbering jumps ahead: where frames cannot
        tell (bare records, loose numbering), something may be missing."""
        return tuple(_gaps(self.roots))


def _gaps(siblings: tuple[Node, ...]) -> Iterator[str]:
    last: dict[str, int] = {}
    for node in siblings:
        number = node.record.field(2)
        if number.isdecimal() and len(number) < _LONGEST_NUMBER:
            if int(number) > last.get(node.record.type, 0) + 1:
                yield node.position
            last[node.record.type] = int(number)
        yield from _gaps(node.children)


def _results(node: Node, patient: Record | None, order: Record | None) -> Iterator[Result]:
    match node.record.type:
        case "P":
            patient = node.record
        case "O":
            order = node.record
        case "R":
            yield Result(patient, order, node, node.index)
    for child in node.children:
        yield from _results(child, patient, order)


def encode(message: Message | Iterable[Record], encoding: str | None = None) -> list[bytes]:
    """Records as bytes, each ended by CR; in its own encoding unless one is named."""
    records = message.records if isinstance(message, Message) else message
    return [encode_text(record.raw, encoding or record.encoding) + b"\r" for record in records]
