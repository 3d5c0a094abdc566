"""What the node accepts: its classes as SCP, contexts, statuses (PS3.2 A.4.2, Association
Acceptance Policy)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import Configuration, DicomSection
from gateway.conformance import attributes, names
from gateway.conformance.markdown import bullets, heading, paragraph, table
from gateway.drivers.dicom.services.worklist import MOST
from gateway.drivers.dicom.storage import NO_ROOM, statuses
from gateway.imaging.commitment import SENT
from gateway.imaging_services.offered import OFFERS, offered, offered_to
from gateway.modalities import admits_echo, node_settings, refuses_conflicts
from gateway.protocols.dicom import Policy, Service
from gateway.protocols.dicom.items import MAX_CONTEXTS
from gateway.protocols.dicom.rejection import (
    CALLING_AE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    Rejection,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE


def acceptance(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    """Everything about associations others open."""
    yield from heading(4, "Association acceptance policy")
    yield from _callers(configuration, section)
    yield from _negotiation(section)
    yield from _contexts(offered())
    yield from _storage(section)
    yield from _services()


def _callers(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    strangers = (
        "may verify the connection (C-ECHO) and nothing else"
        if admits_echo(section)
        else f"is {_rejection(CALLING_AE_NOT_RECOGNIZED)}"
    )
    yield from paragraph(
        "A caller is known by calling AE title and address together; the called AE title is not",
        f"compared. A caller in no section of the configuration {strangers}.",
    )
    policies = offered_to(configuration.ultrasounds)
    rows = [
        (unit.ae_title, unit.address, unit.character_set, ", ".join(policies[name].opaque) or "")
        for name, unit in configuration.ultrasounds.items()
    ]
    columns = ("Calling AE title", "From", "Character set", "Private classes stored as they come")
    yield from table(columns, rows)


def _negotiation(section: DicomSection) -> Iterator[str]:
    yield from bullets(_negotiated(section))


def _negotiated(section: DicomSection) -> Iterator[str]:
    settings = node_settings(section)
    full = _rejection(LOCAL_LIMIT_EXCEEDED)
    yield f"At most {section.associations} associations at once; a further one is {full}."
    yield (
        f"Maximum length of a P-DATA-TF announced: {settings.max_pdu_length} bytes; a longer one "
        "ends the association."
    )
    yield (
        f"1 to {MAX_CONTEXTS} presentation contexts. Unknown classes are refused one by one, never "
        "the association."
    )
    yield (
        "Of a context's transfer syntaxes the first in the requestor's order that is supported is "
        "accepted."
    )
    yield "Asynchronous operations: not supported; a window that is proposed is answered with 1/1."
    yield "User identity, extended and common extended negotiation are tolerated and not used."
    yield "SCP/SCU role selection: granted for storage classes (C-GET) and commitment reports."


def _contexts(policy: Policy) -> Iterator[str]:
    yield from heading(5, "Accepted presentation contexts")
    rows = []
    for uid in names.in_order(policy.classes):
        accepted = policy.classes[uid]
        roles = [
            role
            for role, played in (("SCP", accepted.requestor_scu), ("SCU", accepted.requestor_scp))
            if played
        ]
        syntaxes = names.syntaxes(accepted.transfer_syntaxes)
        rows.append((names.sop_class(uid), uid, "/".join(roles), syntaxes))
    yield from table(("SOP class", "UID", "Our role", "Transfer syntaxes"), rows)
    yield from heading(5, "Transfer syntaxes of stored images")
    taken = policy.classes[ULTRASOUND_IMAGE].transfer_syntaxes
    yield from table(
        ("Transfer syntax", "UID"),
        ((names.transfer_syntax(uid), uid) for uid in sorted(taken, key=_by_number)),
    )


def _storage(section: DicomSection) -> Iterator[str]:
    yield from heading(5, "Storage SCP")
    yield from paragraph(
        "Level 2 (full): the data set is kept byte for byte as it was received. Success is",
        "answered when file, folder and index are synced to disk. Elements are never coerced.",
        "An unknown patient is not an error.",
    )
    told = statuses(refuse_conflicts=refuses_conflicts(section))
    rows = [(verdict.value, *names.status_row(status)) for verdict, status in told.items()]
    rows.append(("no room, or the store takes nothing", *names.status_row(NO_ROOM)))
    yield from table(("What became of it", "Status", "Kind", "Meaning"), rows)


def _services() -> Iterator[str]:
    for offer in OFFERS:
        for service in sorted(offer.services):
            yield from heading(5, f"Statuses of {_title(service)}")
            rows = (names.status_row(status) for status in offer.statuses)
            yield from table(("Status", "Kind", "Meaning"), rows)
            yield from _more(service)


def _more(service: Service) -> Iterator[str]:
    match service:
        case Service.WORKLIST:
            yield from paragraph(
                f"At most {MOST} rows; C-CANCEL is honoured before the next row. Specific",
                "Character Set is always sent; text a unit's set lacks is spelled out.",
            )
            yield from attributes.worklist()
        case Service.RETRIEVE:
            yield from attributes.study_root()
        case Service.PROCEDURE_STEP:
            yield from paragraph(
                "A repetition of a message is answered as done. A step that has ended may be set",
                "IN PROGRESS again and then changes again; otherwise it changes no more. Steps and",
                "their images may come in any order.",
            )
        case Service.COMMITMENT:
            yield from paragraph(
                "Every file is read and hashed again before the report. The report goes out on an",
                "association of ours to the unit's configured port, else on the one that asked; it",
                "is tried for days and survives a restart. Failure reasons sent:",
            )
            yield from bullets(f"{reason:04X}: {_words(reason.name)}" for reason in SENT)
        case _:
            pass


def _title(service: Service) -> str:
    return service.value.replace("-", " ")


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def _rejection(rejection: Rejection) -> str:
    kind = "permanent" if rejection.permanent else "transient"
    return f"rejected {kind}, source {rejection.source}, reason {rejection.reason}: " + (
        rejection.text
    )


def _by_number(uid: str) -> tuple[int, ...]:
    return tuple(map(int, uid.split(".")))
