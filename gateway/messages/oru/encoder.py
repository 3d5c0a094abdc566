"""Report to ORU^R01 in ER7: a pure function of (report, envelope, destination profile).

One message holds one report: MSH, the patient when known, one order group (ORC, OBR, its notes),
the observations with theirs, the specimen.  A correction is the full group again under the same
OBR-3.  Refused (NotEncodable): anything but patient runs, reports that identify neither patient nor
specimen, and whatever a field cannot carry without changing it.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import Envelope, Order
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.oru import persons
from gateway.messages.oru.pen import Pen
from gateway.messages.oru.request import Request
from gateway.messages.oru.results import Results, note_segments
from gateway.report import Kind, Report


def encode(report: Report, envelope: Envelope, profile: DestinationProfile) -> bytes:
    """The message: segments ended by CR, in the profile's character set, no MLLP framing."""
    _refuse_nonsense(report, envelope, profile)
    lines = list(_segments(report, envelope, profile))
    try:
        return ("\r".join(lines) + "\r").encode(profile.charset.codec)
    except UnicodeEncodeError as error:
        number = "\r".join(lines)[: error.start].count("\r") + 1
        position = f"segment {number} ({lines[number - 1][:3]})"
        raise NotEncodable(Obstacle.UNENCODABLE_CHARACTER, position) from None


def _segments(report: Report, envelope: Envelope, profile: DestinationProfile) -> Iterator[str]:
    """OBR sums up the observations, so these are written first."""
    zone = envelope.zone(report, offsets=profile.zone_offset)
    pen = Pen(zone, offset=profile.zone_offset)
    results = Results(report, envelope, profile, pen)
    observations = results.segments()
    yield persons.header(envelope, profile, pen)
    if report.patient.known:
        yield persons.patient(report.patient, envelope, profile, pen)
        yield from persons.visit(envelope.order or Order(), pen)
    request = Request(report, envelope, profile, results.statuses, pen)
    yield request.common_order()
    yield request.observation_request()
    specimen = list(request.specimen())
    yield from note_segments(request.notes(), pen, request.removed())
    yield from observations
    yield from specimen


def _refuse_nonsense(report: Report, envelope: Envelope, profile: DestinationProfile) -> None:
    known = report.patient.known
    if report.kind is not Kind.PATIENT:
        raise NotEncodable(Obstacle.NOT_A_PATIENT_RUN, "report")
    if not report.observations:
        raise NotEncodable(Obstacle.NO_OBSERVATIONS, "OBX")
    if profile.patient_required and not known:
        raise NotEncodable(Obstacle.PATIENT_REQUIRED, "PID")
    ordered = envelope.order is not None and envelope.order.placer_number is not None
    if not known and not report.specimen.id and not ordered:
        raise NotEncodable(Obstacle.UNIDENTIFIED, "PID")
