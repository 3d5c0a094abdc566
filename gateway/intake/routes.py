"""Which destination gets what, and the message it gets; the same for every device.

A ``Route`` is a destination as the intake sees it.  ``Router`` turns a report into the messages
for all routes: ORU^R01 for EHRs (patient runs only), JSON for MQTT.  Each ORU is read back by
separate code and compared with the report before it may be queued; one that cannot be written
faithfully holds the report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.messages import (
    DestinationProfile,
    Envelope,
    HierarchicDesignator,
    IdentifierDomain,
    NotEncodable,
    Order,
    PatientData,
    PointOfCare,
    ProcessingId,
    control_id,
    encode,
    point_of_care,
    published_text,
    verify,
)
from gateway.report import Kind, Problem, ProblemCode, Report
from gateway.store import OutboxMessage

HL7 = "application/hl7-v2"
JSON = "application/json"
NO_PATIENT = "no patient is named and without_patient holds; find out whose it is, then resend it"


@dataclass(frozen=True, slots=True)
class EhrRoute:
    """An EHR: by MLLP or by files, the messages are the same.

    ``point_of_care`` says what it does about results nobody ordered, where it wants them so;
    ``studies`` whether it is told of imaging studies, ``study_page`` whether with a link.
    """

    name: str
    profile: DestinationProfile
    devices: frozenset[str] | None = None
    hold_without_patient: bool = True
    assigning_authority: str | None = None
    receiving_application: str = ""
    receiving_facility: str = ""
    point_of_care: PointOfCare | None = None
    studies: bool = False
    study_page: bool = False

    def profile_for(self, revision: Revision) -> DestinationProfile:
        """As ORU^R01, or where the EHR wants R30 to R32: what it has to do about the order."""
        if self.point_of_care is None:
            return self.profile
        order = revision.order
        known = revision.number > 0 or (order is not None and order.placer_number is not None)
        return point_of_care(self.profile, PointOfCare.KNOWN if known else self.point_of_care)


@dataclass(frozen=True, slots=True)
class MqttRoute:
    """A broker: a copy for whoever watches."""

    name: str
    patient_data: PatientData
    devices: frozenset[str] | None = None


Route = EhrRoute | MqttRoute


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are in messages."""

    application: str
    site: str
    processing: ProcessingId = ProcessingId.PRODUCTION


@dataclass(frozen=True, slots=True)
class Revision:
    """Where a report stands in its life: 0 for the first, ``previous`` as it was last sent.

    ``corrects`` is false when nothing of it was ever sent.  ``domains`` say who assigned the
    patient's numbers.  ``again`` counts the times a person sent the same revision as new.  ``lane``
    is that of an earlier report it must not overtake.
    """

    number: int = 0
    previous: Report | None = None
    filler_number: str | None = None
    order: Order | None = None
    again: int = 0
    corrects: bool = True
    domains: tuple[IdentifierDomain, ...] = ()
    lane: str | None = None


FIRST = Revision()


