"""The joined text of a transmission to messages (LIS02-A2 section 5).

Records end with CR (an LF behind it belongs to it); a text without any CR is read by LF.  Decoding
never fails: what cannot be read becomes a flaw with a position.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.protocols.astm.delimiters import Delimiters
from gateway.protocols.astm.message import Flaw, Flawed, Message, Node
from gateway.protocols.astm.records import TYPES, Record
from gateway.protocols.astm.text import codec_name, decode_text
from gateway.protocols.errors import RemoteProtocolError

MAX_RECORDS: Final = 50_000  # of one transmission
_ATTACHED: Final = frozenset("CMS")
_HEADERS: Final = ("H", "h")
_USUAL: Final = Delimiters()
_NONE_YET: Final = dict.fromkeys(TYPES, 0)
_NOTHING: Final = "\r"  # what no line begins with


def split_records(text: bytes) -> list[bytes]:
    """The records of a joined text, without their ends, NULs that fill them up and empty lines."""
    lines = text.split(b"\r") if b"\r" in text else text.split(b"\n")
    return [line for piece in lines if (line := piece.strip(b"\n\0"))]


def decode(text: bytes, encoding: str = "latin-1", *, loose: bool = False) -> tuple[Message, ...]:
    """The messages of one transmission.  ``loose`` allows digits before record letters."""
    name = codec_name(encoding)
    lines, odd = _lines(text, name)
    if loose or odd or len(lines) > MAX_RECORDS:
        builders = _line_by_line(lines, odd, name, loose=loose)
    else:
        builders = _run_by_run(lines, name)
    return tuple([builder.build() for builder in builders])


def _line_by_line(
    lines: list[str], odd: dict[int, tuple[str, bool]], encoding: str, *, loose: bool
) -> list[_Builder]:
    builders: list[_Builder] = []
    for count, line in enumerate(lines):
        bare = line.lstrip(string.digits) if loose else line
        if not builders or _opens(bare):
            builders.append(_Builder())
        builder = builders[-1]
        spelled, doubtful = odd.get(count, (encoding, False))
        builder.doubtful |= doubtful
        if count < MAX_RECORDS:
            builder.add(line, spelled, bare)
        else:
            builder.cannot_read(line, Flaw.LIMIT)
    return builders


def _run_by_run(lines: list[str], encoding: str) -> list[_Builder]:
    """The same where nothing is unusual: the results of an order are most of all lines."""
    builder, place = _Builder(), 0
    builders = [builder] if lines else []
    while place < len(lines):
        line = lines[place]
        if line.startswith(builder.result):
            place += builder.add_results(lines, place, encoding)
            continue
        if place and _opens(line):
            builder = _Builder()
            builders.append(builder)
        builder.add(line, encoding, line)
        place += 1
    return builders


def _opens(line: str) -> bool:
    return line[0:1] in _HEADERS and not line[1:2].isalnum()


def _lines(text: bytes, encoding: str) -> tuple[list[str], dict[int, tuple[str, bool]]]:
    """The lines, and by index the encoding that gives a line's bytes again and whether that is
    doubtful, where it is not ``encoding`` without doubt."""
    if text.isascii():
        pieces = text.decode("ascii").split("\r" if b"\r" in text else "\n")
        if b"\n" in text or b"\0" in text:
            pieces = [piece.strip("\n\0") for piece in pieces]
        return list(filter(None, pieces)), {}
    found = [decode_text(line, encoding) for line in split_records(text)]
    odd = {
        count: (each.encoding, each.doubtful)
        for count, each in enumerate(found)
        if each.doubtful or each.encoding != encoding
    }
    return [each.text for each in found], odd


@dataclass(slots=True)
class _Branch:
    """A node that still grows.  What nothing hangs on is a ``Node`` from the start."""

    record: Record
    index: int
    children: list[_Branch | Node] = field(default_factory=list)
    attached: list[Node] = field(default_factory=list)

    def freeze(self) -> Node:
        return Node(self.record, self.index, _frozen(self.children), tuple(self.attached))


def _frozen(branches: Sequence[_Branch | Node]) -> tuple[Node, ...]:
    return tuple([each if isinstance(each, Node) else each.freeze() for each in branches])


class _Builder:
    """Grows one message, line by line.

    ``result`` is how a line begins that is simply the next result of the open order.
    """

    def __init__(self) -> None:
        self._delimiters = _USUAL  # the header's, once there is one
        self._header: _Branch | None = None
        self._roots: list[_Branch] = []
        self._patient: _Branch | None = None
        self._order: _Branch | None = None
        self._last: _Branch | None = None
        self._terminator: str | None = None
        self._records: list[Record] = []
        self._unread: list[str] = []
        self._problems: list[Flawed] = []
        self._counts = _NONE_YET.copy()
        self._results: list[_Branch | Node] = []  # of the open order
        self.result = _NOTHING
        self.doubtful = False

    def add(self, line: str, encoding: str, bare: str) -> None:
        """``bare`` is the line without digits a loose sender put before it."""
        letter = bare[:1].upper()
        delimiters = self._delimiters
        if self._header is None:
            self._open(line, encoding, bare)
        elif self._terminator is not None:
            self.cannot_read(line, Flaw.AFTER_END)
        elif letter not in TYPES or bare[1:2] not in (delimiters.field, ""):
            self.cannot_read(line, Flaw.MALFORMED)
        else:
            self._place(Record(letter, line, delimiters, encoding))

    def add_results(self, lines: list[str], start: int, encoding: str) -> int:
        """The results of the open order from line ``start`` on: how many they are."""
        found: list[Record] = []
        delimiters = self._delimiters
        for place in range(start, len(lines)):
            record = Record("R", lines[place], delimiters, encoding)
            if record.fields[0] != "R":
                break
            found.append(record)
        first = self._counts["R"] + 1
        self._counts["R"] += len(found)
        self._records += found
        self._results += map(Node, found, range(first, first + len(found)))
        self._last = None
        return len(found)

    def _open(self, line: str, encoding: str, bare: str) -> None:
        try:
            self._delimiters = Delimiters.of_header(bare)
        except RemoteProtocolError:
            self.cannot_read(line, Flaw.NO_HEADER)
            return
        record = Record("H", line, self._delimiters, encoding)
        self._header = self._last = _Branch(record, self._count(record))

    def cannot_read(self, text: str, flaw: Flaw) -> None:
        self._unread.append(text)
        self._problems.append(Flawed(flaw, f"?[{len(self._unread)}]"))

    def _count(self, record: Record) -> int:
        self._records.append(record)
        self._counts[record.type] += 1
        return self._counts[record.type]

    def _place(self, record: Record) -> None:
        index = self._count(record)
        if record.type == "L":
            self._terminator = record.field(3)
            self.result = _NOTHING
        elif record.type in _ATTACHED and (last := self._latest()) is not None:
            last.attached.append(Node(record, index))
        else:
            self._last = branch = _Branch(record, index)
            self._grow(branch)
            self.result = _NOTHING if self._order is None else f"R{self._delimiters.field}"

    def _latest(self) -> _Branch | None:
        """What the next comment hangs on."""
        if self._last is None and self._results:
            leaf = self._results[-1]
            self._last = leaf if isinstance(leaf, _Branch) else _Branch(leaf.record, leaf.index)
            self._results[-1] = self._last
        return self._last

    def _grow(self, branch: _Branch) -> None:
        match branch.record.type:
            case "P":
                self._patient, self._order = branch, None
                self._roots.append(branch)
            case "O":
                self._order, self._results = branch, branch.children
                self._hang(branch, self._patient, wanted=self._patient)
            case "R":
                self._hang(branch, self._order or self._patient, wanted=self._order)
            case _:
                self._patient = self._order = None
                self._roots.append(branch)

    def _hang(self, branch: _Branch, parent: _Branch | None, *, wanted: _Branch | None) -> None:
        if wanted is None:
            self._problems.append(Flawed(Flaw.ORPHAN, f"{branch.record.type}[{branch.index}]"))
        (self._roots if parent is None else parent.children).append(branch)

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
