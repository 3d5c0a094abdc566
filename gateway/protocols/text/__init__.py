"""Analyzers that speak plain text: STX/ETX blocks, fixed columns, printer streams, silence.

``Receiver(CODECS[name].framing)`` turns bytes into messages, ``CODECS[name].decode`` a message into
``Fields``.  The vendor modules say what is known of each device and what is not verified.
"""

from gateway.protocols.events import (
    Cutoff,
    Damage,
    Enquiry,
    Event,
    Integrity,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text.codecs import CODECS, Codec
from gateway.protocols.text.columns import Column, columns
from gateway.protocols.text.fields import Fields
from gateway.protocols.text.framing import Lines, Silence, StxEtx, Terminated
from gateway.protocols.text.receiver import Answers, Framing, Receiver

__all__ = [
    "CODECS",
    "Answers",
    "Codec",
    "Column",
    "Cutoff",
    "Damage",
    "Enquiry",
    "Event",
    "Fields",
    "Framing",
    "Integrity",
    "Lines",
    "MessageDamaged",
    "MessageIncomplete",
    "MessageReceived",
    "Receiver",
    "Silence",
    "StxEtx",
    "Terminated",
    "columns",
]
