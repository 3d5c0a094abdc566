"""Why a report cannot become a message: a closed list of kinds, each with a position.

Nothing here ever holds a value of the report; the position names a field (``OBX[3]-5``), the kind
says what to look for there.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.errors import GatewayError


class Obstacle(StrEnum):
    """What stands in the way.  The second half is found only by reading the message back."""

    NOT_A_PATIENT_RUN = "not-a-patient-run"
    NO_OBSERVATIONS = "no-observations"
    PATIENT_REQUIRED = "patient-required"
    UNIDENTIFIED = "unidentified"
    CONTROL_CHARACTER = "control-character"
    UNENCODABLE_CHARACTER = "unencodable-character"
    TOO_LONG = "too-long"
    EMPTY = "empty"
    HL7_NULL = "hl7-null"
    NOT_A_NUMBER = "not-a-number"
    NOT_A_DATE = "not-a-date"
    TIME_WITHOUT_ZONE = "time-without-zone"
    SNAPSHOT_INCOMPLETE = "snapshot-incomplete"

    UNREADABLE = "unreadable"
    SEGMENT_NOT_ALLOWED = "segment-not-allowed"
    SEGMENT_SEQUENCE = "segment-sequence"
    REQUIRED_FIELD = "required-field"
    TOO_MANY = "too-many"
    DATA_TYPE = "data-type"
    TABLE_VALUE = "table-value"
    VALUE_TYPE = "value-type"
    DIFFERENT = "different"


class NotEncodable(GatewayError):
    """The report has no faithful form in this destination's messages: hold it, ask a person."""

    def __init__(self, obstacle: Obstacle, position: str) -> None:
        super().__init__(f"{obstacle} at {position}")
        self.obstacle = obstacle
        self.position = position


class NotAReport(GatewayError):
    """JSON that is not a report of this schema; names the key, never its value."""
