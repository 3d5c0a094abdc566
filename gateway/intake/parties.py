"""Orders and patients as the EHR knows them, in the words of a message."""

from __future__ import annotations

from gateway.messages import (
    CodedElement,
    EntityIdentifier,
    HierarchicDesignator,
    IdentifierDomain,
    Order,
)
from gateway.orders.book import KnownOrder
from gateway.orders.patients import KnownPatient
from gateway.report import Patient, PatientId


def known_person(known: KnownPatient) -> tuple[Patient, tuple[IdentifierDomain, ...]]:
    """The patient as the EHR knows them, living numbers only, and who assigned which."""
    ids, domains = [], []
    for number, one in enumerate(known.identifiers, start=1):
        place = "PID.3" if number == 1 else f"PID.3[{number}]"
        ids.append(PatientId(one.value, place))
        if one.authority or one.type:
            authority = HierarchicDesignator(one.authority) if one.authority else None
            domains.append(IdentifierDomain(place, authority, one.type or None))
    patient = Patient(tuple(ids), known.name, known.birth_date, known.sex)
    return patient, tuple(domains)


def message_order(known: KnownOrder) -> Order:
    """The order in the EHR's own numbers and words."""
    return Order(
        placer_number=EntityIdentifier(known.placer, known.placer_namespace or None),
        procedure=CodedElement(known.code, known.text, known.system),
        priority=known.priority,
        visit_number=known.visit,
        patient_class=known.patient_class,
        ordering_provider=known.provider,
    )
