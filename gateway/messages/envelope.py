"""What surrounds a report in a message: parties, ids, order, revision.  Values only.

A message is a pure function of (report, envelope, destination profile): whoever stores these three
can write the same bytes again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from gateway.report import Report


class ProcessingId(StrEnum):
    """HL7 table 0103 (MSH-11)."""

    PRODUCTION = "P"
    TRAINING = "T"
    DEBUGGING = "D"


@dataclass(frozen=True, slots=True)
class HierarchicDesignator:
    """HD: ``namespace`` (at most 20 characters), or a universal id and its type (``ISO``)."""

    namespace: str | None = None
    universal_id: str | None = None
    universal_id_type: str | None = None


@dataclass(frozen=True, slots=True)
class EntityIdentifier:
    """EI: a number and who assigned it."""

    id: str
    namespace: str | None = None
    universal_id: str | None = None
    universal_id_type: str | None = None


@dataclass(frozen=True, slots=True)
class CodedElement:
    """CE: code, text, HL7 name of the coding system (``L`` for a local one)."""

    code: str
    text: str | None = None
    system: str | None = None


@dataclass(frozen=True, slots=True)
class IdentifierDomain:
    """Whose ids stand at one place of a device's records, as the site says; never guessed.

    ``source`` is ``PatientId.source`` (``P.3``), or None for every place without an own entry;
    ``type_code`` is from table 0203 (``MR``).
    """

    source: str | None
    authority: HierarchicDesignator | None = None
    type_code: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What the EHR asked for, in its own numbers and codes.  None where it said nothing.

    ``ordering_provider`` holds the components of XCN as the EHR sent them (id, family, given ...).
    """

    placer_number: EntityIdentifier | None = None
    procedure: CodedElement | None = None
    priority: str | None = None
    visit_number: str | None = None
    patient_class: str | None = None
    ordering_provider: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """``control_id`` is MSH-10, at most 20 characters (see ``control_id()``).

    ``filler_number`` is OBR-3, the key under which corrections replace what was sent; by default
    it follows from the report's id, so a correction must be given the original's.  ``revision``
    counts from 0; above it the message is a correction, and ``previous`` is the report as last
    sent.  ``timezone`` expresses every time of the message in one zone (see ``zone``).
    """

    control_id: str
    message_time: datetime
    sending_application: HierarchicDesignator | None = None
    sending_facility: HierarchicDesignator | None = None
    receiving_application: HierarchicDesignator | None = None
    receiving_facility: HierarchicDesignator | None = None
    processing_id: ProcessingId = ProcessingId.PRODUCTION
    domains: tuple[IdentifierDomain, ...] = ()
    order: Order | None = None
    filler_number: str | None = None
    revision: int = 0
    previous: Report | None = None
    timezone: tzinfo | None = None

    def zone(self, report: Report, *, offsets: bool) -> tzinfo | None:
        """The one zone of all times, or None when each keeps its own.

        A receiver that reads no offsets must find all in one zone: that of ``received_at``,
        unless the site says otherwise.
        """
        return self.timezone or (None if offsets else report.received_at.tzinfo)

    def domain(self, source: str) -> IdentifierDomain | None:
        """The domain of ids found at ``source``; the entry for all places comes last."""
        found = (domain for domain in self.domains if domain.source == source)
        return next(found, None) or next((d for d in self.domains if d.source is None), None)
