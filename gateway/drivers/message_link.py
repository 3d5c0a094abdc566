"""A link on which every message is a transmission of its own: committed, answered, handed on.

What HL7, POCT1-A and text devices have in common.  A message that could not be stored is refused in
its own language, so that the device keeps it; one that is damaged or cut off is kept as evidence
and never delivered.
"""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol, TypeVar

from gateway.drivers.link import DeviceLink, Site
from gateway.errors import StoreError
from gateway.protocols.errors import RemoteProtocolError

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class Session(Protocol[E_co]):
    """The protocol's side of a conversation, without I/O."""

    @property
    def timeout(self) -> float | None: ...
    @property
    def buffered(self) -> int: ...
    def receive_data(self, data: bytes) -> None: ...
    def next_event(self) -> E_co | None: ...
    def expire(self) -> E_co | None: ...
    def connection_lost(self) -> E_co | None: ...
    def accept(self) -> bytes: ...


class MessageLink(DeviceLink, Generic[E]):
    """Subclasses turn the events of ``session`` into ``take`` and ``spoilt``."""

    def __init__(
        self, site: Site, peer: str, loop: asyncio.AbstractEventLoop, session: Session[E]
    ) -> None:
        super().__init__(site, peer, loop)
        self._conversation = session
        self._pending: tuple[bytes, bool] = (b"", False)

    @property
    def holding(self) -> int:
        return self._conversation.buffered + len(self._pending[0])

    # for subclasses

    def on_event(self, event: E) -> None:
        """Handles one event; everything that needs an answer gets it, now or after the commit."""
        raise NotImplementedError

    def accepted(self) -> bytes:
        """The answer to the message that was just committed."""
        return self._conversation.accept()

    def not_stored(self) -> bytes:
        """The answer to a message that could not be stored."""
        raise NotImplementedError

    def take(self, raw: bytes, *, checked: bool) -> None:
        """Journals a whole message.  ``checked``: something vouches for its bytes."""
        self.heard()
        self.site.noise.count(self._loop.time(), refused=False)
        self._pending = (raw, checked)
        self.commit(raw)

    def spoilt(self, raw: bytes, reason: str, *, noise: bool = True) -> None:
        """Keeps what is no message; ``noise``: it counts as a refusal of the line."""
        self.keep(raw)
        if noise:
            self.refused(reason)
        if raw:
            self.site.recipient.incomplete(self.arrival(raw, checked=False), reason)

    # asyncio.Protocol and DeviceLink

    def arrived(self, data: bytes) -> None:
        try:
            self._conversation.receive_data(data)
        except RemoteProtocolError:
            self.refused("does not wait for answers")
            self.close()
            return
        if not self._waiting:
            self.advance()

    def advance(self) -> None:
        while not self._waiting and (event := self._conversation.next_event()) is not None:
            self.on_event(event)
        if not self._waiting:
            self.set_timeout(self._conversation.timeout)

    def committed(self, error: StoreError | None) -> None:
        (raw, checked), self._pending = self._pending, (b"", False)
        if error is not None:
            self.begin_anew(error)
            self.refused("not stored")
            self.write(self.not_stored())
            return
        self.write(self.accepted())
        self.site.recipient.complete(self.arrival(raw, checked=checked))

    def peer_gone(self) -> None:
        while not self._waiting and (event := self._conversation.connection_lost()) is not None:
            self.on_event(event)

    def expired(self) -> None:
        if (event := self._conversation.expire()) is not None:
            self.on_event(event)
        if not self._waiting:
            self.advance()
