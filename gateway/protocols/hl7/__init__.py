"""HL7 v2 in ER7: a tolerant reader, one escaping, and acknowledgments both ways.  No I/O.

What is written elsewhere (result messages) uses ``escape`` and ``segment`` of this package; what
is read here may come from any EHR, LIS or analyzer.
"""

from gateway.protocols.hl7.acknowledgment import (
    ERROR_TEXTS,
    Acknowledgment,
    AcknowledgmentCode,
    ErrorCode,
    ErrorCondition,
    acknowledge,
    read_acknowledgment,
)
from gateway.protocols.hl7.charset import CODECS, Decoded, decode
from gateway.protocols.hl7.errors import Unreadable
from gateway.protocols.hl7.message import MAX_SEGMENTS, NULL, Message, Segment, read, read_all
from gateway.protocols.hl7.separators import STANDARD, Separators
from gateway.protocols.hl7.text import (
    components,
    escape,
    escape_formatted,
    has_control,
    has_line_break,
    removed,
    segment,
    unescape,
)

__all__ = [
    "CODECS",
    "ERROR_TEXTS",
    "MAX_SEGMENTS",
    "NULL",
    "STANDARD",
    "Acknowledgment",
    "AcknowledgmentCode",
    "Decoded",
    "ErrorCode",
    "ErrorCondition",
    "Message",
    "Segment",
    "Separators",
    "Unreadable",
    "acknowledge",
    "components",
    "decode",
    "escape",
    "escape_formatted",
    "has_control",
    "has_line_break",
    "read",
    "read_acknowledgment",
    "read_all",
    "removed",
    "segment",
    "unescape",
]
