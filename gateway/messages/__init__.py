"""Reports as messages: HL7 ORU^R01 out (written, then read back by other code), JSON, and ACKs.

``encode`` and ``verify`` belong together: a message that was not verified must not leave.  They
share values and wording, but no code that writes or reads ER7.  Nothing here does I/O or reads a
clock; the first ``verify`` for an HL7 version loads its tables (see ``load_tables``).
"""

from gateway.messages.canonical import canonical_text
from gateway.messages.destinations import (
    DESTINATION_PROFILES,
    Acknowledging,
    Charset,
    DestinationProfile,
    PointOfCare,
    ValueType,
    point_of_care,
)
from gateway.messages.envelope import (
    CodedElement,
    EntityIdentifier,
    Envelope,
    HierarchicDesignator,
    IdentifierDomain,
    Order,
    ProcessingId,
)
from gateway.messages.errors import NotAReport, NotEncodable, Obstacle
from gateway.messages.identity import control_id, filler_number, pseudonym
from gateway.messages.oru.encoder import encode
from gateway.messages.report_json import (
    PatientData,
    published_text,
    report_json,
    report_schema,
    report_text,
)
from gateway.messages.report_reader import report_from_json
from gateway.messages.verification import Tables, load_tables, tables_of, take_tables, verify
from gateway.protocols.hl7 import (
    Acknowledgment,
    AcknowledgmentCode,
    ErrorCode,
    ErrorCondition,
    acknowledge,
    read_acknowledgment,
)

__all__ = [
    "DESTINATION_PROFILES",
    "Acknowledging",
    "Acknowledgment",
    "AcknowledgmentCode",
    "Charset",
    "CodedElement",
    "DestinationProfile",
    "EntityIdentifier",
    "Envelope",
    "ErrorCode",
    "ErrorCondition",
    "HierarchicDesignator",
    "IdentifierDomain",
    "NotAReport",
    "NotEncodable",
    "Obstacle",
    "Order",
    "PatientData",
    "PointOfCare",
    "ProcessingId",
    "Tables",
    "ValueType",
    "acknowledge",
    "canonical_text",
    "control_id",
    "encode",
    "filler_number",
    "load_tables",
    "point_of_care",
    "pseudonym",
    "published_text",
    "read_acknowledgment",
    "report_from_json",
    "report_json",
    "report_schema",
    "report_text",
    "tables_of",
    "take_tables",
    "verify",
]
