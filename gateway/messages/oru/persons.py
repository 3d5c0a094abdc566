"""MSH, PID and PV1: the parties of a message and the patient, with nothing made up.

A patient's name keeps the components the device sent (family^given^middle^suffix^prefix, the same
in ASTM P.6 and XPN); one that is not in that form is written whole as family name.  A name nobody
knows is ``^^^^^^U`` (table 0200, "unspecified"), because PID-5 must not be empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from gateway.messages.destinations import Acknowledging, DestinationProfile
from gateway.messages.envelope import Envelope, Order
from gateway.messages.errors import Obstacle
from gateway.messages.identity import CONTROL_ID_LENGTH
from gateway.messages.oru.pen import IS_LENGTH, Pen
from gateway.names import name_parts
from gateway.protocols.hl7 import components, segment
from gateway.report import Patient, PatientId

UNKNOWN_NAME = "^^^^^^U"
UNKNOWN_CLASS = "U"
SEXES = frozenset("AFMNOU")
"""HL7 table 0001."""

_NAME_PARTS = 5
_BIRTH_DATE = re.compile(r"([0-9]{4})(?:-?([0-9]{2})(?:-?([0-9]{2}))?)?")
_ACKNOWLEDGMENTS = {
    Acknowledging.ORIGINAL: ("", ""),
    Acknowledging.COMMIT_ONLY: ("AL", "NE"),
    Acknowledging.COMMIT_AND_APPLICATION: ("AL", "AL"),
}


def header(envelope: Envelope, profile: DestinationProfile, pen: Pen) -> str:
    pen.where = "MSH"
    return segment(
        "MSH",
        r"^~\&",
        pen.designator(envelope.sending_application, 3),
        pen.designator(envelope.sending_facility, 4),
        pen.designator(envelope.receiving_application, 5),
        pen.designator(envelope.receiving_facility, 6),
        pen.moment(envelope.message_time, 7),
        "",
        profile.message_type,
        pen.identifier(envelope.control_id, 10, CONTROL_ID_LENGTH),
        envelope.processing_id.value,
        profile.version,
        *("", ""),
        *_ACKNOWLEDGMENTS[profile.acknowledging],
        "",
        profile.charset.value,
    )


def patient(patient: Patient, envelope: Envelope, profile: DestinationProfile, pen: Pen) -> str:
    pen.where = "PID"
    ids = "~".join(_patient_id(one, envelope, pen) for one in patient.ids)
    name = _name(patient.name, pen) if patient.name else UNKNOWN_NAME
    birth = _birth_date(patient.birth_date, pen) if patient.birth_date else ""
    sex = patient.sex if patient.sex in SEXES else ""
    line = segment("PID", "1", "", ids, "", name, "", birth, sex or "")
    return line + "|" * (profile.pid_fields - line.count("|"))


def visit(order: Order, pen: Pen) -> Iterator[str]:
    """PV1 only to echo what the order said of the visit."""
    if not (order.visit_number or order.patient_class):
        return
    pen.where = "PV1"
    patient_class = pen.exact(order.patient_class or UNKNOWN_CLASS, 2, IS_LENGTH)
    yield segment("PV1", "1", patient_class, *[""] * 16, pen.exact(order.visit_number, 19))


def _patient_id(one: PatientId, envelope: Envelope, pen: Pen) -> str:
    number, domain = pen.identifier(one.value, 3), envelope.domain(one.source)
    if domain is None:
        return number
    authority = pen.subdesignator(domain.authority, 3)
    return components(number, "", "", authority, pen.exact(domain.type_code, 3))


def _name(name: str, pen: Pen) -> str:
    parts = name_parts(name)
    if len(parts) > _NAME_PARTS:
        return pen.text(name, 5)
    return components(*(pen.text(part, 5) for part in parts)) or UNKNOWN_NAME


def _birth_date(text: str, pen: Pen) -> str:
    """DT from ``1980``, ``1980-01``, ``1980-01-31`` or the same without dashes."""
    match = _BIRTH_DATE.fullmatch(text.strip())
    if match is None:
        raise pen.refuse(Obstacle.NOT_A_DATE, 7)
    year, month, day = match.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        raise pen.refuse(Obstacle.NOT_A_DATE, 7) from None
    return year + (month or "") + (day or "")
