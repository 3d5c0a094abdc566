"""Where one POCT1-A message ends and the next begins: nothing says so but the root's closing tag.

A scanner of markup, not of content: tags, comments, CDATA and instructions, each looked at once
however the bytes were cut.  A message ends at ``</root>``; an XML declaration or the start of
another message inside one means that the first was never finished.  What stands between messages
and is not blank comes out as a damaged piece.  Well-formedness is judged later, by the parser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from gateway.protocols.events import Damage

MAX_MESSAGE: Final = 1_048_576

_NAME: Final = rb"[A-Za-z_][A-Za-z0-9_]{0,31}\.[A-Z][A-Za-z0-9_.]{0,63}"
_START = re.compile(rb"<\?xml\s|<" + _NAME + rb"[\s/>]")
_LONGEST_START: Final = 100
_MESSAGE = re.compile(rb"[A-Z]{3}\.R\d\d")
_ROOT = re.compile(_NAME)
_TAG_MARK = re.compile(rb"[<>\"']")
_TAG_NAME = re.compile(rb"[^\s/>]*")
_BLANK: Final = b" \t\r\n\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """``reason`` is None for a message that looks whole; ``restarted``: its end never came."""

    raw: bytes = field(repr=False)
    reason: Damage | None = None
    restarted: bool = False


class _State(Enum):
    OUTSIDE = auto()
    TEXT = auto()
    TAG = auto()
    COMMENT = auto()
    CDATA = auto()
    INSTRUCTION = auto()
    DECLARATION = auto()


_ENDS: Final = {
    _State.COMMENT: b"-->",
    _State.CDATA: b"]]>",
    _State.INSTRUCTION: b"?>",
    _State.DECLARATION: b">",
}
_OPENINGS: Final = (
    (b"<!--", _State.COMMENT),
    (b"<![CDATA[", _State.CDATA),
    (b"<?", _State.INSTRUCTION),
    (b"<!", _State.DECLARATION),
)


class Splitter:
    """Bytes in, pieces out."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._reset()

    def _reset(self) -> None:
        self._state = _State.OUTSIDE
        self._at = 0  # everything before is understood
        self._tag = 0  # where the tag at hand begins
        self._quote = 0
        self._depth = 0
        self._root = b""
        self._reason: Damage | None = None
        self._restarted = False

    @property
    def buffered(self) -> int:
        return len(self._buffer)

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def take_rest(self) -> bytes:
        """Everything left over, when nothing more will come."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._reset()
        return rest

    def next_piece(self) -> Piece | None:
        """The next piece, or None when more bytes are needed."""
        if self._state is _State.OUTSIDE:
            self._skip_blank()
        while (end := self._step()) is not None:
            if end > 0:
                return self._cut(end)
        if self._state is not _State.OUTSIDE and len(self._buffer) > self._limit:
            return self._cut(self._limit + 1)
        return None

    def _step(self) -> int | None:
        """Goes on by one token.  Where the piece at hand ends; 0: not here; None: wants more."""
        steps: dict[_State, Callable[[], int | None]] = {
            _State.OUTSIDE: self._outside,
            _State.TEXT: self._text,
            _State.TAG: self._in_tag,
        }
        return steps.get(self._state, self._until_end)()

    def _skip_blank(self) -> None:
        blank = 0
        while blank < len(self._buffer) and self._buffer[blank] in _BLANK:
            blank += 1
        del self._buffer[:blank]
        self._at = max(0, self._at - blank)

    def _outside(self) -> int | None:
        start = _START.search(self._buffer, self._at)
        if start is not None and start.start() == 0:
            self._state, self._at = _State.TEXT, 0
            return 0
        if start is not None:
            return start.start()
        if len(self._buffer) > self._limit + _LONGEST_START:
            return self._limit + 1
        self._at = max(0, len(self._buffer) - _LONGEST_START)
        return None

    def _text(self) -> int | None:
        self._at = _found(self._buffer.find(b"<", self._at), len(self._buffer))
        ahead = bytes(self._buffer[self._at : self._at + 9])
        for opening, state in _OPENINGS:
            if ahead.startswith(opening):
                return self._open(state, len(opening))
            if opening.startswith(ahead):
                return None
        self._state, self._tag, self._quote = _State.TAG, self._at, 0
        self._at += 1
        return 0

    def _open(self, state: _State, size: int) -> int | None:
        if state is _State.INSTRUCTION and self._at > 0:
            ahead = self._buffer[self._at : self._at + 6]
            if len(ahead) < 6:
                return None
            if ahead[:5] == b"<?xml" and ahead[5:].isspace():
                self._at += len(ahead)
                return self._restart(self._at - len(ahead))
        if state is _State.DECLARATION:
            self._reason = Damage.DOCTYPE
        self._state = state
        self._at += size
        return 0

    def _until_end(self) -> int | None:
        mark = _ENDS[self._state]
        end = self._buffer.find(mark, self._at)
        if end < 0:
            self._at = max(self._at, len(self._buffer) - len(mark) + 1)
            return None
        self._state, self._at = _State.TEXT, end + len(mark)
        return 0

    def _in_tag(self) -> int | None:
        mark = _TAG_MARK.search(self._buffer, self._at)
        if mark is None:
            self._at = len(self._buffer)
            return None
        byte = self._buffer[mark.start()]
        if byte == ord("<"):
            self._damaged(Damage.FORMAT)
            self._state, self._at = _State.TEXT, mark.start()
            return 0
        self._at = mark.end()
        if byte == ord(">") and not self._quote:
            return self._tag_closed()
        if byte != ord(">") and self._quote in (0, byte):
            self._quote = 0 if self._quote else byte
        return 0

    def _tag_closed(self) -> int:
        self._state = _State.TEXT
        tag = bytes(self._buffer[self._tag : self._at])
        if tag.startswith(b"</"):
            return self._end_tag(tag[2:-1].strip())
        match = _TAG_NAME.match(tag, 1)
        return self._start_tag(match[0] if match else b"", empty=tag.endswith(b"/>"))

    def _start_tag(self, name: bytes, *, empty: bool) -> int:
        if self._root and _MESSAGE.fullmatch(name):
            return self._restart(self._tag)
        if not self._root:
            self._root = name
            if not _ROOT.fullmatch(name):
                self._damaged(Damage.FORMAT)
            if empty:
                return self._at
        self._depth += not empty
        return 0

    def _end_tag(self, name: bytes) -> int:
        if name == self._root:
            if self._depth != 1:
                self._damaged(Damage.FORMAT)
            return self._at
        self._depth -= 1
        if self._depth < 1:
            self._damaged(Damage.FORMAT)
        return 0

    def _restart(self, at: int) -> int:
        self._restarted = True
        return at

    def _damaged(self, reason: Damage) -> None:
        self._reason = self._reason or reason

    def _cut(self, end: int) -> Piece:
        outside = self._state is _State.OUTSIDE
        inside = None if self._restarted else self._reason
        piece_end, reason = end, Damage.FORMAT if outside else inside
        if (end if outside else max(end, self._at)) > self._limit:
            piece_end, reason, self._restarted = self._limit, Damage.OVERSIZE, False
        piece = Piece(bytes(self._buffer[:piece_end]), reason, self._restarted)
        del self._buffer[:piece_end]
        self._reset()
        return piece


def _found(position: int, otherwise: int) -> int:
    return position if position >= 0 else otherwise
