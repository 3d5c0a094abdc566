"""HL7 v2 as analyzers speak it, both ends: MLLP or bare segments, results, questions, downloads.

``Peer`` keeps the conversation; ``read_results`` puts every OBX under its own OBR, specimen and
patient; ``queries`` builds answers to hosts' questions.  The ER7 reader and MLLP are those of
``gateway.protocols.hl7`` and ``gateway.protocols.mllp``.
"""

from gateway.protocols.events import Cutoff, Damage, MessageDamaged, MessageIncomplete
from gateway.protocols.hl7device.events import (
    Acknowledged,
    Event,
    MessageReceived,
    QueryReceived,
    Unanswered,
)
from gateway.protocols.hl7device.header import Header, read_header
from gateway.protocols.hl7device.peer import BareReply, Dialect, Peer
from gateway.protocols.hl7device.queries import (
    Query,
    QueryForm,
    Stamp,
    display,
    download,
    no_order,
    order_response,
    query_acknowledgment,
    read_query,
    response,
)
from gateway.protocols.hl7device.replies import acknowledgment
from gateway.protocols.hl7device.results import Observation, Order, Results, Scope, read_results
from gateway.protocols.hl7device.stream import Wrapping

__all__ = [
    "Acknowledged",
    "BareReply",
    "Cutoff",
    "Damage",
    "Dialect",
    "Event",
    "Header",
    "MessageDamaged",
    "MessageIncomplete",
    "MessageReceived",
    "Observation",
    "Order",
    "Peer",
    "Query",
    "QueryForm",
    "QueryReceived",
    "Results",
    "Scope",
    "Stamp",
    "Unanswered",
    "Wrapping",
    "acknowledgment",
    "display",
    "download",
    "no_order",
    "order_response",
    "query_acknowledgment",
    "read_header",
    "read_query",
    "read_results",
    "response",
]
