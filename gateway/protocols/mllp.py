"""MLLP, HL7's minimal lower layer: ``VT body FS CR`` (HL7 v2 Transmission, MLLP release 1).

Out: exactly that; a body holding VT or FS is refused.  In: tolerant of what peers do.  A block
ends at FS, with or without CR; it begins at VT, or at ``MSH`` where the VT is missing; anything
else between blocks (keep-alive bytes, a line printed by mistake) is counted and reported as Junk,
single CR and LF there are not.  A VT before the FS means that the sender gave up and began again:
what came before is Junk.  A block over the limit is reported once and thrown away as it arrives.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from gateway.protocols.errors import LocalProtocolError

START = b"\x0b"
END = b"\x1c"
MAX_BLOCK = 16 * 1024 * 1024

_ANY_BEGINNING = re.compile(b"[\x0bM]")
_OPENING = b"MSH"
_LAYOUT = (b"\r", b"\n")


@dataclass(frozen=True, slots=True)
class Block:
    """One message, without its framing; line ends as the peer wrote them.  May be empty."""

    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Junk:
    """Bytes outside any block, reported when the next block begins."""

    count: int


@dataclass(frozen=True, slots=True)
class Oversize:
    """A block grew beyond the limit; the rest of it is thrown away."""

    limit: int


Event = Block | Junk | Oversize


def encode_block(body: bytes) -> bytes:
    """``body`` framed.  LocalProtocolError when it holds a framing byte: it was not escaped."""
    if START in body or END in body:
        raise LocalProtocolError("a framing byte inside a message")
    return b"\x0b" + body + b"\x1c\r"


class Decoder:
    """Bytes in, events out, in any slicing.  ``junk`` counts stray bytes ever seen."""

    __slots__ = (
        "_body",
        "_events",
        "_inside",
        "_limit",
        "_next_end",
        "_opening",
        "_skipping",
        "_stray",
        "junk",
    )

    def __init__(self, limit: int = MAX_BLOCK) -> None:
        self.junk = 0
        self._limit = limit
        self._events: deque[Event] = deque()
        self._body = bytearray()
        self._inside = False
        self._skipping = False
        self._opening = 0
        self._stray = 0
        self._next_end = -1

    @property
    def incomplete(self) -> int:
        """Bytes of a block that has begun and not ended."""
        return len(self._body)

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent; LocalProtocolError for an empty read, which is the end."""
        if not data:
            raise LocalProtocolError("no data: the peer has closed")
        if self._only_a_block(data):
            self._events.append(Block(data[1:-2]))
            return
        self._next_end = -1
        position = 0
        while position < len(data):
            read = self._read_block if self._inside else self._seek_block
            position = read(data, position)

    def _only_a_block(self, data: bytes) -> bool:
        """Whether this is one block, from VT to FS CR, with nothing before or after: the rule."""
        between = not (self._inside or self._opening or self._stray)
        last = len(data) - 2
        return (
            between
            and data[0] == 0x0B
            and last - 1 <= self._limit
            and data.find(END, 1) == last
            and data[-1] == 0x0D
            and data.find(START, 1) < 0
        )

    def next_event(self) -> Event | None:
        """The next event, or None when more data is needed."""
        return self._events.popleft() if self._events else None

    def _seek_block(self, data: bytes, position: int) -> int:
        """Outside: everything up to a VT, or up to and with the three letters MSH, is stray."""
        if data[position] == 0x0B and not self._opening:
            return self._begin(position + 1)
        if data[position] == _OPENING[self._opening]:
            return self._open_without_start(position)
        if self._opening:
            self._count(self._opening)
            self._opening = 0
            return position
        found = _ANY_BEGINNING.search(data, position + 1)
        end = found.start() if found else len(data)
        self._count(end - position - sum(data.count(byte, position, end) for byte in _LAYOUT))
        return end

    def _open_without_start(self, position: int) -> int:
        self._opening += 1
        if self._opening == len(_OPENING):
            self._begin(position)
            self._body += _OPENING
        return position + 1

    def _begin(self, position: int) -> int:
        if self._stray:
            self._events.append(Junk(self._stray))
            self._stray = 0
        self._inside, self._skipping, self._opening = True, False, 0
        return position

    def _read_block(self, data: bytes, position: int) -> int:
        """Inside: up to the next VT or FS; ``_next_end`` keeps the search for FS linear."""
        if self._next_end < position:
            found = data.find(END, position)
            self._next_end = found if found >= 0 else len(data)
        again = data.find(START, position, self._next_end)
        end = again if again >= 0 else self._next_end
        whole = end < len(data) and not self._body and not self._skipping
        if whole and end - position <= self._limit:
            return self._close(data[end], data[position:end], end)
        self._keep(data, position, end)
        return self._close(data[end], bytes(self._body), end) if end < len(data) else end

    def _keep(self, data: bytes, position: int, end: int) -> None:
        if self._skipping:
            return
        if len(self._body) + end - position > self._limit:
            self._skipping = True
            self._body.clear()
            self._events.append(Oversize(self._limit))
            return
        self._body += memoryview(data)[position:end]

    def _close(self, mark: int, body: bytes, end: int) -> int:
        skipped, self._skipping = self._skipping, False
        self._body.clear()
        if mark == 0x0B:
            self._count(len(body))
            return self._begin(end + 1)
        self._inside = False
        if not skipped:
            self._events.append(Block(body))
        return end + 1

    def _count(self, stray: int) -> None:
        self._stray += stray
        self.junk += stray
