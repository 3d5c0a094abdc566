"""What the framings without frames share: one answer at a time, and giving up.

Nothing vouches for such bytes, so only a text that begins with H and ends with L becomes a
``MessageReceived``, and an accepted message is followed by an unchecked ``TransmissionEnded``.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from gateway.protocols.astm.control import ACK, NAK
from gateway.protocols.astm.dialect import Ack, Dialect, Framing, Numbering
from gateway.protocols.astm.events import (
    Ending,
    Event,
    Incomplete,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.astm.incoming import Incoming, not_now


class Due(Enum):
    """The answer that is due."""

    MESSAGE = auto()
    CHUNK = auto()
    DAMAGE = auto()


class Unframed:
    """Base of ``BareReader`` and ``EnvelopeReader``.

    ``contradiction`` is what, in front of the queue, proves a *detected* framing wrong.  With
    ``by_chunk`` what a message consists of was answered before it.
    """

    def __init__(
        self,
        dialect: Dialect,
        incoming: Incoming,
        contradiction: re.Pattern[bytes],
        *,
        by_chunk: bool = False,
    ) -> None:
        self._dialect = dialect
        self._incoming = incoming
        self._contradiction = contradiction
        self._by_chunk = by_chunk
        self._detected = dialect.framing is Framing.AUTO
        self._loose = dialect.numbering is Numbering.LOOSE
        self._due: Due | None = None
        self._ended = False  # an accepted message's end is still to be told
        self._searched = 0  # up to here the front of the queue holds nothing new

    @property
    def awaiting(self) -> bool:
        return self._due is not None

    @property
    def idle(self) -> bool:
        return self._due is None and not self._ended and not self._incoming.data

    @property
    def unsure(self) -> bool:
        if not self._detected or self._due is not None:
            return False
        return self._contradiction.match(self._incoming.data) is not None

    @property
    def timeout(self) -> float | None:
        return None if self.idle or self.awaiting else self._dialect.timers.frame

    def accept(self) -> bytes:
        if self._due in (None, Due.DAMAGE):
            raise not_now("accept()")
        self._ended = self._due is Due.MESSAGE
        acked_before = self._by_chunk and self._ended
        self._due = None
        return b"" if acked_before or self._dialect.ack is Ack.NEVER else ACK

    def refuse(self) -> bytes:
        if self._due is None:
            raise not_now("refuse()")
        self._due = None
        return b"" if self._dialect.ack is Ack.NEVER else NAK

    def interrupt(self) -> bytes:
        raise not_now("interrupt()")

    def _ending(self) -> Event | None:
        if not self._ended:
            return None
        self._ended = False
        return TransmissionEnded(0, Ending.TERMINATOR, checked=False)

    def expire(self) -> Event | None:
        return self._ending() or self._abandon(Incomplete.TIMEOUT, len(self._incoming.data))

    def connection_lost(self) -> Event | None:
        self._due = None
        return self._ending() or self._abandon(Incomplete.LOST, len(self._incoming.data))

    def _abandon(self, reason: Incomplete, count: int) -> Event | None:
        self._searched = 0
        raw = self._incoming.take(count)
        return TransmissionIncomplete(reason, 0, raw) if raw else None
