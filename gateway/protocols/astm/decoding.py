"""The joined text of a transmission to messages (LIS02-A2 section 5).

Records end with CR (an LF behind it belongs to it); a text without any CR is read by LF.  Decoding
never fails: what cannot be read becomes a flaw with a position.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.protocols.astm.delimiters import Delimiters
from gateway.protocols.astm.message import Flaw, Flawed, Message, Node
from gateway.protocols.astm.records import TYPES, Record
from gateway.protocols.astm.text import codec_name, decode_text
from gateway.protocols.errors import RemoteProtocolError

MAX_RECORDS: Final = 50_000  # of one transmission
_ATTACHED: Final = frozenset("CMS")
_HEADERS: Final = ("H", "h")


def split_records(text: bytes) -> list[bytes]:
    """The records of a joined text, without their ends and without empty lines."""
    lines = text.split(b"\r") if b"\r" in text else text.split(b"\n")
    return [line for piece in lines if (line := piece.strip(b"\n"))]


def decode(text: bytes, encoding: str = "latin-1", *, loose: bool = False) -> tuple[Message, ...]:
    """The messages of one transmission.  ``loose`` allows digits before record letters."""
    name = codec_name(encoding)
    builders: list[_Builder] = []
    builder: _Builder | None = None
    for count, (line, spelled, doubtful) in enumerate(_lines(text, name)):
        bare = line.lstrip(string.digits) if loose else line
        if builder is None or (bare[0:1] in _HEADERS and not bare[1:2].isalnum()):
            builder = _Builder()
            builders.append(builder)
        if doubtful:
            builder.doubtful = True
        if count >= MAX_RECORDS:
            builder.cannot_read(line, Flaw.LIMIT)
        else:
            builder.add(line, spelled, bare)
    return tuple(builder.build() for builder in builders)


def _lines(text: bytes, encoding: str) -> Iterator[tuple[str, str, bool]]:
    """Each line, the encoding that gives its bytes again, and whether that is doubtful."""
    if text.isascii():
        pieces = text.decode("ascii").split("\r" if b"\r" in text else "\n")
        return ((line, encoding, False) for piece in pieces if (line := piece.strip("\n")))
    found = (decode_text(line, encoding) for line in split_records(text))
    return ((each.text, each.encoding, each.doubtful) for each in found)


@dataclass(slots=True)
class _Branch:
    """A node that still grows."""

    record: Record
    index: int
    children: list[_Branch] | None = None
    attached: list[_Branch] | None = None

    def freeze(self) -> Node:
        return Node(self.record, self.index, _frozen(self.children), _frozen(self.attached))

    def hang(self, child: _Branch) -> None:
        if self.children is None:
            self.children = []
        self.children.append(child)

    def attach(self, child: _Branch) -> None:
        if self.attached is None:
            self.attached = []
        self.attached.append(child)


def _frozen(branches: list[_Branch] | None) -> tuple[Node, ...]:
    if not branches:
        return ()
    return tuple(
        [
            Node(branch.record, branch.index)
            if branch.children is None and branch.attached is None
            else branch.freeze()
            for branch in branches
        ]
    )


class _Builder:
    """Grows one message, line by line."""

    def __init__(self) -> None:
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
        self._counts = dict.fromkeys(TYPES, 0)
        self.doubtful = False

    def add(self, line: str, encoding: str, bare: str) -> None:
        """``bare`` is the line without digits a loose sender put before it."""
        letter = bare[:1].upper()
        delimiters = self._delimiters
        if delimiters is None:
            self._open(line, encoding, bare)
        elif self._terminator is not None:
            self.cannot_read(line, Flaw.AFTER_END)
        elif letter not in TYPES or bare[1:2] not in (delimiters.field, ""):
            self.cannot_read(line, Flaw.MALFORMED)
        else:
            branch = self._branch(letter, Record(letter, line, delimiters, encoding))
            if letter == "R" and self._order is not None:
                self._order.hang(branch)
                self._last = branch
            else:
                self._place(branch, letter)

    def _open(self, line: str, encoding: str, bare: str) -> None:
        try:
            self._delimiters = Delimiters.of_header(bare)
        except RemoteProtocolError:
            self.cannot_read(line, Flaw.NO_HEADER)
            return
        record = Record("H", line, self._delimiters, encoding)
        self._header = self._last = self._branch("H", record)

    def cannot_read(self, text: str, flaw: Flaw) -> None:
        self._unread.append(text)
        self._problems.append(Flawed(flaw, f"?[{len(self._unread)}]"))

    def _branch(self, letter: str, record: Record) -> _Branch:
        self._counts[letter] = count = self._counts[letter] + 1
        self._records.append(record)
        return _Branch(record, count)

    def _place(self, branch: _Branch, letter: str) -> None:
        if letter == "L":
            self._terminator = branch.record.field(3)
            return
        if letter in _ATTACHED and self._last is not None:
            self._last.attach(branch)
            return
        match letter:
            case "P":
                self._patient, self._order = branch, None
                self._roots.append(branch)
            case "O":
                self._order = branch
                self._hang(branch, self._patient, wanted=self._patient)
            case "R":
                self._hang(branch, self._patient, wanted=None)
            case _:
                self._patient = self._order = None
                self._roots.append(branch)
        self._last = branch

    def _hang(self, branch: _Branch, parent: _Branch | None, *, wanted: _Branch | None) -> None:
        if wanted is None:
            self._orphan(branch)
        if parent is None:
            self._roots.append(branch)
        else:
            parent.hang(branch)

    def _orphan(self, branch: _Branch) -> None:
        self._problems.append(Flawed(Flaw.ORPHAN, f"{branch.record.type}[{branch.index}]"))

    def build(self) -> Message:
        header = self._header or _Branch(Record("H", "", Delimiters()), 1)
        return Message(
            header.freeze(),
            _frozen(self._roots),
            self._terminator,
            tuple(self._records),
            tuple(self._unread),
            tuple(self._problems),
            self.doubtful,
        )
