"""CLSI LIS01-A2 (ASTM E1381) link layer and LIS02-A2 (ASTM E1394) records, without I/O.

``Receiver``, ``Sender`` and ``Line`` turn bytes into events and answers into bytes; ``decode``
turns the joined text of a transmission into ``Message`` trees, ``encode`` turns records back.
``read_capture`` reads recorded bytes offline; ``wire`` holds the escaped transcript format.
"""

from gateway.protocols.astm.capture import read_capture
from gateway.protocols.astm.decoding import decode, split_records
from gateway.protocols.astm.delimiters import Delimiters
from gateway.protocols.astm.dialect import (
    Ack,
    Checksum,
    Dialect,
    Endings,
    Framing,
    Numbering,
    Role,
    Timers,
)
from gateway.protocols.astm.events import (
    Accepted,
    Busy,
    ChunkReceived,
    Damage,
    Delivered,
    Ending,
    Enquiry,
    Event,
    Failed,
    Failure,
    Foreign,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    Heartbeat,
    Incomplete,
    Interrupted,
    MessageReceived,
    NotAstm,
    SenderEvent,
    TransmissionEnded,
    TransmissionIncomplete,
)
from gateway.protocols.astm.findings import Finding, Outcome, Remark, Transmission
from gateway.protocols.astm.frame import Frame, checksum, encode_frame, split_frames
from gateway.protocols.astm.line import Line
from gateway.protocols.astm.message import Flaw, Flawed, Message, Node, Result, encode
from gateway.protocols.astm.receiver import Receiver
from gateway.protocols.astm.records import At, Record
from gateway.protocols.astm.sender import Sender
from gateway.protocols.astm.wire import (
    Comment,
    Direction,
    Entry,
    Spoken,
    read_wire,
    said,
    write_wire,
)

__all__ = [
    "Accepted",
    "Ack",
    "At",
    "Busy",
    "Checksum",
    "ChunkReceived",
    "Comment",
    "Damage",
    "Delimiters",
    "Delivered",
    "Dialect",
    "Direction",
    "Ending",
    "Endings",
    "Enquiry",
    "Entry",
    "Event",
    "Failed",
    "Failure",
    "Finding",
    "Flaw",
    "Flawed",
    "Foreign",
    "Frame",
    "FrameDamaged",
    "FrameReceived",
    "FrameRepeated",
    "Framing",
    "Heartbeat",
    "Incomplete",
    "Interrupted",
    "Line",
    "Message",
    "MessageReceived",
    "Node",
    "NotAstm",
    "Numbering",
    "Outcome",
    "Receiver",
    "Record",
    "Remark",
    "Result",
    "Role",
    "Sender",
    "SenderEvent",
    "Spoken",
    "Timers",
    "Transmission",
    "TransmissionEnded",
    "TransmissionIncomplete",
    "checksum",
    "decode",
    "encode",
    "encode_frame",
    "read_capture",
    "read_wire",
    "said",
    "split_frames",
    "split_records",
    "write_wire",
]
