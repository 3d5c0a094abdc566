"""The joined text of a transmission to messages (LIS02-A2 section 5).

Records end with CR (an LF behind it belongs to it); a text without any CR is read by LF.  Decoding
never fails: what cannot be read becomes a flaw with a position.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gateway.protocols.astm.delimiters import Delimiters
from gateway.protocols.astm.message import Flaw, Flawed, Message, Node
from gateway.protocols.astm.outline import begins_record
from gateway.protocols.astm.records import TYPES, Record
from gateway.protocols.astm.text import codec_name, decode_text
from gateway.protocols.errors import RemoteProtocolError

MAX_RECORDS: Final = 50_000  # of one transmission
_ATTACHED: Final = frozenset("CMS")


def split_records(text: bytes) -> list[bytes]:
    """The records of a joined text, without their ends and without empty lines."""
    lines = text.split(b"\r") if b"\r" in text else text.split(b"\n")
    return [line for piece in lines if (line := piece.strip(b"\n"))]


def decode(text: bytes, encoding: str = "latin-1", *, loose: bool = False) -> tuple[Message, ...]:
    """The messages of one transmission.  ``loose`` allows digits before record letters."""
    name = codec_name(encoding)
    builders: list[_Builder] = []
    for count, line in enumerate(split_records(text)):
        if begins_record(line, b"H", loose=loose) or not builders:
            builders.append(_Builder(name, loose))
        builders[-1].add(line, over=count >= MAX_RECORDS)
    return tuple(builder.build() for builder in builders)


@dataclass(slots=True)
class _Branch:
    """A node that still grows."""

    record: Record
    index: int
    children: list[_Branch] = field(default_factory=list)
    attached: list[_Branch] = field(default_factory=list)

    def freeze(self) -> Node:
        return Node(
            self.record,
            self.index,
            tuple(child.freeze() for child in self.children),
            tuple(node.freeze() for node in self.attached),
        )


class _Builder:
    """Grows one message, line by line."""

    def __init__(self, encoding: str, loose: bool) -> None:
        self._encoding = encoding
        self._loose = loose
        self._delimiters: Delimiters | None = None
        self._header: _Branch | None = None
        self._roots: list[_Branch] = []
        self._patient: _Branch | None = None
        self._order: _Branch | None = None
        self._last: _Branch | None = None
        self._terminator: str | None = None
        self._records: list[Record] = []
        self._unread: list[str] = []
        self._problems: list[Flawed] = []
        self._counts: dict[str, int] = {}
        self._doubtful = False

    def add(self, line: bytes, *, over: bool = False) -> None:
        decoded = decode_text(line, self._encoding)
        self._doubtful = self._doubtful or decoded.doubtful
        text = decoded.text
        letter = (text.lstrip("0123456789") if self._loose else text)[:1].upper()
        if over:
            self._cannot_read(text, Flaw.LIMIT)
        elif self._delimiters is None:
            self._open(text, letter)
        elif self._terminator is not None:
            self._cannot_read(text, Flaw.AFTER_END)
        elif letter not in TYPES or not self._separated(text):
            self._cannot_read(text, Flaw.MALFORMED)
        else:
            self._place(self._branch(Record(letter, text, self._delimiters, self._encoding)))

    def _separated(self, text: str) -> bool:
        rest = text.lstrip("0123456789")[1:2] if self._loose else text[1:2]
        return not rest or (self._delimiters is not None and rest == self._delimiters.field)

    def _open(self, text: str, letter: str) -> None:
        header = text.lstrip("0123456789") if self._loose else text
        try:
            self._delimiters = Delimiters.of_header(header)
        except RemoteProtocolError:
            self._cannot_read(text, Flaw.NO_HEADER)
            return
        record = Record(letter, text, self._delimiters, self._encoding)
        self._header = self._last = self._branch(record)

    def _cannot_read(self, text: str, flaw: Flaw) -> None:
        self._unread.append(text)
        self._problems.append(Flawed(flaw, f"?[{len(self._unread)}]"))

    def _branch(self, record: Record) -> _Branch:
        count = self._counts[record.type] = self._counts.get(record.type, 0) + 1
        self._records.append(record)
        return _Branch(record, count)

    def _place(self, branch: _Branch) -> None:
        letter = branch.record.type
        if letter == "L":
            self._terminator = branch.record.field(3)
            return
        if letter in _ATTACHED:
            self._attach(branch)
            return
        match letter:
            case "P":
                self._patient, self._order = branch, None
                self._roots.append(branch)
            case "O":
                self._order = branch
                self._hang(branch, self._patient, wanted=self._patient)
            case "R":
                self._hang(branch, self._order or self._patient, wanted=self._order)
            case _:
                self._patient = self._order = None
                self._roots.append(branch)
        self._last = branch

    def _hang(self, branch: _Branch, parent: _Branch | None, *, wanted: _Branch | None) -> None:
        if wanted is None:
            self._orphan(branch)
        (self._roots if parent is None else parent.children).append(branch)

    def _attach(self, branch: _Branch) -> None:
        if self._last is None:
            self._orphan(branch)
            self._roots.append(branch)
        else:
            self._last.attached.append(branch)

    def _orphan(self, branch: _Branch) -> None:
        self._problems.append(Flawed(Flaw.ORPHAN, f"{branch.record.type}[{branch.index}]"))

    def build(self) -> Message:
        header = self._header or _Branch(Record("H", "", Delimiters(), self._encoding), 1)
        return Message(
            header.freeze(),
            tuple(root.freeze() for root in self._roots),
            self._terminator,
            tuple(self._records),
            tuple(self._unread),
            tuple(self._problems),
            self._doubtful,
        )
