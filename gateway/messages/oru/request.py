"""ORC, OBR and SPM: what the results of one report answer, and on which specimen.

OBR-3 is the key under which a receiver replaces what it got before.  OBR-4 is what was ordered, in
the EHR's own words, else the profile's panel.  The specimen's id is SPM-2.2 (assigned by the
laboratory; also SPM-2.1 when an order is known), in HL7 2.3 OBR-20; its type SPM-4 or OBR-15.3.
A type nobody knows is ``U^Unknown^HL70353`` (CWE statuses), because SPM-4 must not be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.messages import wording
from gateway.messages.destinations import DestinationProfile
from gateway.messages.envelope import EntityIdentifier, Envelope, HierarchicDesignator, Order
from gateway.messages.identity import filler_number
from gateway.messages.oru.pen import IS_LENGTH, Pen
from gateway.messages.oru.persons import SEXES
from gateway.protocols.hl7 import components, escape, removed, segment
from gateway.report import Report, Status

UNKNOWN_SPECIMEN_TYPE = "U^Unknown^HL70353"
PATIENT_SPECIMEN = "P"

_OPEN = {Status.PRELIMINARY, Status.PENDING, Status.PARTIAL}
_TAKEN_BACK = {Status.CORRECTED, Status.DELETED, Status.WRONG}


class Request:
    """``statuses`` are the OBX-11 of the observations below it, by which the whole is judged."""

    def __init__(
        self,
        report: Report,
        envelope: Envelope,
        profile: DestinationProfile,
        statuses: Sequence[Status],
        pen: Pen,
    ) -> None:
        self._report = report
        self._envelope = envelope
        self._profile = profile
        self._pen = pen
        self._order = envelope.order or Order()
        previous = envelope.previous
        self._status = report_status(
            statuses,
            envelope.revision,
            partial=report.partial,
            completes=previous is not None and previous.partial,
        )
        pen.where = "OBR"
        self._provider = components(*(pen.text(p, 16) for p in self._order.ordering_provider))
        self._timing = self._quantity() if profile.timing else ""

    def common_order(self) -> str:
        self._pen.where = "ORC"
        complete = "IP" if self._status is Status.PRELIMINARY else "CM"
        numbers = (self._placer(), self._filler())
        rest = ("", "", "", "", self._provider)
        return segment(
            "ORC", self._profile.order_control, *numbers, "", complete, "", self._timing, *rest
        )

    def observation_request(self) -> str:
        pen, profile, specimen = self._pen, self._profile, self._report.specimen
        pen.where = "OBR"
        old_style = "SPM" not in profile.segments
        kind = pen.text(specimen.type or "", 15) if old_style else ""
        number = pen.exact(specimen.id, 20) if old_style else ""
        return segment(
            "OBR",
            "1",
            self._placer(),
            self._filler(),
            pen.coded(self._order.procedure or profile.panel, 4),
            *("", ""),
            pen.moment(self._observed_at(), 7),
            *[""] * 7,
            f"^^{kind}" if kind else "",
            self._provider,
            *("", "", ""),
            number,
            "",
            pen.moment(self._report.received_at, 22),
            "",
            profile.section,
            self._status.value,
            "",
            self._timing,
        )

    def specimen(self) -> Iterator[str]:
        pen, specimen = self._pen, self._report.specimen
        known = specimen.id or specimen.type or specimen.collected_at
        if "SPM" not in self._profile.segments or not known:
            return
        pen.where = "SPM"
        number = pen.exact(specimen.id, 2)
        ids = f"{number if self._envelope.order else ''}^{number}" if number else ""
        text = pen.text(specimen.type or "", 4)
        kind = components(text, text, "L") if text else UNKNOWN_SPECIMEN_TYPE
        collected = pen.moment(specimen.collected_at, 17)
        yield segment("SPM", "1", ids, "", kind, *[""] * 6, PATIENT_SPECIMEN, *[""] * 5, collected)

    def notes(self) -> Iterator[str]:
        """What belongs to the whole report and has no field."""
        report, patient = self._report, self._report.patient
        if not patient.known and (patient.name or patient.birth_date or patient.sex):
            yield wording.patient_without_id(patient)
        if patient.known and patient.sex and patient.sex not in SEXES:
            yield wording.sex_as_sent(patient.sex)
        maker = report.device.manufacturer or ""
        if not self._profile.analysis_fields or len(escape(maker)) > IS_LENGTH:
            yield wording.analyzer(report.device)
        if report.partial:
            yield wording.PARTIAL
        yield from report.notes

    def removed(self) -> int:
        """Characters of the device's and the EHR's text that no message may carry."""
        report, procedure = self._report, self._order.procedure
        device = (report.device.manufacturer, report.device.model, report.device.serial)
        person = (report.patient.name, report.patient.sex, report.specimen.type)
        asked = (procedure.text if procedure else None, *self._order.ordering_provider)
        texts = (*device, *person, *asked, *report.notes)
        return removed("".join(text for text in texts if text))

    def _placer(self) -> str:
        number = self._order.placer_number
        return self._pen.entity(number, 2) if number else ""

    def _filler(self) -> str:
        number = self._envelope.filler_number or filler_number(self._report.id)
        us = self._envelope.sending_application or HierarchicDesignator()
        named = EntityIdentifier(number, us.namespace, us.universal_id, us.universal_id_type)
        return self._pen.entity(named, 3)

    def _quantity(self) -> str:
        """TQ: one performance (its default), and the order's priority."""
        return components("1", "", "", "", "", self._pen.exact(self._order.priority, 27))

    def _observed_at(self) -> datetime | None:
        times = [one.observed_at for one in self._report.observations if one.observed_at]
        return self._report.specimen.collected_at or min(times, default=None)


def report_status(
    statuses: Sequence[Status], revision: int, *, partial: bool = False, completes: bool = False
) -> Status:
    """OBR-25 (table 0123): what was taken back shows first, then what is still open.

    A ``partial`` report is preliminary; one that ``completes`` such a report corrects nothing.
    """
    written = set(statuses)
    if written & _TAKEN_BACK or (revision and not completes):
        return Status.CORRECTED
    if partial or written & _OPEN:
        return Status.PRELIMINARY
    return Status.NO_RESULT if written == {Status.NO_RESULT} else Status.FINAL
