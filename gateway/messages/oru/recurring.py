"""What stands alike in message after message: the test, its unit, and the device.

OBX-3 is ``LOINC^name^LN^device^device^L`` (the device's own code alone where no LOINC is known).
The last tests and units written are remembered, but never one that was refused.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from gateway.messages.errors import NotEncodable
from gateway.messages.oru.pen import IS_LENGTH, ST_LENGTH, Pen
from gateway.protocols.hl7 import components, escape
from gateway.report import Code, Device, Unit

_REMEMBERED: Final = 2048
_LONGEST: Final = 1000
"""Characters of a name or unit that may be remembered."""


def identifier(code: Code, pen: Pen) -> str:
    """OBX-3.  A LOINC name is never shortened: one that does not fit is left out."""
    display = code.display
    write = _identifier if display and len(display) > _LONGEST else _identifier_as_before
    try:
        return write(code.device, code.loinc, display)
    except NotEncodable as refused:
        raise pen.refuse(refused.obstacle, 3) from None


def unit_of_measure(unit: Unit, pen: Pen) -> str:
    """OBX-6: UCUM first where it is known, else the device's own unit."""
    write = _unit if len(unit.device) > _LONGEST else _unit_as_before
    try:
        return write(unit.device, unit.ucum)
    except NotEncodable as refused:
        raise pen.refuse(refused.obstacle, 6) from None


def equipment(device: Device, pen: Pen) -> str:
    """OBX-18 as IHE LAW repeats it: the serial number (else the name here), then the model."""
    maker = device.manufacturer or ""
    maker = pen.exact(maker, 18) if len(escape(maker)) <= IS_LENGTH else ""
    serial = components(pen.identifier(device.serial or device.id, 18), maker)
    model = components(pen.identifier(device.model, 18), maker) if device.model else ""
    return f"{serial}~{model}" if model else serial


def _identifier(code: str, loinc: str | None, display: str | None) -> str:
    pen = Pen(None, offset=False)
    device = pen.identifier(code, 3)
    if loinc is None:
        return components(device, pen.text(display or code, 3), "L")
    name = display or ""
    name = pen.text(name, 3) if len(escape(name)) <= ST_LENGTH else ""
    return components(pen.identifier(loinc, 3), name, "LN", device, device, "L")


def _unit(own: str, known: str | None) -> str:
    pen = Pen(None, offset=False)
    device = pen.text(own, 6)
    if known is None:
        return components(device, device, "L") if device else ""
    ucum = pen.text(known, 6)
    if device in ("", ucum):
        return components(ucum, ucum, "UCUM")
    return components(ucum, device, "UCUM", device, device, "L")


_identifier_as_before = lru_cache(_REMEMBERED)(_identifier)
_unit_as_before = lru_cache(_REMEMBERED)(_unit)
