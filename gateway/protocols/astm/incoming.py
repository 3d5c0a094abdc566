"""Bytes that arrived and are not yet events, and the contract of what reads them."""

from __future__ import annotations

from typing import Final, Protocol

from gateway.protocols.astm.events import Event
from gateway.protocols.errors import LocalProtocolError


class Incoming:
    """A queue of bytes.  ``position`` counts what was taken since the start of the connection,
    ``junk`` what of it belonged to nothing."""

    __slots__ = ("data", "junk", "position")

    def __init__(self) -> None:
        self.data: Final = bytearray()
        self.position = 0
        self.junk = 0

    def take(self, count: int) -> bytes:
        data = self.data
        taken = bytes(data[:count])
        del data[:count]
        self.position += len(taken)
        return taken

    def skip(self, count: int) -> None:
        """Takes bytes that are known."""
        del self.data[:count]
        self.position += count

    def waste(self, count: int) -> bytes:
        """Takes bytes and counts them as junk."""
        taken = self.take(count)
        self.junk += len(taken)
        return taken


class Reader(Protocol):
    """Turns incoming bytes into events; one implementation per framing."""

    @property
    def awaiting(self) -> bool:
        """Whether the last event still wants its answer."""

    @property
    def idle(self) -> bool:
        """Whether the line is neutral: no transmission is open."""

    @property
    def unsure(self) -> bool:
        """Whether a detected framing has not proved itself: detection may look again."""

    @property
    def timeout(self) -> float | None:
        """Seconds until ``expire()`` is due, counted from the last bytes or the last answer."""

    def next_event(self) -> Event | None: ...

    def accept(self) -> bytes: ...

    def refuse(self) -> bytes: ...

    def interrupt(self) -> bytes: ...

    def expire(self) -> Event | None: ...

    def connection_lost(self) -> Event | None: ...


def not_now(what: str) -> LocalProtocolError:
    return LocalProtocolError(f"{what} is not allowed now")
