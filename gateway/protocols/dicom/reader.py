"""A byte stream to units of the upper layer, without ever holding a whole P-DATA-TF.

Fragments of a data set come out as they come in, each piece a view of the receive buffer; the other
units are small and come out whole.  Before a single byte of a body is kept, ``admit`` is asked
whether a unit of that type and length may come now; it raises ``Violation`` if not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.framing import (
    COMMAND,
    HEADER,
    LAST,
    PDV_HEADER,
    PDV_OVERHEAD,
    UNIT_HEADER,
    PduType,
)
from gateway.protocols.dicom.receive_buffer import ReceiveBuffer


class Fragment(NamedTuple):
    """A piece of a presentation data value; ``last`` ends the command or data set."""

    context_id: int
    command: bool
    last: bool
    data: memoryview


class Unit(NamedTuple):
    """The body of any unit that is not P-DATA-TF."""

    kind: PduType
    body: bytes


class Reader:
    """Call ``next`` until it gives None, then feed the buffer."""

    def __init__(self, buffer: ReceiveBuffer, admit: Callable[[int, int], PduType]) -> None:
        self._buffer = buffer
        self._admit = admit
        self._pdu_left = 0  # of a P-DATA-TF
        self._in_value = False
        self._value_left = 0
        self._context_id = 0
        self._control = 0
        self._kind: PduType | None = None  # of a unit that is being collected
        self._body_left = 0
        self._body = bytearray()

    @property
    def in_unit(self) -> bool:
        """Whether some but not all of a unit is here."""
        return bool(self._pdu_left or self._in_value or self._kind or len(self._buffer))

    def next(self) -> Fragment | Unit | None:
        """The next piece, or None: more bytes are needed."""
        while True:
            if self._in_value:
                return self._read_value()
            if self._pdu_left:
                more = self._read_value_header()
            elif self._kind is not None:
                return self._read_body(self._kind)
            else:
                more = self._read_header()
            if not more:
                return None

    def data(self, context_id: int, longest: int) -> list[memoryview]:
        """What ``next`` would give of a data set before anything else, as long as it is usual.

        That is: units of one value each, at most ``longest`` bytes, and nothing that ends the data
        set.  Empty when the next piece is anything else.
        """
        found: list[memoryview] = []
        while self._in_value or self._enter(context_id, longest):
            if self._context_id != context_id or self._control & COMMAND:
                return found
            if self._control & LAST and self._value_left <= len(self._buffer):
                return found
            data = self._buffer.take(self._value_left)
            if not data:
                return found
            self._value_left -= len(data)
            self._pdu_left -= len(data)
            self._in_value = self._value_left > 0
            found.append(data)
        return found

    def _enter(self, context_id: int, longest: int) -> bool:
        """Goes into the next unit if it is a usual one."""
        if self._pdu_left or self._kind is not None:
            return False
        head = self._buffer.peek(UNIT_HEADER.size)
        if head is None:
            return False
        kind, unit, value, context, control = UNIT_HEADER.unpack(head)
        usual = kind == PduType.P_DATA_TF and unit <= longest and value + 4 == unit and value > 2
        if not usual or context != context_id or control & COMMAND:
            return False
        self._buffer.skip(UNIT_HEADER.size)
        self._context_id, self._control = context, control
        self._pdu_left = self._value_left = value - 2
        self._in_value = True
        return True

    def _read_header(self) -> bool:
        head = self._buffer.peek(HEADER.size)
        if head is None:
            return False
        number, length = HEADER.unpack(head)
        kind = self._admit(number, length)
        self._buffer.skip(HEADER.size)
        if kind is PduType.P_DATA_TF:
            self._pdu_left = length
        else:
            self._kind, self._body_left = kind, length
        return True

    def _read_value_header(self) -> bool:
        if self._pdu_left < PDV_OVERHEAD:
            raise Violation("P-DATA-TF ends within a header")
        head = self._buffer.peek(PDV_OVERHEAD)
        if head is None:
            return False
        length, self._context_id, self._control = PDV_HEADER.unpack(head)
        if length < 2 or length + 4 > self._pdu_left:
            raise Violation(f"presentation data value of {length} bytes")
        self._buffer.skip(PDV_OVERHEAD)
        self._pdu_left -= PDV_OVERHEAD
        self._value_left = length - 2
        self._in_value = True
        return True

    def _read_value(self) -> Fragment | None:
        data = self._buffer.take(self._value_left)
        count = len(data)
        self._value_left -= count
        self._pdu_left -= count
        whole = not self._value_left
        if not (count or whole):
            return None
        self._in_value = not whole
        control = self._control
        return Fragment(
            self._context_id, bool(control & COMMAND), whole and bool(control & LAST), data
        )

    def _read_body(self, kind: PduType) -> Unit | None:
        data = self._buffer.take(self._body_left)
        self._body += data
        self._body_left -= len(data)
        if self._body_left:
            return None
        self._kind, body = None, bytes(self._body)
        self._body = bytearray()
        return Unit(kind, body)
