"""Bytes between the transport and the parser, copied only where a header was cut in two.

Either the transport writes into ``writable()`` and says how much (``BufferedProtocol``), or
``feed()`` reads the caller's bytes where they lie.  ``take()`` gives views into that memory: they
hold until the next ``writable()``, ``feed()`` or ``renew()``, and are read-only.
"""

from __future__ import annotations

from gateway.protocols.errors import LocalProtocolError


class ReceiveBuffer:
    """Linear: what is unread moves to the front when the transport asks for room."""

    __slots__ = ("_end", "_own", "_size", "_source", "_start", "_view")

    def __init__(self, size: int) -> None:
        self._size = size
        self._own: memoryview | None = None  # made when first asked for
        self._source: bytes | memoryview = b""  # where unread bytes lie
        self._view = memoryview(b"")  # the same, read-only
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    def writable(self) -> memoryview:
        """Free room, never empty.  Bytes already there stay unread."""
        if self._own is None:
            self._own = memoryview(bytearray(self._size))
        if self._end > self._start or self._source is not self._own:
            self._move_into(self._own)
        else:
            self._start = self._end = 0
        if self._end == len(self._own):
            raise LocalProtocolError("read the events before asking for more room")
        return self._own[self._end :]

    def wrote(self, count: int) -> None:
        """So many bytes were written at the start of ``writable()``."""
        self._end += count

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Reads ``data`` in place; copied only when something before it is still unread."""
        if self._end > self._start:
            data = bytes(self._view[self._start : self._end]) + bytes(data)
        view = memoryview(data).toreadonly()
        self._source = self._view = view
        self._start, self._end = 0, len(view)

    def take(self, count: int) -> memoryview:
        """The next ``count`` bytes, or as many as there are."""
        start = self._start
        self._start = end = min(start + count, self._end)
        return self._view[start:end]

    def peek(self, count: int) -> memoryview | None:
        """The next ``count`` bytes without taking them; None when there are fewer."""
        end = self._start + count
        return self._view[self._start : end] if end <= self._end else None

    def skip(self, count: int) -> None:
        """Takes what was peeked at."""
        self._start += count

    def clear(self) -> None:
        """Throws away what is unread."""
        self._start = self._end

    def renew(self, storage: bytearray | memoryview) -> None:
        """Goes on in other memory, so that views given out stay as they are."""
        if len(storage) <= len(self):
            raise LocalProtocolError("the new buffer has no room for what is unread")
        self._own = memoryview(storage)
        self._move_into(self._own)

    def _move_into(self, own: memoryview) -> None:
        unread = len(self)
        if unread > len(own):
            raise LocalProtocolError("read the events before asking for more room")
        own[:unread] = self._view[self._start : self._end]
        self._source = own
        self._view = own.toreadonly()
        self._start, self._end = 0, unread
