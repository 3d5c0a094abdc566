"""What a host answers an HL7-speaking analyzer, segment by segment.

An acknowledgment goes back from MSH-5/6 to MSH-3/4, repeats MSH-11, MSH-12 (literally: a Liat wants
``2.5``), MSH-18 and MSH-21, and names MSH-10 in MSA-2.  Its trigger is the message's own, but R33
for ORU^R30, R31 and R32.  Which codes are due follows MSH-15 and MSH-16; both empty is the original
mode with one AA, AE or AR.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.protocols.hl7 import AcknowledgmentCode, ErrorCode, components, escape, segment
from gateway.protocols.hl7.acknowledgment import ERROR_TEXTS
from gateway.protocols.hl7device.header import Header

_POINT_OF_CARE: Final = ("R30", "R31", "R32")
_ORDER_ANSWERS: Final = {
    "O33": ("ORL", "O34", "ORL_O34"),
    "O21": ("ORL", "O22", "ORL_O22"),
}
_WITHOUT_STRUCTURE: Final = ("2.1", "2.2", "2.3", "2.3.1")
_ON_SUCCESS: Final = ("AL", "SU")
_ON_ERROR: Final = ("AL", "ER")


def reply_header(
    request: Header | None, kind: tuple[str, ...], control_id: str, time: datetime
) -> str:
    """The MSH of an answer of type ``kind`` (``("ACK", "R33", "ACK")``)."""
    parties = [""] * 4 if request is None else [_again(request, n) for n in (5, 6, 3, 4)]
    processing = _again(request, 11) if request else ""
    version = _again(request, 12) if request else ""
    head = [r"^~\&", *parties, time.strftime("%Y%m%d%H%M%S"), "", components(*kind)]
    head += [escape(control_id), processing or "P", version or "2.5.1", "", "", "", "", ""]
    head += [_again(request, 18), "", "", _again(request, 21)] if request else []
    return segment("MSH", *head)


def _again(request: Header, number: int) -> str:
    """A field of the request in our delimiters."""
    if number < 9:
        parts = request.segment.components(number)
    else:
        parts = request.segment.components(request.position(number))
    return components(*(escape(part) for part in parts))


def acknowledgment_type(request: Header | None) -> tuple[str, ...]:
    """MSH-9: ``ACK^R01``, ``ACK^R22^ACK``, ``ACK^R33^ACK``; ORL for an OML (LAB-28)."""
    if request is None or not request.trigger:
        return ("ACK",)
    if request.type == "OML" and request.trigger in _ORDER_ANSWERS:
        return _ORDER_ANSWERS[request.trigger]
    trigger = "R33" if request.trigger in _POINT_OF_CARE else request.trigger
    plain = request.version in _WITHOUT_STRUCTURE
    return ("ACK", trigger) if plain else ("ACK", trigger, "ACK")


def due_codes(request: Header | None, *, accepted: bool, rejected: bool) -> Iterator[str]:
    """The acknowledgment codes the sender asked for, in the order to send them."""
    commit = request.accept_acknowledgment if request else ""
    application = request.application_acknowledgment if request else ""
    letter = "A" if accepted else "R" if rejected else "E"
    wanted = _ON_SUCCESS if accepted else _ON_ERROR
    if commit in wanted:
        yield f"C{letter}"
    if application in wanted or not (commit or application):
        yield f"A{letter}"


def acknowledgment(
    request: Header | None,
    code: AcknowledgmentCode,
    control_id: str,
    time: datetime,
    error: ErrorCode | None = None,
) -> bytes:
    """One ACK, CR ends, not framed."""
    asked = escape(request.control_id) if request else ""
    lines = [reply_header(request, acknowledgment_type(request), control_id, time)]
    lines.append(segment("MSA", code.value, asked))
    if error is not None:
        what = components(error.value, ERROR_TEXTS[error], "HL70357")
        lines.append(segment("ERR", "", "", what, "E"))
    return joined(lines)


def joined(lines: list[str]) -> bytes:
    """Segments as bytes.  UTF-8: what is not ASCII in them came from us."""
    return "".join(f"{line}\r" for line in lines).encode()
