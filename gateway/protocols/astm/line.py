"""Both ends of one half-duplex line: receives, and sends when the line is neutral.

For host query and order download.  One message may wait at a time.  After a collision the
instrument goes first: the host keeps its message, lets the instrument send, and then asks again.
Bytes to write come out of ``accept()`` and its kin and out of ``data_to_send()``, which is to be
called after every ``next_event()``, ``send()`` and ``expire()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.protocols.astm.dialect import Dialect, Role
from gateway.protocols.astm.events import Event, Failed, Failure, SenderEvent
from gateway.protocols.astm.incoming import not_now
from gateway.protocols.astm.receiver import Receiver
from gateway.protocols.astm.sender import Sender

_DEFERRED: Final = (Failure.CONTENTION, Failure.INTERRUPTED)  # the peer goes first, then we


class Line:
    """``receiver`` and ``sender`` are there to look at; drive them through the line."""

    def __init__(
        self,
        dialect: Dialect | None = None,
        *,
        role: Role = Role.HOST,
        yielding: bool = False,
    ) -> None:
        chosen = dialect or Dialect()
        self.role: Final = role
        self.receiver: Final = Receiver(chosen, role=role)
        self.sender: Final = Sender(chosen, role=role, yielding=yielding)
        self._dialect = chosen
        self._waiting: bytes | Sequence[bytes] | None = None
        self._under_way: bytes | Sequence[bytes] | None = None
        self._output = bytearray()
        self._deferring = False  # the instrument was promised the line

    @property
    def busy(self) -> bool:
        """Whether a message waits or is under way: ``send()`` is not allowed."""
        return self._waiting is not None or self._under_way is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is going on in either direction."""
        return not self.busy and self.receiver.idle

    @property
    def timeout(self) -> float | None:
        """Seconds until ``expire()`` is due, counted from the last bytes read or written."""
        if self.sender.active:
            return self.sender.timeout
        if self._deferring and self.receiver.idle:
            return self._dialect.timers.contention_host
        return self.receiver.timeout

    def send(self, message: bytes | Sequence[bytes]) -> None:
        """Sends as soon as the line is neutral."""
        if self.busy:
            raise not_now("send()")
        if not message:
            raise not_now("sending nothing")
        self._waiting = message
        if not self.receiver.unread:
            self._start()

    def data_to_send(self) -> bytes:
        """What is to be written now; each byte is given once."""
        data = bytes(self._output)
        self._output.clear()
        return data

    def receive_data(self, data: bytes) -> None:
        (self.sender if self.sender.active else self.receiver).receive_data(data)

    def receive_frame(self, data: bytes) -> tuple[bytes, bytes] | None:
        """As ``Receiver.receive_frame``."""
        found = None if self.sender.active else self.receiver.receive_frame(data)
        if found is not None:
            self._deferring = False
        return found

    def next_event(self) -> Event | SenderEvent | None:
        """The next event of either end, or ``None``: wait for bytes."""
        if self.sender.active:
            sent = self._settled(self.sender.next_event())
            if sent is not None or self.sender.active:
                return sent
        received = self.receiver.next_event()
        if received is None:
            self._start()
        else:
            self._deferring = False
        return received

    def _start(self) -> None:
        if self._waiting is None or self._deferring or not self.receiver.idle:
            return
        self._under_way, self._waiting = self._waiting, None
        self._output += self.sender.start(self._under_way)

    def _settled(self, event: SenderEvent | None) -> SenderEvent | None:
        """What the sender did; when it is done, bytes go to the receiver again."""
        self._output += self.sender.data_to_send()
        message = self._under_way
        if self.sender.active or message is None:
            return event
        self._under_way = None
        self.receiver.receive_data(self.sender.unread())
        if isinstance(event, Failed) and event.reason in _DEFERRED:
            self._waiting, self._deferring = message, True
            return None
        return event

    def accept(self) -> bytes:
        return self.receiver.accept()

    def refuse(self) -> bytes:
        return self.receiver.refuse()

    def interrupt(self) -> bytes:
        return self.receiver.interrupt()

    def expire(self) -> Event | SenderEvent | None:
        """``timeout`` seconds passed."""
        if self.sender.active:
            return self._settled(self.sender.expire())
        event: Event | None = None
        if self._deferring and self.receiver.idle:
            self._deferring = False
        else:
            event = self.receiver.expire()
        self._start()
        return event

    def connection_lost(self) -> Event | SenderEvent | None:
        """The peer is gone.  A message that waited fails; call again until ``None``."""
        lost = self.receiver.connection_lost()
        if lost is not None:
            return lost
        if self.sender.active:
            self._under_way = None
            return self.sender.connection_lost()
        if self._waiting is None:
            return None
        self._waiting = None
        return Failed(Failure.LOST, 0)
