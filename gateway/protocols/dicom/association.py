"""One DICOM association, either end: bytes to events, intentions to bytes (PS3.8 and PS3.7).

Nothing is answered by itself except what the protocol leaves no choice about: an event's ``reply``
is that answer.  After ``must_close`` the transport is to be closed; whatever a peer still sends is
thrown away unread.  Calls that make no sense now raise ``LocalProtocolError`` and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from gateway.protocols.dicom.assembly import Assembler
from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.dimse import Sendable, is_response, message_id_of
from gateway.protocols.dicom.establishing import (
    Agreement,
    agree,
    check_peer_length,
    contexts_for,
    provider_rejection,
    send_length,
)
from gateway.protocols.dicom.events import (
    AssociationAccepted,
    AssociationRequested,
    CommandReceived,
    Context,
    DataReceived,
    Event,
    MessageReceived,
    RequestRefused,
)
from gateway.protocols.dicom.fragments import Buffer
from gateway.protocols.dicom.framing import PduType
from gateway.protocols.dicom.ledger import Ledger
from gateway.protocols.dicom.negotiation import Negotiation, outcome
from gateway.protocols.dicom.pdu import AssociateRJ, Pdu, ReleaseRP, ReleaseRQ, decode_body
from gateway.protocols.dicom.reader import Fragment
from gateway.protocols.dicom.rejection import Rejection
from gateway.protocols.dicom.sender import Sender
from gateway.protocols.dicom.settings import Settings
from gateway.protocols.dicom.states import TABLE, State, Stimulus
from gateway.protocols.dicom.timers import TimerName
from gateway.protocols.dicom.upper_layer import Role, UpperLayer
from gateway.protocols.dicom.user_information import UserInformation
from gateway.protocols.errors import LocalProtocolError


class Association(UpperLayer):
    """Make one when the transport is open.  The package says how to drive it."""

    def __init__(
        self,
        role: Role,
        settings: Settings | None = None,
        decode: Callable[[PduType, bytes], Pdu] = decode_body,
    ) -> None:
        self.contexts: Mapping[int, Context] = MappingProxyType({})
        self._request: AssociateRQ | None = None
        super().__init__(role, settings, decode)
        self._sender = Sender(0)
        self._ledger = Ledger(self.settings.max_outstanding)
        self._assembler = Assembler(self.contexts, self.settings.max_command_length)

    @property
    def owed(self) -> tuple[int, ...]:
        """Message ids of the peer's requests without a final response yet."""
        return tuple(self._ledger.owed)

    @property
    def awaited(self) -> tuple[int, ...]:
        """Message ids of our requests without a final response yet."""
        return tuple(self._ledger.awaited)

    @property
    def max_send_length(self) -> int:
        """The largest P-DATA-TF the peer gets from us; 0 before the association."""
        return self._sender.max_length

    def contexts_of(self, abstract_syntax: str) -> tuple[Context, ...]:
        """The accepted contexts of a class, in the order proposed."""
        return tuple(c for c in self.contexts.values() if c.abstract_syntax == abstract_syntax)

    def next_message_id(self) -> int:
        """An id for our next request."""
        return self._ledger.next_id()

    def collect(self, limit: int) -> None:
        """After ``CommandReceived``: its data set as one ``MessageReceived``, not in pieces."""
        self._assembler.collect(limit)

    def next_data(self) -> list[memoryview]:
        """Pieces of the data set under way that would come one by one from ``next_event``.

        Much faster for long ones.  Empty when the next event is another, the data set's end
        included.
        """
        context_id = self._assembler.passing
        if context_id is None or self._state is not State.STA6:
            return []
        pieces = self._reader.data(context_id, self.settings.max_pdu_length)
        if pieces:
            self._assembler.touch()
        return pieces

    def associate(self, request: AssociateRQ) -> bytes:
        """Requestor: the A-ASSOCIATE-RQ."""
        if self.role is not Role.REQUESTOR:
            raise LocalProtocolError("an acceptor does not ask for an association")
        data = request.encode()
        self._step(Stimulus.ASSOCIATE_REQUEST)
        self._step(Stimulus.TRANSPORT_CONFIRMED)
        self._request = request
        return data

    def accept(self, decided: Negotiation | Agreement) -> bytes:
        """Acceptor: the A-ASSOCIATE-AC, after ``AssociationRequested``."""
        request = self._open_request()
        if isinstance(decided, Negotiation):
            decided = agree(request, decided, self.settings)
        elif decided.request is not request:
            raise LocalProtocolError("the agreement is not on this request")
        self._step(Stimulus.ACCEPT)
        self._establish(decided.contexts, request.user)
        return decided.answer

    def reject(self, rejection: Rejection) -> bytes:
        """Acceptor: the A-ASSOCIATE-RJ, after ``AssociationRequested``."""
        self._open_request()
        self._step(Stimulus.REJECT)
        return AssociateRJ(rejection).encode()

    def send(self, context_id: int, message: Sendable, data_set: Buffer | None = None) -> bytes:
        """A command, with its whole data set if it has one, for a single write."""
        units = self._begin(context_id, message, has_data=data_set is not None)
        if data_set is not None:
            units += self._sender.data_set(context_id, data_set)
        return b"".join(units)

    def stream(
        self, context_id: int, message: Sendable, buffers: Iterable[Buffer], length: int
    ) -> Iterator[list[Buffer]]:
        """A command, then a data set of ``length`` bytes: one P-DATA-TF an item, nothing joined.

        Ask for the next item when the last is written; a buffer may be used again then.  Until the
        last item only ``abort`` may be called.
        """
        command = self._begin(context_id, message, has_data=True)
        return self._sender.stream(context_id, command, buffers, length, self._check_stream)

    def release(self) -> bytes:
        """The A-RELEASE-RQ; ``Released`` follows."""
        self._sender.check_idle()
        self._step(Stimulus.RELEASE_REQUEST)
        return ReleaseRQ().encode()

    def confirm_release(self) -> bytes:
        """The A-RELEASE-RP, after ``ReleaseRequested``."""
        self._sender.check_idle()
        self._step(Stimulus.RELEASE_RESPONSE)
        return ReleaseRP().encode()

    def _open_request(self) -> AssociateRQ:
        if self._request is None or self._state is not State.STA3:
            raise LocalProtocolError("no association request is open")
        return self._request

    def _requested(self, request: AssociateRQ) -> Event:
        check_peer_length(request.user)
        self._step(Stimulus.ASSOCIATE_RQ)
        self._request = request
        rejection = provider_rejection(request)
        if rejection is not None:
            return RequestRefused(rejection, self.reject(rejection))
        return AssociationRequested(request)

    def _accepted(self, answer: AssociateAC) -> Event:
        if self._request is None:
            raise LocalProtocolError("no association was asked for")
        check_peer_length(answer.user)
        negotiation = outcome(self._request, answer)
        self._step(Stimulus.ASSOCIATE_AC)
        self._establish(contexts_for(negotiation, requestor=True), answer.user)
        return AssociationAccepted(answer, negotiation)

    def _establish(self, contexts: Mapping[int, Context], peer: UserInformation) -> None:
        self.contexts = contexts
        self._assembler = Assembler(self.contexts, self.settings.max_command_length)
        self._sender = Sender(send_length(peer, self.settings))

    def _within_message(self) -> bool:
        return self._assembler.in_message

    def _fragment(self, piece: Fragment) -> CommandReceived | DataReceived | MessageReceived | None:
        event = self._assembler.add(piece)
        if isinstance(event, CommandReceived):
            self._ledger.received(event.message)
        if piece.last and not self._assembler.in_message:
            self._clock.sign_of_life()
        return event

    def _begin(self, context_id: int, message: Sendable, *, has_data: bool) -> list[Buffer]:
        self._check_sending(context_id, message)
        command = self._sender.command(context_id, message, has_data=has_data)
        self._ledger.sent(message)
        self._step(Stimulus.DATA_REQUEST)
        self._clock.sign_of_life()
        return command

    def _check_sending(self, context_id: int, message: Sendable) -> None:
        if (self._state, Stimulus.DATA_REQUEST) not in TABLE:
            raise LocalProtocolError(f"nothing can be sent in {self._state.name.title()}")
        if context_id not in self.contexts:
            raise LocalProtocolError(f"context {context_id} was not accepted")
        if is_response(message) and message_id_of(message) == self._assembler.incomplete_request:
            raise LocalProtocolError("the data set of that request is still coming")

    def _check_stream(self) -> None:
        """Before each unit that is streamed."""
        if (self._state, Stimulus.DATA_REQUEST) not in TABLE:
            raise LocalProtocolError("the association ended while a data set was being sent")
        self._clock.sign_of_life()

    def _timer_name(self) -> TimerName | None:
        if self._state is not State.STA6:
            return super()._timer_name()
        if self.in_message or self._sender.streaming:
            return TimerName.STALL
        if self._ledger.awaited:
            return TimerName.REPLY
        return None if self._ledger.owed else TimerName.IDLE
