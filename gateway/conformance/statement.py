"""The statement, chapter by chapter in the order of PS3.2 annex A."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from gateway.config import Configuration, DicomSection
from gateway.conformance import names
from gateway.conformance.acceptance import acceptance
from gateway.conformance.initiation import initiation
from gateway.conformance.markdown import bullets, heading, paragraph, table
from gateway.imaging.text import SUPPORTED
from gateway.imaging_services.offered import offered
from gateway.modalities import node_settings
from gateway.protocols.dicom.sop_classes import STORAGE_COMMITMENT, STORAGE_UIDS, VERIFICATION
from gateway.protocols.dicom.timers import Timers
from gateway.web.dicomweb.attributes import ATTRIBUTES

_MEANINGS = {
    "artim": "the association request, complete",
    "associate": "the answer to our association request",
    "stall": "more of a message that has begun",
    "reply": "the response to our request",
    "idle": "the next message",
    "release": "the answer to our release request",
    "closing": "the transport's end",
}


def statement(configuration: Configuration, section: DicomSection, version: str) -> str:
    """Markdown."""
    lines = (
        *_overview(version),
        *_networking(configuration, section),
        *_web(configuration),
        *_media(),
        *_character_sets(configuration),
        *_security(configuration, section),
    )
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip() + "\n"


def _overview(version: str) -> Iterator[str]:
    yield from heading(1, "DICOM conformance statement: the back-office gateway")
    yield from paragraph(
        f"Version {version}, written by `gateway dicom-conformance` from the configuration of this",
        "site. It says what the software does, not that another product works with it.",
    )
    yield from heading(2, "1 Conformance statement overview")
    yield from paragraph(
        "The gateway gives ultrasound units their worklist, takes their procedure steps, stores",
        "and commits to their images, forwards them to archives and gives them back to queries.",
    )
    policy, rows = offered(), []
    for uid in names.in_order(policy.classes):
        user = uid in STORAGE_UIDS or uid in (STORAGE_COMMITMENT, VERIFICATION)
        provider = policy.classes[uid].requestor_scu
        marks = ("yes" if user else "no", "yes" if provider else "no")
        rows.append((names.sop_class(uid), uid, *marks))
    yield from table(("SOP class", "UID", "User (SCU)", "Provider (SCP)"), rows)


def _networking(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    yield from heading(2, "2 Networking")
    yield from heading(3, "2.1 Implementation model")
    yield from paragraph(
        "One application entity serves all roles on one port: verification, storage, worklist,",
        "procedure steps, commitment, query and retrieve as SCP; storage and commitment towards",
        "archives as SCU; storage as SCU for C-MOVE and C-GET.",
    )
    yield from heading(3, f"2.2 Application entity `{section.ae_title}`")
    yield from _identification(section)
    yield from initiation(configuration, section)
    yield from acceptance(configuration, section)
    yield from heading(3, "2.3 Network interfaces")
    yield from paragraph("TCP/IP (PS3.8), IPv4 and IPv6, TCP_NODELAY and keep-alive.")
    yield from heading(3, "2.4 Configuration")
    yield from table(("Parameter", "Value"), _parameters(section))


def _identification(section: DicomSection) -> Iterator[str]:
    settings = node_settings(section)
    rows = (
        ("Application context", "1.2.840.10008.3.1.1.1"),
        ("Implementation class UID", settings.implementation_class_uid),
        ("Implementation version name", settings.implementation_version),
    )
    yield from table(("Identification", "Value"), rows)


def _parameters(section: DicomSection) -> Iterator[tuple[str, str]]:
    settings = node_settings(section)
    yield "Listens on", section.listen
    yield "Associations at once", str(section.associations)
    kept = (
        "never"
        if section.keep_days is None
        else f"{section.keep_days:g} days after the last change"
    )
    yield "Images that an archive has committed to are removed", kept
    yield "Maximum PDU length", f"{settings.max_pdu_length} bytes"
    yield "Longest command set", f"{settings.max_command_length} bytes"
    for field in fields(Timers):
        value = getattr(settings.timers, field.name)
        if field.name in _MEANINGS:
            yield f"Timer {field.name}: {_MEANINGS[field.name]}", f"{value:g} s"
        else:
            yield f"Bytes that count as life within {settings.timers.stall:g} s", str(value)


def _web(configuration: Configuration) -> Iterator[str]:
    yield from heading(3, "2.5 DICOMweb")
    if configuration.http is None:
        yield from paragraph("Off: the configuration has no `[http]` section.")
        return
    yield from paragraph(
        f"Below `/dicom-web` on {configuration.http.listen}: QIDO-RS; WADO-RS for studies, series,",
        "instances, metadata, frames, bulk data, rendered and thumbnails; STOW-RS for",
        "`application/dicom`. Matches and metadata are DICOM JSON. Instances and frames are given",
        "as stored, or in Explicit VR Little Endian where the request accepts only that; an",
        "instance asked for without a transfer syntax is given as stored. Rendered: JPEG or PNG,",
        "with `quality`, `window` and `viewport`. At most 1000 matches at once, with a warning",
        "when there are more. Attributes of QIDO-RS:",
    )
    rows = ((one.keyword, one.tag, one.vr, one.level.value) for one in ATTRIBUTES)
    yield from table(("Attribute", "Tag", "VR", "Level"), rows)


def _media() -> Iterator[str]:
    yield from heading(2, "3 Media interchange")
    yield from paragraph(
        "A study is exported as a ZIP of a File-set with a DICOMDIR (PS3.10), in the stored",
        "transfer syntaxes and under the identity the study goes out with; no application profile",
        "of PS3.11 is claimed. Media are not read.",
    )


def _character_sets(configuration: Configuration) -> Iterator[str]:
    yield from heading(2, "4 Support of character sets")
    yield from paragraph(
        "Stored data sets keep theirs. Answers are written in the set configured for the unit; a",
        "letter it lacks is spelled out, never replaced by a question mark. Sets that may be",
        f"configured: {', '.join(SUPPORTED)}.",
    )
    chosen = sorted({unit.character_set for unit in configuration.ultrasounds.values()})
    yield from paragraph(f"Configured here: {', '.join(chosen) or 'none'}.")


def _security(configuration: Configuration, section: DicomSection) -> Iterator[str]:
    yield from heading(2, "5 Security")
    if section.certificate_file is None:
        transport = "TLS is off: no `certificate_file` is configured."
    elif section.client_ca_file is None:
        transport = "TLS (1.2 and later) with the gateway's certificate; units need none."
    else:
        transport = "TLS (1.2 and later); units must show a certificate of the configured CA."
    yield from bullets((transport, *_SECURITY))


_SECURITY = (
    "Callers are limited to the AE titles and addresses above.",
    "What a person decides (linking, moving, forwarding again) stands in a chained audit trail.",
    "Logs, metrics and MQTT topics hold no patient data.",
)
