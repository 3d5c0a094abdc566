"""A command or data set cut into P-DATA-TF units no longer than the peer takes (PS3.8 annex E).

One presentation data value per unit, and nothing is joined: a unit is its header and views of the
caller's buffers, ready for ``writelines`` or ``sendmsg``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.protocols.dicom.framing import (
    COMMAND,
    HEADER,
    LAST,
    PDV_HEADER,
    PDV_OVERHEAD,
    PduType,
)
from gateway.protocols.errors import LocalProtocolError

Buffer = bytes | bytearray | memoryview


def fragment_header(context_id: int, length: int, *, command: bool, last: bool) -> bytes:
    """The twelve bytes before a fragment of ``length`` bytes that is a unit of its own."""
    control = COMMAND * command | LAST * last
    head = HEADER.pack(PduType.P_DATA_TF, length + PDV_OVERHEAD)
    return head + PDV_HEADER.pack(length + 2, context_id, control)


def fragments(
    context_id: int, data: Buffer, max_length: int, *, command: bool = False
) -> list[Buffer]:
    """All of ``data``, headers and views in turn."""
    pieces = stream_fragments(context_id, (data,), len(data), max_length, command=command)
    return [buffer for unit in pieces for buffer in unit]


def stream_fragments(
    context_id: int,
    buffers: Iterable[Buffer],
    length: int,
    max_length: int,
    *,
    command: bool = False,
) -> Iterator[list[Buffer]]:
    """One unit an item.  A buffer must keep its content until the next unit is asked for.

    ``LocalProtocolError`` when the buffers do not add up to ``length``, before the last unit: the
    peer never sees an end, and the association must be aborted.
    """
    source = _Source(buffers)
    left = length
    while True:
        size = min(left, max_length - PDV_OVERHEAD)
        left -= size
        header = fragment_header(context_id, size, command=command, last=not left)
        unit: list[Buffer] = [header, *source.take(size)]
        if not left:
            source.check_empty()
        yield unit
        if not left:
            return


class _Source:
    """Views of exactly the size asked for, from buffers of any size."""

    def __init__(self, buffers: Iterable[Buffer]) -> None:
        self._buffers = iter(buffers)
        self._rest = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        while size:
            if not self._rest:
                self._rest = self._next()
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            if piece:
                yield piece

    def _next(self) -> memoryview:
        for buffer in self._buffers:
            return memoryview(buffer).cast("B")
        raise LocalProtocolError("a data set ended before its length")

    def check_empty(self) -> None:
        if self._rest or any(len(buffer) for buffer in self._buffers):
            raise LocalProtocolError("a data set goes on behind its length")
