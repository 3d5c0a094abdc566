"""What both ends of a POCT1-A conversation share: stream, control ids, answers due, timer."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, TypeVar

from gateway.protocols.errors import LocalProtocolError, RemoteProtocolError
from gateway.protocols.events import Cutoff, MessageDamaged, MessageIncomplete
from gateway.protocols.poct1a.build import Header, Verdict, acknowledgment, message
from gateway.protocols.poct1a.events import Acknowledged, Ended, Ending, MessageReceived
from gateway.protocols.poct1a.message import Kind, Message
from gateway.protocols.poct1a.splitter import MAX_MESSAGE
from gateway.protocols.poct1a.stream import Arrived, Item, Stream, Wrapping
from gateway.protocols.poct1a.xml import Element
from gateway.protocols.text.receiver import AHEAD

HELLO_PATIENCE: Final = 120.0
DEFAULT_PATIENCE: Final = 60.0
SHORTEST_PATIENCE: Final = 30.0
LONGEST_PATIENCE: Final = 600.0

_CONTROL_ID = re.compile(rb"<HDR\.control_id\s[^<>]{0,60}?\bV=[\"']([^\"'<>&]{1,64})[\"']")

E = TypeVar("E")


def patience(declared: float | None) -> float:
    """Seconds to wait for a peer that declared ``DCP.application_timeout``.

    Short declarations are not believed: a DCA says nothing for eight seconds between messages.
    """
    return min(max(declared or DEFAULT_PATIENCE, SHORTEST_PATIENCE), LONGEST_PATIENCE)


class Session(Generic[E]):
    """One connection.  ``clock`` gives creation times, ``first_id`` the first control id."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        wrapping: Wrapping = Wrapping.AUTO,
        limit: int = MAX_MESSAGE,
        first_id: int = 1,
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._stream = Stream(wrapping, limit)
        self._number = first_id
        self._awaiting: MessageReceived | MessageDamaged | None = None
        self._pending: deque[E | Ended] = deque()
        self._lost = False
        self._patience = HELLO_PATIENCE
        self.ended = False

    @property
    def buffered(self) -> int:
        """Bytes held back, about."""
        return self._stream.buffered

    @property
    def wrapping(self) -> Wrapping:
        return self._stream.wrapping

    @property
    def junk(self) -> int:
        return self._stream.junk

    @property
    def timeout(self) -> float | None:
        """Seconds of silence after which ``expire()`` is due."""
        return None if self.ended or self._lost or self._awaiting is not None else self._patience

    def receive_data(self, data: bytes) -> None:
        """Takes what was read.  RemoteProtocolError when the peer runs too far ahead of us."""
        self._stream.receive_data(data)
        if self._awaiting is not None and self._stream.buffered > self._limit + AHEAD:
            raise RemoteProtocolError("the peer does not wait for our answers")

    def next_event(self) -> E | MessageReceived | MessageDamaged | MessageIncomplete | Ended | None:
        """The next event, or None when more bytes are needed."""
        if self._awaiting is not None:
            raise LocalProtocolError("an event still waits for its answer")
        if self._pending:
            return self._pending.popleft()
        item = self._stream.next_item()
        if item is not None:
            return self._see(item)
        return self._after_loss() if self._lost else None

    def refuse(self, error: str | None = None) -> bytes:
        """ACK AE where the message can be named, with ``error`` as its error code."""
        event, self._awaiting = self._awaiting, None
        match event:
            case MessageReceived(received):
                return self._acknowledge(received.control_id or "", Verdict.ERROR, error)
            case MessageDamaged(_, raw):
                name = _CONTROL_ID.search(raw)
                found = name[1].decode("latin-1") if name else ""
                return self._acknowledge(found, Verdict.ERROR, error) if found else b""
        raise LocalProtocolError("nothing waits for an answer")

    def connection_lost(
        self,
    ) -> E | MessageReceived | MessageDamaged | MessageIncomplete | Ended | None:
        """The peer is gone: whole messages still come out, then ``Ended``."""
        self._lost = True
        return None if self._awaiting is not None else self.next_event()

    def _after_loss(self) -> MessageIncomplete | Ended | None:
        if (rest := self._stream.give_up(Cutoff.LOST)) is not None:
            return rest
        return None if self.ended else self._end(Ending.LOST)

    def _see(self, item: Item) -> E | MessageReceived | MessageDamaged | MessageIncomplete | Ended:
        match item:
            case Arrived(received) if received.kind is Kind.ACKNOWLEDGMENT:
                return self._acknowledged(received)
            case Arrived(received):
                self._awaiting = MessageReceived(received, self._expects(received))
                return self._awaiting
            case MessageDamaged():
                self._awaiting = item
                return item
            case MessageIncomplete():
                return item

    def _taken(self) -> Message:
        """The message that is being accepted."""
        match self._awaiting:
            case MessageReceived(received):
                self._awaiting = None
                return received
        raise LocalProtocolError("nothing here may be accepted")

    def _end(self, ending: Ending) -> Ended:
        self.ended = True
        return Ended(ending)

    def _header(self) -> Header:
        header = Header(str(self._number), self._clock())
        self._number += 1
        return header

    def _write(self, name: str, *body: Element) -> tuple[str, bytes]:
        """The control id and the bytes of a message of ours."""
        header = self._header()
        return header.control_id, self._stream.wrap(message(name, header, *body))

    def _acknowledge(self, control_id: str, verdict: Verdict, error: str | None = None) -> bytes:
        return self._stream.wrap(acknowledgment(self._header(), control_id, verdict, error))

    def _expects(self, received: Message) -> bool:
        raise NotImplementedError

    def _acknowledged(self, received: Message) -> E:
        raise NotImplementedError


def answer_of(received: Message, expected: str | None) -> Acknowledged:
    """An ACK.R01 read tolerantly; ``expected`` is the control id of what we sent last.

    One vendor's document prints ACK.control_id for ACK.ack_control_id, another ACK.type_id.
    """
    verdict = received.at("ACK.type_cd") or received.at("ACK.type_id") or ""
    named = received.at("ACK.ack_control_id") or received.at("ACK.control_id") or ""
    return Acknowledged(
        named or expected or "",
        Verdict.ACCEPTED if verdict in ("AA", "CA") else Verdict.ERROR,
        received.at("ACK.error_detail_cd"),
        expected is not None and named in ("", expected),
        received.at("ACK.note_txt") or "",
    )
