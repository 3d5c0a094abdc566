"""Header, patient, order group and specimen of a message, compared with report and envelope."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.messages import wording
from gateway.messages.destinations import Acknowledging, DestinationProfile
from gateway.messages.envelope import (
    CodedElement,
    EntityIdentifier,
    Envelope,
    HierarchicDesignator,
    Order,
)
from gateway.messages.errors import NotEncodable, Obstacle
from gateway.messages.identity import filler_number
from gateway.messages.verification.comparison import Part, Seen, Zone
from gateway.messages.verification.readback import lost, seen_in_line, wire_length
from gateway.messages.verification.results import check_notes
from gateway.messages.verification.tables import COMPLETE_TABLES, table
from gateway.messages.verification.values import IS_LENGTH
from gateway.report import PatientId, Report

Segments = Sequence[list[str]]


def check_request(
    head: Segments,
    tail: Segments,
    results: Segments,
    report: Report,
    envelope: Envelope,
    profile: DestinationProfile,
) -> None:
    """``head`` is what stands before the observations, ``tail`` what follows them."""
    checker = _Checker(report, envelope, profile, _summary(results, report, envelope))
    checker.head(head)
    checker.tail(tail)


class _Checker:
    def __init__(
        self, report: Report, envelope: Envelope, profile: DestinationProfile, status: str
    ) -> None:
        self._report = report
        self._envelope = envelope
        self._profile = profile
        self._order = envelope.order or Order()
        self._status = status
        self._zone = Zone(
            envelope.zone(report, offsets=profile.zone_offset), offset=profile.zone_offset
        )

    def head(self, segments: Segments) -> None:
        order, known = self._order, self._report.patient.known
        visit = known and (order.visit_number or order.patient_class)
        wanted = [("MSH", self._header)]
        wanted += [("PID", self._patient)] if known else []
        wanted += [("PV1", self._visit)] if visit else []
        wanted += [("ORC", self._common_order), ("OBR", self._request)]
        if [fields[0] for fields in segments[: len(wanted)]] != [name for name, _ in wanted]:
            raise NotEncodable(Obstacle.DIFFERENT, "segments")
        for fields, (name, check) in zip(segments, wanted, strict=False):
            seen = Seen(fields, name)
            check(seen)
            seen.nothing_else()
        check_notes(segments[len(wanted) :], self._notes(), self._dropped(), "OBR")

    def tail(self, segments: Segments) -> None:
        specimen = self._report.specimen
        known = specimen.id or specimen.type or specimen.collected_at
        expected = 1 if known and "SPM" in self._profile.segments else 0
        if len(segments) != expected:
            raise NotEncodable(Obstacle.DIFFERENT, "SPM")
        for fields in segments:
            seen = Seen(fields, "SPM")
            self._specimen(seen)
            seen.nothing_else()

    def _header(self, seen: Seen) -> None:
        envelope, profile = self._envelope, self._profile
        seen.text(1, "|")
        if seen.raw(2) != "^~\\&":
            raise seen.differs(2)
        seen.parts(3, *_designated(envelope.sending_application))
        seen.parts(4, *_designated(envelope.sending_facility))
        seen.parts(5, *_designated(envelope.receiving_application))
        seen.parts(6, *_designated(envelope.receiving_facility))
        seen.moment(7, envelope.message_time, self._zone)
        seen.parts(9, *profile.message_type.split("^"))
        seen.text(10, envelope.control_id)
        seen.text(11, envelope.processing_id.value)
        seen.text(12, profile.version)
        asks = profile.acknowledging is not Acknowledging.ORIGINAL
        both = profile.acknowledging is Acknowledging.COMMIT_AND_APPLICATION
        seen.text(15, "AL" if asks else "")
        seen.text(16, ("AL" if both else "NE") if asks else "")
        seen.text(18, profile.charset.value)

    def _patient(self, seen: Seen) -> None:
        patient = self._report.patient
        if seen.length < self._profile.pid_fields:
            raise seen.differs(seen.length)
        seen.text(1, "1")
        seen.repetitions(3, [self._patient_id(one) for one in patient.ids])
        self._name(seen, patient.name)
        seen.text(7, (patient.birth_date or "").strip().replace("-", ""))
        sexes = table("HL70001", COMPLETE_TABLES) or frozenset()
        seen.text(8, patient.sex if patient.sex in sexes else "")

    def _patient_id(self, one: PatientId) -> list[Part]:
        domain = self._envelope.domain(one.source)
        if domain is None:
            return [one.value]
        return [one.value, "", "", _designated(domain.authority), domain.type_code or ""]

    def _name(self, seen: Seen, name: str | None) -> None:
        parts = [seen_in_line(_signs(part)) for part in (name or "").split("^")]
        if len(parts) > 5:
            return seen.parts(5, seen_in_line(name or ""))
        if not any(parts):
            return seen.parts(5, "", "", "", "", "", "", "U")
        return seen.parts(5, *parts)

    def _visit(self, seen: Seen) -> None:
        seen.text(1, "1")
        seen.text(2, self._order.patient_class or "U")
        seen.text(19, self._order.visit_number or "")

    def _common_order(self, seen: Seen) -> None:
        seen.text(1, self._profile.order_control)
        self._numbers(seen)
        seen.text(5, "IP" if self._status == "P" else "CM")
        self._timing(seen, 7)
        seen.parts(12, *map(seen_in_line, self._order.ordering_provider))

    def _request(self, seen: Seen) -> None:
        report, profile = self._report, self._profile
        seen.text(1, "1")
        self._numbers(seen)
        seen.parts(4, *_coded(self._order.procedure or profile.panel))
        times = [one.observed_at for one in report.observations if one.observed_at]
        began = report.specimen.collected_at or (min(times) if times else None)
        seen.moment(7, began, self._zone)
        seen.parts(16, *map(seen_in_line, self._order.ordering_provider))
        if "SPM" not in profile.segments:
            seen.parts(15, "", "", seen_in_line(report.specimen.type or ""))
            seen.text(20, report.specimen.id or "")
        seen.moment(22, report.received_at, self._zone)
        seen.text(24, profile.section)
        seen.text(25, self._status)
        self._timing(seen, 27)

    def _numbers(self, seen: Seen) -> None:
        placer, envelope = self._order.placer_number, self._envelope
        seen.parts(2, *(_entity(placer) if placer else ()))
        ours = envelope.filler_number or filler_number(self._report.id)
        seen.parts(3, ours, *_designated(envelope.sending_application))

    def _timing(self, seen: Seen, number: int) -> None:
        wanted = ["1", "", "", "", "", self._order.priority or ""] if self._profile.timing else []
        seen.parts(number, *wanted)

    def _specimen(self, seen: Seen) -> None:
        specimen = self._report.specimen
        number = specimen.id or ""
        seen.text(1, "1")
        seen.parts(2, number if self._envelope.order else "", number)
        shown = seen_in_line(specimen.type or "")
        kind = [shown, shown, "L"] if shown else ["U", "Unknown", "HL70353"]
        seen.parts(4, *kind)
        seen.text(11, "P")
        seen.moment(17, specimen.collected_at, self._zone)

    def _notes(self) -> list[str]:
        report, patient, device = self._report, self._report.patient, self._report.device
        said = []
        if not patient.known and (patient.name or patient.birth_date or patient.sex):
            said.append(wording.patient_without_id(patient))
        sexes = table("HL70001", COMPLETE_TABLES) or frozenset()
        if patient.known and patient.sex and patient.sex not in sexes:
            said.append(wording.sex_as_sent(patient.sex))
        too_long = wire_length(seen_in_line(device.manufacturer or "")) > IS_LENGTH
        if too_long or not self._profile.analysis_fields:
            said.append(wording.analyzer(device))
        said += [wording.PARTIAL] if report.partial else []
        return [*said, *report.notes]

    def _dropped(self) -> int:
        report, order = self._report, self._order
        device = (report.device.manufacturer, report.device.model, report.device.serial)
        who = (report.patient.name, report.patient.sex, report.specimen.type)
        asked = (order.procedure.text if order.procedure else None, *order.ordering_provider)
        return lost(*device, *who, *asked, *report.notes)


def _summary(results: Segments, report: Report, envelope: Envelope) -> str:
    """OBR-25 by the statuses that really stand in the message, and by what is missing."""
    found = {fields[11] for fields in results if fields[0] == "OBX"}
    if found & set("CDW"):
        return "C"
    if envelope.revision and (envelope.previous is None or not envelope.previous.partial):
        return "C"
    if report.partial or found & set("PIS"):
        return "P"
    return "X" if found == {"X"} else "F"


def _designated(designator: HierarchicDesignator | None) -> list[str]:
    if designator is None:
        return []
    parts = (designator.namespace, designator.universal_id, designator.universal_id_type)
    return [part or "" for part in parts]


def _entity(entity: EntityIdentifier) -> list[str]:
    parts = (entity.namespace, entity.universal_id, entity.universal_id_type)
    return [entity.id, *(part or "" for part in parts)]


def _coded(element: CodedElement) -> list[str]:
    return [element.code, seen_in_line(element.text or ""), element.system or "L"]


def _signs(part: str) -> str:
    r"""A part of a name, where ``\S\`` is a caret and ``\E\`` a backslash."""
    pieces = re.split(r"\\(S|E)\\", part)
    pieces[1::2] = ["^" if sign == "S" else "\\" for sign in pieces[1::2]]
    return "".join(pieces)
