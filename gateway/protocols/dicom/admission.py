"""Whether a unit may come now, told from its header alone, before one byte of its body is kept."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.protocols.dicom.errors import AbortReason, Violation
from gateway.protocols.dicom.framing import PDV_OVERHEAD, PduType
from gateway.protocols.dicom.settings import Settings
from gateway.protocols.dicom.states import REFUSES, TABLE, State, Stimulus

SHORT: Final = 4  # bytes of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP, A-ABORT

STIMULI: Final[Mapping[int, Stimulus]] = MappingProxyType(
    {
        PduType.ASSOCIATE_RQ: Stimulus.ASSOCIATE_RQ,
        PduType.ASSOCIATE_AC: Stimulus.ASSOCIATE_AC,
        PduType.ASSOCIATE_RJ: Stimulus.ASSOCIATE_RJ,
        PduType.P_DATA_TF: Stimulus.P_DATA_TF,
        PduType.RELEASE_RQ: Stimulus.RELEASE_RQ,
        PduType.RELEASE_RP: Stimulus.RELEASE_RP,
        PduType.ABORT: Stimulus.ABORT,
    }
)


def admit(number: int, length: int, state: State, settings: Settings) -> PduType:
    """The unit's type; ``Violation`` when it may not come now, or not that long."""
    stimulus = STIMULI.get(number)
    if stimulus is None:
        raise Violation(f"PDU of unknown type {number:02X}H", AbortReason.UNRECOGNIZED_PDU)
    kind = PduType(number)
    if TABLE[state, stimulus] in REFUSES:
        detail = f"{kind.name} may not come in {state.name.title()}"
        raise Violation(detail, AbortReason.UNEXPECTED_PDU)
    allowed = _allowed(kind, settings)
    if length > allowed:
        raise Violation(f"{kind.name} of {length} bytes, {allowed} allowed", limit=True)
    if kind is PduType.P_DATA_TF and length < PDV_OVERHEAD:
        raise Violation(f"P_DATA_TF of {length} bytes")
    return kind


def _allowed(kind: PduType, settings: Settings) -> int:
    match kind:
        case PduType.P_DATA_TF:
            return settings.max_pdu_length
        case PduType.ASSOCIATE_RQ | PduType.ASSOCIATE_AC:
            return settings.max_associate_length
        case _:
            return SHORT
