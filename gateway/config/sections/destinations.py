"""Where results, events and images go (``[destinations.NAME]``), by their type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from gateway.config.sections.section import Endpoint, Section, Switch, said
from gateway.config.settings import Kinds, Setting

SEND_OUT = "oml-o21"
"""The ``message`` of a laboratory orders are sent to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Destination(Section):
    devices: Annotated[tuple[str, ...] | None, Setting("only these; default all")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToEhr(_Destination):
    message: Annotated[
        str, Setting("destination profile; oml-o21 for a laboratory orders are sent to")
    ] = "oru-2.5.1"
    without_patient: Annotated[
        Literal["hold", "send"], Setting("a report that names a specimen but no patient")
    ] = "hold"
    point_of_care: Annotated[
        Literal["none", "create", "find"],
        Setting("ORU^R30 to R32 instead of R01: the EHR makes (create) or finds the order"),
    ] = "none"
    assigning_authority: Annotated[str | None, Setting("PID-3.4 of patient identifiers")] = None
    receiving_application: Annotated[str, Setting("MSH-5")] = ""
    receiving_facility: Annotated[str, Setting("MSH-6")] = ""
    studies: Annotated[
        Switch, Setting("tell it of imaging studies that are tied to its orders")
    ] = False
    study_page: Annotated[
        Switch, Setting("with a link to the study's page; needs studies and [http]")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpDestination(_ToEhr):
    type: Literal["mllp"]
    address: Endpoint
    reply_seconds: Annotated[
        float, Setting("longest wait for the acknowledgment", gt=0, le=86_400)
    ] = 30
    acknowledgment: Literal["original", "none"] = "original"
    tls: Switch = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDestination(_ToEhr):
    type: Literal["file"]
    directory: Path
    extension: Annotated[str, Setting(pattern=r"^\.[A-Za-z0-9]{1,8}$")] = ".hl7"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttDestination(_Destination):
    type: Literal["mqtt"]
    url: Annotated[str, Setting(pattern=r"^mqtts?://[^/\s@]+/?$")]
    root: Annotated[str, Setting(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] = "clinic"
    patient_data: Literal["none", "pseudonymous", "full"] = "none"
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    ca_file: Path | None = None
    expiry_hours: Annotated[
        float, Setting("how long the broker keeps a message", gt=0, le=876_600)
    ] = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomDestination(_Destination):
    type: Literal["dicom"]
    address: Annotated[str, Setting(pattern=r"^[^@\s]{1,16}@[^:\s]+:\d{1,5}$")]
    commitment: Switch = False
    tls: Switch = False
    ca_file: Path | None = None
    certificate_file: Annotated[Path | None, Setting("ours, for a PACS that wants one")] = None
    key_file: Path | None = None


def _destination_kind(value: Any) -> str | None:
    kind = said(value, "type")
    return None if kind is None else str(kind)


DESTINATIONS: Final[Mapping[str, type[Section]]] = {
    "mllp": MllpDestination,
    "file": FileDestination,
    "mqtt": MqttDestination,
    "dicom": DicomDestination,
}
"""By their type."""

DestinationSection = Annotated[
    MllpDestination | FileDestination | MqttDestination | DicomDestination,
    Kinds(_destination_kind, DESTINATIONS),
]
