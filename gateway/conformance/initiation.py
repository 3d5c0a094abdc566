"""Associations the node opens: forwarding, C-MOVE, commitment both ways (PS3.2 A.4.2, Association
Initiation Policy)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import Configuration, DicomDestination, DicomSection
from gateway.conformance import names
from gateway.conformance.markdown import bullets, heading, paragraph, table
from gateway.delivery.dicom import ForwardOptions
from gateway.drivers.dicom.client import CONNECT, NOTHING
from gateway.drivers.dicom.services import reporter
from gateway.drivers.dicom.services.proposing import PLAIN
from gateway.drivers.dicom.services.storage_user import PAIRS
from gateway.imaging_services.offered import offered
from gateway.protocols.dicom.sop_classes import STORAGE_COMMITMENT, STORAGE_UIDS


def initiation(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    """Everything about associations of our own."""
    yield from heading(4, "Association initiation policy")
    yield from bullets(_limits())
    yield from _storing(configuration, section)
    yield from _committing(configuration, section)
    yield from _reporting(configuration)


def _limits() -> Iterator[str]:
    yield f"A connection is given up after {CONNECT:g} s."
    yield f"An association request is given up after {NOTHING.timers.associate:g} s."
    yield (
        f"Maximum length announced: {NOTHING.max_pdu_length} bytes; no more than "
        f"{NOTHING.send_pdu_length} bytes are sent to a peer that takes any length."
    )
    yield "Asynchronous operations are not proposed."


def _storing(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    yield from heading(5, "Storage SCU: forwarding and C-MOVE")
    plain = ", ".join(names.transfer_syntax(uid) for uid in PLAIN)
    yield from paragraph(
        "For every SOP class and stored transfer syntax there is a context of its own with that",
        f"syntax, at most {PAIRS}; beside it contexts with {plain}. An instance goes as it was",
        "stored where that is accepted, else decoded into a plain syntax; so do C-MOVE and",
        "C-GET. Classes:",
    )
    yield from bullets(
        f"{names.sop_class(uid)} ({uid})"
        for uid in names.in_order(offered().classes)
        if uid in STORAGE_UIDS
    )
    rows = [
        (name, chosen.address, "yes" if chosen.tls else "no", "yes" if chosen.commitment else "no")
        for name, chosen in _archives(configuration)
    ]
    yield from paragraph(f"Calling AE title: `{section.ae_title}`. Destinations:")
    yield from table(("Destination", "AE title and address", "TLS", "Commitment asked"), rows)


def _committing(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    yield from heading(5, "Storage commitment SCU")
    options = ForwardOptions()
    yield from paragraph(
        f"{names.sop_class(STORAGE_COMMITMENT)} ({STORAGE_COMMITMENT}), N-ACTION when nothing was",
        f"sent for {options.quiet:g} s; asked again when no report came for",
        f"{options.unanswered:g} s, then at growing intervals, at last daily; a report on any of",
        "these requests counts. It is taken on the same association or on one the archive opens,",
        "with or without role selection. What was refused is sent again, twice.",
        "Only what an archive has committed to may be purged here.",
    )


def _reporting(configuration: Configuration) -> Iterator[str]:
    yield from heading(5, "Storage commitment reports to units")
    proposed = [
        (names.sop_class(uid), uid, ", ".join(names.transfer_syntax(one) for one in syntaxes))
        for uid, syntaxes in reporter.CONTEXTS
    ]
    yield from table(("SOP class", "UID", "Transfer syntaxes"), proposed)
    days = reporter.PATIENCE.days
    roles = ", ".join(f"SCU {int(role.scu)}, SCP {int(role.scp)}" for role in reporter.ROLES)
    yield from paragraph(
        f"Role selection: {roles}. Repeated from {reporter.FIRST:g} s to {reporter.LONGEST:g} s",
        f"apart for {days} days, and when the unit calls for anything. Units with a port:",
    )
    rows = [
        (unit.ae_title, unit.address, str(unit.port))
        for unit in configuration.ultrasounds.values()
        if unit.port is not None
    ]
    yield from table(("AE title", "Address", "Port"), rows)


def _archives(configuration: Configuration) -> Iterator[tuple[str, DicomDestination]]:
    for name, chosen in configuration.destinations.items():
        if isinstance(chosen, DicomDestination):
            yield name, chosen
