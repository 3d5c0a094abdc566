"""Why a message of an EHR was not taken: what kind of mistake, and where in the message."""

from __future__ import annotations

from gateway.errors import GatewayError
from gateway.protocols.hl7 import AcknowledgmentCode, ErrorCode, ErrorCondition


class NotTaken(GatewayError):
    """``rejects``: the whole kind of message is not served here (AR); else its content is (AE)."""

    def __init__(self, condition: ErrorCondition, *, rejects: bool = False) -> None:
        super().__init__(f"{condition.code.name.lower()} at {condition.segment or 'message'}")
        self.condition = condition
        self.rejects = rejects

    @property
    def code(self) -> AcknowledgmentCode:
        if self.rejects:
            return AcknowledgmentCode.APPLICATION_REJECT
        return AcknowledgmentCode.APPLICATION_ERROR


def missing(segment: str, field: int | None = None, occurrence: int = 1) -> NotTaken:
    """A segment, or a field of it, that must be there."""
    code = ErrorCode.REQUIRED_FIELD if field else ErrorCode.SEGMENT_SEQUENCE
    return NotTaken(ErrorCondition(code, segment, occurrence, field))


def wrong(code: ErrorCode, segment: str, field: int | None = None, occurrence: int = 1) -> NotTaken:
    return NotTaken(ErrorCondition(code, segment, occurrence, field))
