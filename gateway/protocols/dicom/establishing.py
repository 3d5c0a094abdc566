"""What both ends derive from the association PDUs: the answer, the contexts, the sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.events import Context
from gateway.protocols.dicom.negotiation import Negotiation, answers, role_answers
from gateway.protocols.dicom.rejection import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    Rejection,
)
from gateway.protocols.dicom.settings import DEFAULT_PEER_LENGTH, MIN_PEER_LENGTH, Settings
from gateway.protocols.dicom.uid import APPLICATION_CONTEXT
from gateway.protocols.dicom.user_information import AsynchronousOperations, UserInformation
from gateway.protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class Agreement:
    """A request, what was decided of it, and what an acceptor derives from that.

    ``answer`` is the whole A-ASSOCIATE-AC; ``explanation`` has a line a context.
    """

    request: AssociateRQ
    negotiation: Negotiation
    answer: bytes
    contexts: Mapping[int, Context]
    explanation: tuple[str, ...]


def agree(request: AssociateRQ, negotiation: Negotiation, settings: Settings) -> Agreement:
    """An acceptor's side of an association that is about to be established."""
    return Agreement(
        request,
        negotiation,
        answer_for(request, negotiation, settings).encode(),
        contexts_for(negotiation, requestor=False),
        negotiation.explain(),
    )


def provider_rejection(request: AssociateRQ) -> Rejection | None:
    """What the upper layer rejects before anybody is asked."""
    if not request.version & 1:
        return PROTOCOL_VERSION_NOT_SUPPORTED
    if request.application_context != APPLICATION_CONTEXT:
        return APPLICATION_CONTEXT_NOT_SUPPORTED
    return None


def answer_for(request: AssociateRQ, negotiation: Negotiation, settings: Settings) -> AssociateAC:
    """The A-ASSOCIATE-AC.  A window of operations, if asked for, is 1/1."""
    proposed = [context.id for context in request.contexts]
    if [decision.context.id for decision in negotiation.decisions] != proposed:
        raise LocalProtocolError("the decisions are not those of this request")
    user = UserInformation(
        max_length=settings.max_pdu_length,
        implementation_class_uid=settings.implementation_class_uid,
        implementation_version=settings.implementation_version,
        asynchronous=AsynchronousOperations(1, 1) if request.user.asynchronous else None,
        roles=role_answers(request, negotiation),
    )
    return AssociateAC(answers(negotiation), user, request.titles)


def contexts_for(negotiation: Negotiation, *, requestor: bool) -> Mapping[int, Context]:
    """The accepted contexts by id, with the roles of this end."""
    return MappingProxyType(
        {
            decision.context.id: Context(
                decision.context.id,
                decision.context.abstract_syntax,
                decision.transfer_syntax,
                scu=decision.requestor_scu if requestor else decision.requestor_scp,
                scp=decision.requestor_scp if requestor else decision.requestor_scu,
            )
            for decision in negotiation.accepted
        }
    )


def check_peer_length(user: UserInformation) -> None:
    """Refuses a peer that takes so little that nothing can be said to it."""
    if user.max_length is not None and 0 < user.max_length < MIN_PEER_LENGTH:
        raise Violation(f"a maximum length of {user.max_length} bytes")


def send_length(user: UserInformation, settings: Settings) -> int:
    """The largest P-DATA-TF to send: what the peer takes, 0 being anything, within our own cap."""
    if user.max_length is None:
        return min(DEFAULT_PEER_LENGTH, settings.send_pdu_length)
    return min(user.max_length or settings.send_pdu_length, settings.send_pdu_length)
