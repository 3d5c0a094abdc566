"""DICOM on a wire without a wire: the upper layer (PS3.8) and DIMSE (PS3.7), both ends.

No clock, socket, log or thread in here; looking into data sets is the caller's affair.

How an adapter drives an ``Association``:

1. Make ``Association(Role.ACCEPTOR, settings)`` when a transport is accepted; or
   ``Role.REQUESTOR`` when one is connected, and write ``associate(propose(...))``.
2. Bytes: an ``asyncio.BufferedProtocol`` forwards ``get_buffer`` and ``buffer_updated``; anybody
   else calls ``receive_data``.  Then take ``next_event()`` until it gives None.
3. Write an event's ``reply`` if it has one, and what the methods you call return.
4. After each of these close the transport if ``must_close``, and look at ``timer``.
5. When the transport is gone: ``connection_lost()``.

::

    def buffer_updated(self, count):
        self.association.buffer_updated(count)
        while (event := self.association.next_event()) is not None:
            match event:
                case AssociationRequested(request):
                    negotiation = negotiate(request, policy)  # log negotiation.explain()
                    self.write(self.association.accept(negotiation))
                case CommandReceived(context, CEchoRQ() as echo):
                    self.write(self.association.send(context.id, echo.response(Status.SUCCESS)))
                case CommandReceived(context, CFindRQ()):
                    self.association.collect(limit=65536)  # comes as MessageReceived
                case DataReceived(data=data, last=last):
                    self.part.write(data)  # the view dies with this call
                case ReleaseRequested():
                    self.write(self.association.confirm_release())
                case Aborted(reply=reply) | RequestRefused(reply=reply):
                    self.write(reply)
        if self.association.must_close:
            self.transport.close()
        self.watch(self.association.timer)

**Views.**  ``DataReceived.data`` is a read-only view of the receive buffer and holds until the
next ``get_buffer`` or ``receive_data``.  To keep views while more arrives (hashing in a thread),
first swap in another ``bytearray`` with ``renew_buffer``: then they hold until you reuse the old.

**Back-pressure.**  Pause reading whenever you like; events already here can wait.  A response can
be sent once, when the data set of its request is complete, and only the caller sends it.

**Timers.**  ``timer`` is a value.  Start a clock when it differs from the one you have, stop it
when it is None, and call ``expire(that_timer)`` when it runs out; one that was replaced meanwhile
does nothing.  While you have paused reading, let the clock stand still.

**Sending.**  ``send`` for commands and small data sets.  ``stream`` for the rest: one P-DATA-TF,
never longer than the peer takes, per item, as buffers for ``writelines`` between drains.

**Endings.**  ``Released``, ``AssociationRejected``, ``RequestRefused``, ``Aborted`` and
``ConnectionLost`` are final, and so are your own ``confirm_release``, ``reject`` and ``abort``.
Then ``must_close`` is set, or a short ``closing`` timer waits for the peer to close first.
"""

from gateway.protocols.dicom.associate import AssociateAC, AssociateRQ
from gateway.protocols.dicom.association import Association
from gateway.protocols.dicom.command_set import CommandSet, Element
from gateway.protocols.dicom.composite import (
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    CStoreRQ,
    CStoreRSP,
)
from gateway.protocols.dicom.dimse import (
    AnyRequest,
    AnyResponse,
    Message,
    Received,
    Sendable,
    message_id_of,
)
from gateway.protocols.dicom.errors import AbortReason, AbortSource, Violation
from gateway.protocols.dicom.events import (
    Aborted,
    AssociationAccepted,
    AssociationRejected,
    AssociationRequested,
    Cause,
    CommandReceived,
    ConnectionLost,
    Context,
    DataReceived,
    Event,
    MessageReceived,
    Released,
    ReleaseRequested,
    RequestRefused,
)
from gateway.protocols.dicom.items import AnsweredContext, ContextResult, ProposedContext
from gateway.protocols.dicom.message import (
    CommandField,
    DataSet,
    Priority,
    Refusal,
    Request,
    Response,
    Unrecognized,
)
from gateway.protocols.dicom.negotiation import (
    Decision,
    Negotiation,
    negotiate,
    outcome,
    propose,
)
from gateway.protocols.dicom.normalized import (
    NActionRQ,
    NActionRSP,
    NCreateRQ,
    NCreateRSP,
    NEventReportRQ,
    NEventReportRSP,
    NGetRQ,
    NGetRSP,
    NSetRQ,
    NSetRSP,
)
from gateway.protocols.dicom.policy import Acceptance, Policy, Service
from gateway.protocols.dicom.rejection import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_NOT_RECOGNIZED,
    CALLING_AE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    NO_REASON,
    PROTOCOL_VERSION_NOT_SUPPORTED,
    TEMPORARY_CONGESTION,
    Rejection,
)
from gateway.protocols.dicom.settings import Settings
from gateway.protocols.dicom.states import State
from gateway.protocols.dicom.status import Category, Status, category, is_final, meaning
from gateway.protocols.dicom.timers import Timer, TimerName, Timers
from gateway.protocols.dicom.uid import STORAGE_COMMITMENT_INSTANCE, is_valid_uid
from gateway.protocols.dicom.upper_layer import Role
from gateway.protocols.dicom.user_information import (
    AsynchronousOperations,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)

__all__ = [
    "APPLICATION_CONTEXT_NOT_SUPPORTED",
    "CALLED_AE_NOT_RECOGNIZED",
    "CALLING_AE_NOT_RECOGNIZED",
    "LOCAL_LIMIT_EXCEEDED",
    "NO_REASON",
    "PROTOCOL_VERSION_NOT_SUPPORTED",
    "STORAGE_COMMITMENT_INSTANCE",
    "TEMPORARY_CONGESTION",
    "AbortReason",
    "AbortSource",
    "Aborted",
    "Acceptance",
    "AnsweredContext",
    "AnyRequest",
    "AnyResponse",
    "AssociateAC",
    "AssociateRQ",
    "Association",
    "AssociationAccepted",
    "AssociationRejected",
    "AssociationRequested",
    "AsynchronousOperations",
    "CCancelRQ",
    "CEchoRQ",
    "CEchoRSP",
    "CFindRQ",
    "CFindRSP",
    "CGetRQ",
    "CGetRSP",
    "CMoveRQ",
    "CMoveRSP",
    "CStoreRQ",
    "CStoreRSP",
    "Category",
    "Cause",
    "CommandField",
    "CommandReceived",
    "CommandSet",
    "CommonExtendedNegotiation",
    "ConnectionLost",
    "Context",
    "ContextResult",
    "DataReceived",
    "DataSet",
    "Decision",
    "Element",
    "Event",
    "ExtendedNegotiation",
    "Message",
    "MessageReceived",
    "NActionRQ",
    "NActionRSP",
    "NCreateRQ",
    "NCreateRSP",
    "NEventReportRQ",
    "NEventReportRSP",
    "NGetRQ",
    "NGetRSP",
    "NSetRQ",
    "NSetRSP",
    "Negotiation",
    "Policy",
    "Priority",
    "ProposedContext",
    "Received",
    "Refusal",
    "Rejection",
    "ReleaseRequested",
    "Released",
    "Request",
    "RequestRefused",
    "Response",
    "Role",
    "RoleSelection",
    "Sendable",
    "Service",
    "Settings",
    "State",
    "Status",
    "Timer",
    "TimerName",
    "Timers",
    "Unrecognized",
    "UserIdentity",
    "UserInformation",
    "Violation",
    "category",
    "is_final",
    "is_valid_uid",
    "meaning",
    "message_id_of",
    "negotiate",
    "outcome",
    "propose",
]
