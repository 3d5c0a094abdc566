"""The receiving end of an ASTM line, without I/O and without a clock.

Bytes in by ``receive_data()``, events out by ``next_event()``, answers out of ``accept()``,
``refuse()`` and ``interrupt()``.  Nothing is acknowledged unless the caller says so, after the
event is on disk.  Any slicing of the bytes gives the same events (except ``Ack.PER_CHUNK``,
whose chunks are the reads).  A peer that floods an unanswered receiver is a
``RemoteProtocolError``; every other disorder is an event.
"""

from __future__ import annotations

from typing import Final

from gateway.protocols.astm.bare import BareReader
from gateway.protocols.astm.detection import Detector
from gateway.protocols.astm.dialect import Dialect, Framing, Role
from gateway.protocols.astm.envelope import EnvelopeReader
from gateway.protocols.astm.events import Event, Foreign, NotAstm
from gateway.protocols.astm.framed import FramedReader
from gateway.protocols.astm.incoming import Incoming, Reader, not_now
from gateway.protocols.errors import RemoteProtocolError

_SLACK: Final = 65_536  # bytes a peer may send ahead of our answer, beyond what it should


class Receiver:
    """Host by default; the same class takes downloads in an instrument.  ``nuls``: those inside
    frames are known to be no noise."""

    def __init__(
        self, dialect: Dialect | None = None, *, role: Role = Role.HOST, nuls: bool = False
    ) -> None:
        self._dialect = dialect or Dialect()
        self._nuls = nuls
        self.role: Final = role
        self._incoming = Incoming()
        self._detector = Detector(self._incoming)
        self._framing = Framing.AUTO
        self._reader: Reader | None = None
        self._framed: FramedReader | None = None
        self._foreign: Foreign | None = None
        self._detected = self._dialect.framing is Framing.AUTO
        self._settle(self._dialect.framing)

    def _settle(self, framing: Framing) -> None:
        self._framing = framing
        self._limit = _SLACK + self._dialect.max_transmission
        self._framed = None
        match framing:
            case Framing.FRAMED:
                self._limit = _SLACK + self._dialect.max_frame  # stop and wait
                reader = FramedReader(self._dialect, self._incoming, nuls=self._nuls)
                self._reader = self._framed = reader
            case Framing.BARE:
                self._reader = BareReader(self._dialect, self._incoming)
            case Framing.ENVELOPE:
                self._reader = EnvelopeReader(self._dialect, self._incoming)
            case Framing.AUTO:
                self._reader = None

    def __repr__(self) -> str:
        return f"Receiver({self.role}, {self._framing}, position={self.position})"

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def framing(self) -> Framing:
        """What was configured or detected; ``AUTO`` until it is known."""
        return self._framing

    @property
    def junk(self) -> int:
        """Bytes seen outside frames, ever; CR and LF behind a frame are not junk."""
        return self._incoming.junk

    @property
    def position(self) -> int:
        """Bytes consumed since the connection began; an event's bytes end here."""
        return self._incoming.position

    @property
    def awaiting(self) -> bool:
        """Whether the last event still wants its answer."""
        return self._reader is not None and self._reader.awaiting

    @property
    def idle(self) -> bool:
        """Whether the line is neutral: no transmission open, no answer due."""
        return self._reader is None or self._reader.idle

    @property
    def unread(self) -> int:
        """Bytes that arrived and are not yet part of an event."""
        return len(self._incoming.data)

    @property
    def timeout(self) -> float | None:
        """Seconds the caller may wait for bytes now before calling ``expire()``."""
        return None if self._reader is None else self._reader.timeout

    def receive_data(self, data: bytes) -> None:
        held = self._incoming.data
        if self._framed is not None:
            self._framed.put_back()
        if len(held) + len(data) > self._limit and self.awaiting:
            raise RemoteProtocolError(f"{len(held) + len(data)} bytes before our answer")
        held += data

    def receive_frame(self, data: bytes) -> tuple[bytes, bytes] | None:
        """``receive_data`` and ``next_event`` in one step where ``data`` is exactly the next frame
        and nothing else has arrived: its text and its bytes, to be answered like ``FrameReceived``.
        None, and nothing has happened, in every other case.
        """
        return None if self._framed is None else self._framed.next_frame(data)

    @property
    def resting(self) -> float | None:
        """As ``timeout`` while a transmission is open and every byte is read: ``next_event()`` has
        nothing.  None otherwise."""
        return None if self._framed is None else self._framed.resting

    def next_event(self) -> Event | None:
        """The next event, or ``None``: more bytes are needed."""
        reader = self._reader
        if reader is None:
            return self._detect()
        event = reader.next_event()
        if event is None and self._detected and self._incoming.data and reader.unsure:
            self._settle(Framing.AUTO)
            return self._detect()
        return event

    def _detect(self) -> Event | None:
        if self._foreign is not None:
            self._incoming.waste(len(self._incoming.data))
            return None
        match self._detector.detect():
            case None:
                return None
            case Foreign() as protocol:
                self._foreign = protocol
                return NotAstm(protocol)
            case framing:
                self._settle(framing)
                return self.next_event()

    def accept(self) -> bytes:
        """The bytes that acknowledge the event just given."""
        if (reader := self._reader) is None:
            raise not_now("accept()")
        return reader.accept()

    def refuse(self) -> bytes:
        """The bytes that refuse the event just given (NAK)."""
        return self._answering("refuse()").refuse()

    def interrupt(self) -> bytes:
        """EOT instead of ACK: accepts the frame and asks the sender for the line."""
        return self._answering("interrupt()").interrupt()

    def _answering(self, what: str) -> Reader:
        if self._reader is None:
            raise not_now(what)
        return self._reader

    def expire(self) -> Event | None:
        """``timeout`` seconds passed without bytes."""
        if self.awaiting:
            raise not_now("expire()")
        return None if self._reader is None else self._reader.expire()

    def connection_lost(self) -> Event | None:
        """The peer is gone; what was not accepted by now is not part of the transmission."""
        return None if self._reader is None else self._reader.connection_lost()
