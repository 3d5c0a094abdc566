"""An imaging study as ORU^R01 (IHE RAD-128): that it is there, under which order, and its UID.

One order group with two observations: ``113014^DICOM Study^DCM`` with the Study Instance UID, and
how many images there are; a third, where the receiver wants it, with a link to the study's page
(``RP``).  Told again with the same OBR-3 when there are more; taken back (OBX-11
``W``) when the study turned out to be another's.  ``check_study`` reads a message back before it
may leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import CodedElement, EntityIdentifier, Envelope, Order
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.oru import persons
from gateway.messages.oru.pen import Pen
from gateway.protocols.hl7 import Message, Unreadable, components, escape, read, segment
from gateway.report import Patient

STUDY: Final = CodedElement("113014", "DICOM Study", "DCM")
IMAGES: Final = CodedElement("GWNIMG", "Images stored", "99GW")
PAGE: Final = CodedElement("GWLINK", "Image viewer link", "99GW")
SECTION: Final = "RUS"  # table 0074: radiology ultrasound
_THERE: Final = ("CM", "R", "O")  # ORC-5, OBR-25, OBX-11
_TAKEN_BACK: Final = ("CA", "X", "W")


@dataclass(frozen=True, slots=True, repr=False)
class StudyNotice:
    """``filler`` is OBR-3, the same for everything told of one study under one order; ``page`` the
    address of its page."""

    uid: str
    accession: str
    filler: str
    patient: Patient
    images: int
    imaged_at: datetime | None
    withdrawn: bool = False
    page: str = ""

    @property
    def states(self) -> tuple[str, str, str]:
        return _TAKEN_BACK if self.withdrawn else _THERE


def encode_study(notice: StudyNotice, envelope: Envelope, profile: DestinationProfile) -> bytes:
    """The message; ``NotEncodable`` when a field cannot carry what it should."""
    if not notice.patient.known:
        raise NotEncodable(Obstacle.PATIENT_REQUIRED, "PID")
    lines = list(_segments(notice, envelope, profile))
    try:
        return ("\r".join(lines) + "\r").encode(profile.charset.codec)
    except UnicodeEncodeError:
        raise NotEncodable(Obstacle.UNENCODABLE_CHARACTER, "message") from None


def _segments(
    notice: StudyNotice, envelope: Envelope, profile: DestinationProfile
) -> Iterator[str]:
    pen = Pen(envelope.timezone, offset=profile.zone_offset)
    order = envelope.order or Order()
    completed, stored, status = notice.states
    yield persons.header(envelope, profile, pen)
    yield persons.patient(notice.patient, envelope, profile, pen)
    yield from persons.visit(order, pen)
    pen.where = "ORC"
    placer = pen.entity(order.placer_number, 2) if order.placer_number else ""
    filler = pen.entity(EntityIdentifier(notice.filler, "GATEWAY"), 3)
    yield segment("ORC", "SC", placer, filler, "", completed)
    pen.where = "OBR"
    yield segment(
        *("OBR", "1", placer, filler, pen.coded(order.procedure or STUDY, 4), "", ""),
        *(pen.moment(notice.imaged_at, 7), *[""] * 10, pen.exact(notice.accession, 18)),
        *("", "", "", pen.moment(envelope.message_time, 22), "", SECTION, stored),
    )
    pen.where = "OBX[1]"
    named, uid = pen.coded(STUDY, 3), pen.identifier(notice.uid, 5)
    yield segment("OBX", "1", "ST", named, "", uid, *[""] * 5, status)
    pen.where = "OBX[2]"
    counted, unit = pen.coded(IMAGES, 3), components("{count}", "images", "UCUM")
    yield segment("OBX", "2", "NM", counted, "", str(notice.images), unit, *[""] * 4, status)
    if notice.page:
        pen.where = "OBX[3]"
        named, link = pen.coded(PAGE, 3), components(escape(notice.page), "GATEWAY", "TEXT", "HTML")
        yield segment("OBX", "3", "RP", named, "", link, *[""] * 5, status)


def check_study(
    message: bytes, notice: StudyNotice, envelope: Envelope, profile: DestinationProfile
) -> None:
    """Reads the message back.  ``NotEncodable`` when it does not say what it should."""
    try:
        found = read(message.decode(profile.charset.codec))
    except (Unreadable, UnicodeDecodeError):
        raise NotEncodable(Obstacle.UNREADABLE, "message") from None
    placer = envelope.order.placer_number if envelope.order else None
    wanted = {
        "MSH-10": envelope.control_id,
        "OBR-2": placer.id if placer else None,
        "OBR-3": notice.filler,
        "OBR-18": notice.accession or None,
        "OBX(1)-3": STUDY.code,
        "OBX(1)-5": notice.uid,
        "OBX(1)-11": notice.states[2],
        "OBX(2)-5": str(notice.images),
        "OBX(3)-5": notice.page or None,
    }
    for place, value in wanted.items():
        if found.at(place) != value:
            raise NotEncodable(Obstacle.DIFFERENT, place)
    if _ids(found) != [one.value for one in notice.patient.ids]:
        raise NotEncodable(Obstacle.DIFFERENT, "PID-3")


def _ids(message: Message) -> list[str | None]:
    [pid] = message.all("PID")
    return [pid.at(3, repetition=n) for n in range(1, len(pid.repetitions(3)) + 1)]
