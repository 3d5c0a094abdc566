"""The LIS's end of a LIS3 line: results come only when asked for.

Every message is answered by ``STX ACK ETX 0B EOT``; a notice (``SMP_NEW_AV``, ``QC_NEW_AV``) also
by the request for what it announces, echoing ``aMOD``, ``iIID`` and ``rSEQ``, one request at a
time; ``ID_REQ`` by ``ID_DATA``.  There is no NAK: a damaged message gets no answer.  What an
analyzer does then, and how long it keeps a sample announced, is not verified.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from gateway.protocols.errors import LocalProtocolError
from gateway.protocols.events import MessageDamaged, MessageIncomplete, MessageReceived
from gateway.protocols.lis3.events import Acknowledged, HostEvent, Unanswered
from gateway.protocols.lis3.message import ACK, Entry, Lis3Framing, decode, encode
from gateway.protocols.text.fields import Fields
from gateway.protocols.text.receiver import Receiver

NOTICE: Final = "_NEW_AV"
_ECHOED: Final = ("aMOD", "iIID", "rSEQ")
_MAX_NOTICES: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Request:
    kind: str  # SMP, QC, CAL
    entries: tuple[Entry, ...]
    tries: int = 1

    @property
    def sequence(self) -> str:
        return next((entry.value for entry in self.entries if entry.key == "rSEQ"), "")

    @property
    def raw(self) -> bytes:
        return encode(f"{self.kind}_REQ", self.entries)

    def same(self, other: _Request) -> bool:
        return (self.kind, self.entries) == (other.kind, other.entries)

    def answered_by(self, message: Fields) -> bool:
        """By its data, or by the word that there are none."""
        mine = message.name in (f"{self.kind}_NEW_DATA", f"{self.kind}_NOT_AV")
        return mine and message.at("rSEQ") in (None, self.sequence)


class Host:
    """``model`` and ``number`` answer the analyzer's ID_REQ; ``reply``: seconds data may take."""

    def __init__(self, *, model: str = "LIS", number: str = "1", reply: float = 30.0) -> None:
        self._receiver = Receiver(Lis3Framing())
        self._identity = (Entry("aMOD", model), Entry("iIID", number))
        self._reply = reply
        self._due: deque[_Request] = deque()
        self._open: _Request | None = None
        self._event: HostEvent | None = None

    @property
    def junk(self) -> int:
        return self._receiver.junk

    @property
    def buffered(self) -> int:
        """Bytes held back, about."""
        return self._receiver.buffered

    @property
    def timeout(self) -> float | None:
        if self._event is not None:
            return None
        return self._receiver.timeout or (self._reply if self._open else None)

    def receive_data(self, data: bytes) -> None:
        self._receiver.receive_data(data)

    def next_event(self) -> HostEvent | None:
        if self._event is not None:
            raise LocalProtocolError("an event still waits for its answer")
        return self._seen(self._receiver.next_event())

    def accept(self) -> bytes:
        """ACK, and the request or identification that is due with it."""
        event, self._event = self._event, None
        match event:
            case MessageReceived(raw):
                self._receiver.accept()
                return self._answer(decode(raw))
            case Unanswered() if self._open is not None:
                request = self._open
                self._open = _Request(request.kind, request.entries, request.tries + 1)
                return self._open.raw
        self._event = event
        raise LocalProtocolError("nothing here may be accepted")

    def refuse(self) -> bytes:
        """No answer; giving up a request sends the next one that is due."""
        event, self._event = self._event, None
        match event:
            case Unanswered():
                self._open = None
                return self._next_request()
            case MessageReceived() | MessageDamaged():
                return self._receiver.refuse()
        raise LocalProtocolError("nothing waits for an answer")

    def expire(self) -> HostEvent | None:
        if self._receiver.timeout is not None:
            return self._seen(self._receiver.expire())
        if self._open is not None and self._event is None:
            self._event = Unanswered(self._open.sequence, self._open.tries)
        return self._event

    def connection_lost(self) -> HostEvent | None:
        """Open requests are forgotten: the analyzer announces again or is asked by a person."""
        self._open = None
        self._due.clear()
        return None if self._event is not None else self._seen(self._receiver.connection_lost())

    def _seen(self, event: object) -> HostEvent | None:
        match event:
            case MessageReceived(raw) if raw == ACK:
                self._receiver.accept()
                return Acknowledged()
            case MessageReceived() | MessageDamaged():
                self._event = event
                return event
            case MessageIncomplete():
                return event
        return None

    def _answer(self, message: Fields) -> bytes:
        if message.name == "ID_REQ":
            return ACK + encode("ID_DATA", self._identity)
        if message.name.endswith(NOTICE):
            if len(self._due) >= _MAX_NOTICES:
                return b""
            self._note(message)
        elif self._open is not None and self._open.answered_by(message):
            self._open = None
        return ACK + self._next_request()

    def _note(self, notice: Fields) -> None:
        entries = tuple(Entry(key, notice.at(key) or "") for key in _ECHOED)
        request = _Request(notice.name.removesuffix(NOTICE), entries)
        known = [*self._due, self._open] if self._open else self._due
        if not any(request.same(other) for other in known):
            self._due.append(request)

    def _next_request(self) -> bytes:
        if self._open is not None or not self._due:
            return b""
        self._open = self._due.popleft()
        return self._open.raw
