"""Whether a unit's worklist can show what an imaging order is called by.

Accession number, procedure and step are SH there: 16 characters.  A longer one would be cut or
left out by somebody on the way, so the order is refused, and the EHR hears where.
"""

from __future__ import annotations

from typing import Final

from gateway.orders.errors import wrong
from gateway.orders.model import ImagingStep
from gateway.protocols.dicom.uid import is_valid_uid
from gateway.protocols.hl7 import ErrorCode

SHORT: Final = 16
ORDER_NUMBER: Final = ("ORC", 2)
Spot = tuple[str, int]


def step_id(order: str, number: int, of: int) -> str:
    """A step's id where the EHR gave none; of an only step the order's own where that is long."""
    made = f"{order}-{number}"
    return order if of == 1 and len(made) > SHORT else made


def fitting(
    step: ImagingStep,
    occurrence: int,
    *,
    accession: Spot,
    procedure: Spot,
    step_at: Spot,
    study: Spot,
) -> ImagingStep:
    """The step; ``NotTaken`` with the place of what is too long or no UID."""
    for text, (segment, field) in (
        (step.accession, accession),
        (step.requested_procedure, procedure),
        (step.step, step_at),
        (step.ae_title or "", ("IPC", 9)),
    ):
        if len(text) > SHORT:
            raise wrong(ErrorCode.DATA_TYPE, segment, field, occurrence)
    if step.study_uid is not None and not is_valid_uid(step.study_uid):
        raise wrong(ErrorCode.DATA_TYPE, *study, occurrence)
    return step
