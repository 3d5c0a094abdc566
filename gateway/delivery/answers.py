"""What an HL7 acknowledgment means for the message it answers.

AA, CA and error 205 (it is there already) are receipts.  AE and CE are worth a few more tries
when nothing or 206/207 (locked, internal error) is given as the reason.  AR without a reason, and
200 to 203 in any rejection (type, event, processing id, version unsupported) would hit every
message: Refused with ``stop``.  CR says that the receiver cannot store now: as if not sent.
Everything else is this message's own fault and needs a person; so does an order that the receiver
says it is unable to take, whatever its MSA-1.
"""

from __future__ import annotations

from gateway.delivery.base import Receipt, Result
from gateway.errors import DeliveryError, Refused, Unreachable
from gateway.protocols.hl7 import ERROR_TEXTS, Acknowledgment, AcknowledgmentCode, ErrorCode

_TEMPORARY = frozenset({None, ErrorCode.RECORD_LOCKED, ErrorCode.INTERNAL_ERROR})
_UNSUPPORTED = frozenset(
    {
        ErrorCode.UNSUPPORTED_TYPE,
        ErrorCode.UNSUPPORTED_EVENT,
        ErrorCode.UNSUPPORTED_PROCESSING_ID,
        ErrorCode.UNSUPPORTED_VERSION,
    }
)


def meaning(acknowledgment: Acknowledgment) -> Result:
    """A receipt, with the numbers the receiver gave the order; else ``failure``."""
    error = failure(acknowledgment)
    if error is not None:
        return error
    return Receipt(acknowledgment.code, None, acknowledgment.placer, acknowledgment.filler)


def failure(acknowledgment: Acknowledgment) -> DeliveryError | None:
    """None when the message arrived; else the error to raise, without the peer's own words."""
    code = acknowledgment.code
    error = None if acknowledgment.error_code is ErrorCode.ACCEPTED else acknowledgment.error_code
    if acknowledgment.unable:
        return Refused("the order cannot be taken, changed or cancelled there (ORC-1)")
    if code.accepted or error is ErrorCode.DUPLICATE_KEY:
        return None
    reason = _sentence(acknowledgment, error)
    match code:
        case AcknowledgmentCode.APPLICATION_ERROR | AcknowledgmentCode.COMMIT_ERROR:
            return Refused(reason, again=error in _TEMPORARY)
        case AcknowledgmentCode.COMMIT_REJECT if error in _TEMPORARY:
            return Unreachable(f"{reason}: it cannot store now")
        case _:
            return Refused(reason, stop=error is None or error in _UNSUPPORTED)


def _sentence(acknowledgment: Acknowledgment, error: ErrorCode | None) -> str:
    sentence = f"answered {acknowledgment.code}"
    if error is not None:
        sentence += f", error {error} ({ERROR_TEXTS[error]})"
    if acknowledgment.location is not None:
        sentence += f" at {acknowledgment.location}"
    return sentence


def wants_application_answer(message: bytes) -> bool:
    """Whether MSH-16 is AL: the receiving application answers after the commit."""
    fields = message.split(b"\r", 1)[0].split(message[3:4])
    return len(fields) > 15 and fields[15] == b"AL"