class Router:
    """Pure but for the clock: the same report makes the same messages, MSH-7 apart."""

    def __init__(
        self,
        routes: Sequence[Route],
        sender: Sender,
        site_key: bytes,
        clock: Callable[[], datetime],
    ) -> None:
        self.routes = tuple(routes)
        self.sender = sender
        self.site_key = site_key
        self._clock = clock

    def now(self) -> datetime:
        """The moment of a message made now, in the site's zone."""
        return self._clock()

    def obstacles(self, report: Report) -> tuple[Problem, ...]:
        """Why this report may not leave although the device's part of it is sound.

        One that some EHRs take and some do not leaves, and waits as a message for the others.
        """
        ehrs = [route for route in self._ehrs(report) if _refuses(route, report)]
        if not ehrs:
            return ()
        all_refuse = len(ehrs) == len(list(self._ehrs(report)))
        return (Problem(ProblemCode.NO_PATIENT, "P", hold=all_refuse),)

    def messages(
        self, report: Report, revision: Revision = FIRST, *, decided: bool = False
    ) -> tuple[OutboxMessage, ...]:
        """What is sent when the report may leave; NotEncodable when an EHR cannot be told.

        ``decided``: a person said that it leaves, also to those that want a patient named.
        """
        return tuple(self._messages(report, revision, decided=decided))

    def rewritten(self, report: Report, destination: str, revision: Revision) -> OutboxMessage:
        """The message for one destination with a new identity, for "send as new"."""
        for message in self._messages(report, revision, decided=True):
            if message.destination == destination:
                return message
        raise LookupError(destination)

    def envelope(
        self,
        route: EhrRoute,
        identity: str,
        order: Order | None,
        domains: Sequence[IdentifierDomain] = (),
    ) -> Envelope:
        """What surrounds a message made now for an EHR."""
        return Envelope(
            control_id=identity,
            message_time=self._clock(),
            sending_application=HierarchicDesignator(self.sender.application),
            sending_facility=HierarchicDesignator(self.sender.site[:20]),
            receiving_application=_designator(route.receiving_application),
            receiving_facility=_designator(route.receiving_facility),
            processing_id=self.sender.processing,
            domains=(*domains, *_domains(route)),
            order=order,
        )

    def event(self, device: str, kind: str, detail: Mapping[str, object]) -> list[OutboxMessage]:
        """Something to tell on the device's event topic; ids, kinds and counts only."""
        now = self._clock()
        body = {"type": kind, "device": device, "time": now.isoformat(), **detail}
        text = json.dumps(body, separators=(",", ":"), sort_keys=True)
        identity = control_id(self.site_key, text, 0)
        return [
            OutboxMessage(
                route.name,
                None,
                identity,
                JSON,
                text.encode(),
                _meta("event", device, identity, now),
            )
            for route in self.routes
            if isinstance(route, MqttRoute) and _applies(route, device)
        ]

    def _messages(
        self, report: Report, revision: Revision, *, decided: bool
    ) -> Iterator[OutboxMessage]:
        identity = control_id(self.site_key, report.id, revision.number + 1000 * revision.again)
        lane = (
            revision.lane or report.specimen.id or next((i.value for i in report.patient.ids), None)
        )
        for route in self.routes:
            if not _applies(route, report.device.id):
                continue
            match route:
                case EhrRoute() if report.kind is Kind.PATIENT:
                    body = self._oru(report, route, identity, revision)
                    meta = _meta("oru", report.device.id, report.id, report.received_at)
                    waits = "" if decided or not _refuses(route, report) else NO_PATIENT
                    yield OutboxMessage(route.name, lane, identity, HL7, body, meta, waits)
                case MqttRoute():
                    leaf = "result" if report.kind is Kind.PATIENT else "qc"
                    body = published_text(report, route.patient_data, self.site_key).encode()
                    meta = _meta(leaf, report.device.id, report.id, report.received_at)
                    yield OutboxMessage(route.name, lane, identity, JSON, body, meta)
                case _:
                    pass

    def _oru(self, report: Report, route: EhrRoute, identity: str, revision: Revision) -> bytes:
        envelope = replace(
            self.envelope(route, identity, revision.order, revision.domains),
            filler_number=revision.filler_number,
            revision=revision.number if revision.corrects else 0,
            previous=revision.previous,
        )
        profile = route.profile_for(revision)
        message = encode(report, envelope, profile)
        verify(message, report, envelope, profile)
        return message

    def _ehrs(self, report: Report) -> Iterator[EhrRoute]:
        for route in self.routes:
            if isinstance(route, EhrRoute) and _applies(route, report.device.id):
                yield route


def _refuses(route: EhrRoute, report: Report) -> bool:
    """Whether this EHR wants a patient named where the report names none."""
    nameless = report.kind is Kind.PATIENT and not report.patient.known
    return route.hold_without_patient and nameless


def _applies(route: Route, device: str) -> bool:
    return route.devices is None or device in route.devices


def _designator(name: str) -> HierarchicDesignator | None:
    return HierarchicDesignator(name) if name else None


def _domains(route: EhrRoute) -> tuple[IdentifierDomain, ...]:
    if route.assigning_authority is None:
        return ()
    authority = HierarchicDesignator(route.assigning_authority)
    return (IdentifierDomain(None, authority, "MR"),)


def _meta(content: str, device: str, identity: str, at: datetime) -> dict[str, str]:
    return {"content": content, "device": device, "id": identity, "time": at.isoformat()}


def obstacle(error: NotEncodable) -> Problem:
    """The problem that holds a report whose message cannot be written."""
    return Problem(ProblemCode.NOT_ENCODABLE, f"{error.obstacle.value}:{error.position}")
