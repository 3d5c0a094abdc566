"""An ASTM analyzer on a line: LIS01-A2 frames to the journal, then acknowledged.

Reads like the protocol.  The ACK of a frame is written by ``committed``, which the store calls
after the commit; a frame that could not be stored is answered NAK, and while the store does not
take data an enquiry is answered NAK too: the analyzer keeps its results and asks again.
"""

from __future__ import annotations

import asyncio
from typing import assert_never

from gateway.drivers.link import DeviceLink, Site
from gateway.errors import StoreError
from gateway.protocols.astm import (
    ChunkReceived,
    Dialect,
    Enquiry,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Framing,
    Heartbeat,
    Line,
    MessageReceived,
    NotAstm,
    Receiver,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.errors import RemoteProtocolError
from gateway.transports import SUBSTITUTE


class AstmLink(DeviceLink):
    """One connection of an ASTM analyzer."""

    protocol = "astm"

    def __init__(
        self, site: Site, peer: str, loop: asyncio.AbstractEventLoop, dialect: Dialect
    ) -> None:
        super().__init__(site, peer, loop)
        self._receiver = Receiver(dialect)
        self._hearing: Receiver | Line = self._receiver  # who takes the bytes
        self._texts: list[bytes] = []
        self._pending = b""
        self._size = 0  # of all texts

    @property
    def holding(self) -> int:
        return self._receiver.unread + self._size

    def arrived(self, data: bytes) -> None:
        if not self._waiting and (found := self._hearing.receive_frame(data)) is not None:
            self.received(*found)
            return
        try:
            self._hearing.receive_data(data)
        except RemoteProtocolError:  # it floods us without waiting for an answer
            self.refused("flood")
            self.close()
            return
        if not self._waiting:
            self.advance()

    def received(self, text: bytes, raw: bytes) -> None:
        """The next frame: to the journal."""
        self._pending = text
        self.site.noise.count(self._loop.time(), refused=False)
        self.commit(raw)

    def advance(self) -> None:
        if (patience := self._receiver.resting) is not None:
            self.set_timeout(patience)
            return
        while not self._waiting and (event := self._receiver.next_event()) is not None:
            self._on(event)
        if not self._waiting:
            self.set_timeout(self._receiver.timeout)

    def committed(self, error: StoreError | None) -> None:
        if error is None:
            self._texts.append(self._pending)
            self._size += len(self._pending)
            self.write(self._receiver.accept())
        else:
            if not self._texts:
                self.begin_anew(error)
            self.refused("not stored")
            self.write(self._receiver.refuse())

    def peer_gone(self) -> None:
        self._take_whole()
        while not self._waiting and (event := self._receiver.connection_lost()) is not None:
            self._on(event)

    def _take_whole(self) -> None:
        """Without frames a message is whole though nobody waits for its answer any more.  Where
        one goes to the journal, ``peer_gone`` is called again after the commit."""
        unframed = self._receiver.framing in (Framing.BARE, Framing.ENVELOPE)
        while unframed and not self._waiting and (event := self._receiver.next_event()) is not None:
            self._on(event)

    def expired(self) -> None:
        if (event := self._receiver.expire()) is not None:
            self._on(event)
        self.advance()

    def _on(self, event: Event) -> None:
        match event:
            case FrameReceived(frame):
                self.received(frame.text, frame.raw)
            case Enquiry():
                self.heard()
                accepting = self.site.journal.accepting
                self.write(self._receiver.accept() if accepting else self._receiver.refuse())
            case FrameRepeated():
                self.write(self._receiver.accept())
            case FrameDamaged(reason, raw):
                self.keep(raw)
                self.refused(reason.value)
                self.write(self._receiver.refuse())
            case MessageReceived(raw) if SUBSTITUTE in raw:
                self.keep(raw)
                self.refused("damaged characters")
                self.write(self._receiver.refuse())
            case MessageReceived(raw, text):
                self.heard()
                self._pending = text
                self.commit(raw)
            case ChunkReceived(raw):
                self._pending = b""  # it comes again inside its message
                self.commit(raw, evidence=True)
            case TransmissionEnded(checked=checked):
                self.site.recipient.complete(self.arrival(self._taken(), checked=checked))
            case TransmissionIncomplete(reason, raw=raw):
                self.keep(raw)
                self._broken_off(reason.value)
            case Heartbeat():
                self.heard()
            case NotAstm(protocol):
                self.refused(f"speaks {protocol.value}, not ASTM")
            case _:
                assert_never(event)

    def _broken_off(self, reason: str) -> None:
        text = self._taken()
        if text or self._transmission is not None:
            self.site.recipient.incomplete(self.arrival(text, checked=False), reason)

    def _taken(self) -> bytes:
        text = b"".join(self._texts)
        self._texts.clear()
        self._size = 0
        return text
