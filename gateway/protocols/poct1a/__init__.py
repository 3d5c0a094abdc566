"""POCT1-A (CLSI POCT01-A2): point-of-care devices and their data manager, both ends.

``DataManager`` answers a device that dialled in; ``Device`` is its mirror for simulators.  Messages
are XML, one root element each, bare or inside MLLP; ``read`` turns one into a ``Message`` whose
fields are read with ``at("SVC.role_cd")``.
"""

from gateway.protocols.events import Cutoff, Damage, MessageDamaged, MessageIncomplete
from gateway.protocols.poct1a.build import Topic, Verdict, group, leaf
from gateway.protocols.poct1a.device import Device, Offer
from gateway.protocols.poct1a.events import (
    Acknowledged,
    Delivered,
    DeviceEvent,
    Ended,
    Ending,
    ManagerEvent,
    MessageReceived,
    Silent,
)
from gateway.protocols.poct1a.manager import DataManager, State
from gateway.protocols.poct1a.message import Identity, Kind, Message, Scope, identity, read
from gateway.protocols.poct1a.plan import (
    EVENTS,
    KEEP_ALIVE,
    OBSERVATIONS,
    START_CONTINUOUS,
    Close,
    Listing,
    Mode,
    Request,
    Send,
    Step,
    set_time,
    usual_steps,
)
from gateway.protocols.poct1a.stream import Wrapping
from gateway.protocols.poct1a.xml import Element, Unreadable, serialize

__all__ = [
    "EVENTS",
    "KEEP_ALIVE",
    "OBSERVATIONS",
    "START_CONTINUOUS",
    "Acknowledged",
    "Close",
    "Cutoff",
    "Damage",
    "DataManager",
    "Delivered",
    "Device",
    "DeviceEvent",
    "Element",
    "Ended",
    "Ending",
    "Identity",
    "Kind",
    "Listing",
    "ManagerEvent",
    "Message",
    "MessageDamaged",
    "MessageIncomplete",
    "MessageReceived",
    "Mode",
    "Offer",
    "Request",
    "Scope",
    "Send",
    "Silent",
    "State",
    "Step",
    "Topic",
    "Unreadable",
    "Verdict",
    "Wrapping",
    "group",
    "identity",
    "leaf",
    "read",
    "serialize",
    "set_time",
    "usual_steps",
]
