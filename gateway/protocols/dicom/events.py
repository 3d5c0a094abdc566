"""What an association tells its caller.

Every one is a frozen value.  ``reply`` is written to the transport before anything else; a
``repr`` shows no data.  Views in ``DataReceived`` hold until more bytes are received.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.dimse import Received
from gateway.protocols.dicom.errors import AbortReason, AbortSource
from gateway.protocols.dicom.negotiation import Negotiation
from gateway.protocols.dicom.rejection import Rejection
from gateway.protocols.dicom.states import State


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context.  ``scu`` and ``scp`` are the roles *we* may play.

    Nothing enforces them on what comes in: some peers report commitment without asking for a role.
    """

    id: int
    abstract_syntax: str
    transfer_syntax: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociationRequested:
    """Acceptor: answer with ``accept`` or ``reject``."""

    request: AssociateRQ


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """Acceptor: a request the upper layer itself rejects (version, application context)."""

    rejection: Rejection
    reply: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssociationAccepted:
    """Requestor: the association is established."""

    answer: AssociateAC
    negotiation: Negotiation


@dataclass(frozen=True, slots=True)
class AssociationRejected:
    """Requestor: the peer will not talk to us; close."""

    rejection: Rejection


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A command, whole.  With ``has_data``, its data set follows piece by piece."""

    context: Context
    message: Received
    has_data: bool


@dataclass(frozen=True, slots=True)
class DataReceived:
    """A piece of the data set of ``message_id``; ``last`` ends it, and may be empty."""

    context_id: int
    message_id: int
    data: memoryview = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """Instead of pieces, after ``collect``: the whole data set of a command."""

    context: Context
    message: Received
    data_set: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """The peer is done: finish what it is owed, then ``confirm_release``."""


@dataclass(frozen=True, slots=True)
class Released:
    """The peer confirmed our release; close."""


class Cause(StrEnum):
    """Why an association ended before its time."""

    PEER = "peer"  # it sent A-ABORT
    VIOLATION = "violation"  # it broke the protocol
    LIMIT = "limit"  # it claimed more than we announced or allow
    TIMEOUT = "timeout"  # it kept silent, or dripped


@dataclass(frozen=True, slots=True)
class Aborted:
    """The association is gone, and what it was sending with it."""

    cause: Cause
    source: AbortSource
    reason: AbortReason
    detail: str
    reply: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The transport ended under an association; ``in_message``: within a message of the peer."""

    state: State
    in_message: bool


Event = (
    AssociationRequested
    | RequestRefused
    | AssociationAccepted
    | AssociationRejected
    | CommandReceived
    | DataReceived
    | MessageReceived
    | ReleaseRequested
    | Released
    | Aborted
    | ConnectionLost
)
