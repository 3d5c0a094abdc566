"""The shape of ``gateway.toml``, section by section; unknown keys are mistakes.

Secrets are never values here: a ``*_file`` names a file, a ``*_env`` an environment variable.
What one section alone cannot know (two listeners on one port, a profile that does not exist) is
checked in ``gateway.config.checks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from gateway.config.settings import Kinds, Setting

Name = Annotated[str, Setting(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Endpoint = Annotated[str, Setting(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):\d{1,5}$")]
AeTitle = Annotated[str, Setting(pattern=r"^[\x21-\x5b\x5d-\x7e]{1,16}$")]


class Section:
    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySection(Section):
    """What is true of the whole site."""

    site: Annotated[Name, Setting("name of the site, in topics and messages: [a-z0-9-]")]
    timezone: Annotated[str, Setting("IANA zone of the devices' clocks, e.g. Europe/Berlin")]
    data_dir: Annotated[Path, Setting("folder of the store; made when absent")]
    application: Annotated[str, Setting("MSH-3 of every message sent")] = "GATEWAY"
    processing: Annotated[
        Literal["P", "T", "D"], Setting("MSH-11: production, training, debug")
    ] = "P"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSection(Section):
    listen: Annotated[Endpoint, Setting("HOST:PORT of pages, API and DICOMweb")] = "127.0.0.1:8080"
    token_file: Annotated[
        Path | None,
        Setting("file holding the access token; default DATA_DIR/http.token, made once"),
    ] = None
    certificate_file: Annotated[
        Path | None, Setting("PEM; needed when listen can be reached from other machines")
    ] = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSection(Section):
    """A laboratory analyzer; the name of the section is its id everywhere."""

    profile: str
    stream: Annotated[
        str, Setting("serial:..., tcp:HOST:PORT, tcp-listen:HOST:PORT, rfc2217:..., file:FOLDER")
    ]
    timezone: str | None = None
    codes: Annotated[dict[str, str], Setting("device code -> LOINC")] = field(default_factory=dict)
    units: Annotated[dict[str, str], Setting("device unit -> UCUM")] = field(default_factory=dict)
    operators: Annotated[
        Literal["ignore", "flag", "hold"] | None,
        Setting("what a result of an unknown or expired operator does"),
    ] = None
    lists: Annotated[
        tuple[Literal["operators", "patients"], ...],
        Setting("POCT1-A: lists the device is given when it calls"),
    ] = ()
    columns: Annotated[
        dict[str, str], Setting("exported tables: heading (or number) -> meaning")
    ] = field(default_factory=dict)
    order_codes: Annotated[
        dict[str, str],
        Setting("device code -> what orders to the device call it, where that differs"),
    ] = field(default_factory=dict)
    downloads: Annotated[
        bool, Setting("send orders it did not ask for, and take back cancelled ones")
    ] = False
    orders: Literal["optional", "required", "hold"] | None = None
    address: Annotated[
        str | None,
        Setting("only connections from this IP or network are this device (shared ports)"),
    ] = None
    serial: Annotated[
        str | None,
        Setting("only messages naming this serial number are this device (shared ports)"),
    ] = None
    silence_hours: Annotated[
        float | None, Setting("alarm when nothing was heard for so long", gt=0)
    ] = None
    clock_minutes: Annotated[
        float, Setting("a clock that is further off than this is told of, its times marked", gt=0)
    ] = 5
    future_minutes: Annotated[
        float, Setting("hold results dated so much later than they were received", gt=0)
    ] = 60
    stale_days: Annotated[
        float | None,
        Setting("hold results older than this; default: mark them only", gt=0, le=36525),
    ] = None
    noise_limit: Annotated[int, Setting("refused frames per 1,000 in an hour that alarm", ge=1)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class UltrasoundSection(Section):
    """An ultrasound unit (or any DICOM modality) that may call us."""

    profile: Literal["ultrasound"]
    ae_title: AeTitle
    address: Annotated[str, Setting("IP address or network it may call from, e.g. 10.1.2.0/24")]
    port: Annotated[int | None, Setting("where it listens, for reports", ge=1, le=65535)] = None
    station_name: str | None = None
    character_set: Annotated[str, Setting("of its worklist answers")] = "ISO_IR 100"
    worklist_rows: Annotated[
        Literal["all", "own"],
        Setting("own: only procedures for its AE title, or for none in particular"),
    ] = "all"
    private_classes: Annotated[tuple[str, ...], Setting("private SOP classes to store opaque")] = ()
    timezone: str | None = None


def _device_kind(value: Any) -> str:
    return "ultrasound" if _said(value, "profile") == "ultrasound" else "analyzer"


def _said(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


AnyDevice = Annotated[
    DeviceSection | UltrasoundSection,
    Kinds(_device_kind, {"analyzer": DeviceSection, "ultrasound": UltrasoundSection}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomSection(Section):
    ae_title: AeTitle = "GATEWAY"
    listen: Endpoint = "127.0.0.1:11112"
    associations: Annotated[int, Setting("at once", ge=1, le=1024)] = 128
    idle_minutes: Annotated[float, Setting(gt=0)] = 15
    unknown_callers: Literal["refuse", "echo-only"] = "echo-only"
    duplicate_conflict: Annotated[
        Literal["accept", "refuse"],
        Setting("status answered when a known SOP Instance UID brings other bytes"),
    ] = "refuse"
    worklist: Annotated[Path | None, Setting("TOML or JSON file of scheduled procedures")] = None
    archive_dir: Annotated[Path | None, Setting("images; default DATA_DIR/archive")] = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    keep_days: Annotated[
        float | None,
        Setting("then image files that a PACS has committed to are removed; default: never", gt=0),
    ] = None
    sweep_days: Annotated[
        float, Setting("every image is read and compared with its hash so often; 0: never", ge=0)
    ] = 30
    sweep_megabytes: Annotated[float, Setting("read in a second, while sweeping", gt=0)] = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class IdSection(Section):
    """How ids of one kind look; one that fits none of a site's kinds was misread or mistyped."""

    pattern: Annotated[str, Setting("regular expression for a whole id; a group 'id' is checked")]
    check: Literal["none", "mod-10", "mod-37-2"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOutSection(Section):
    """Tests that go to a laboratory; the section's name is that of its destination."""

    tests: Annotated[tuple[str, ...], Setting("ordered codes that go there")] = ()
    unperformed: Annotated[
        bool, Setting("every other laboratory test that no device here performs goes there too")
    ] = False
    codes: Annotated[dict[str, str], Setting("code in the laboratory's results -> LOINC")] = field(
        default_factory=dict
    )
    units: Annotated[dict[str, str], Setting("unit in the laboratory's results -> UCUM")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersSection(Section):
    """Orders and patients from the EHR."""

    listen: Endpoint | None = None
    directory: Annotated[Path | None, Setting("folder the EHR drops HL7 files into")] = None
    keep_days: Annotated[float, Setting("how long an order waits for its results", gt=0)] = 14
    late_hours: Annotated[
        float, Setting("how long after a result its order may still take it", ge=0, le=8760)
    ] = 24
    partial: Annotated[
        Literal["send", "hold"],
        Setting("a panel of which tests are missing: send it marked so, or hold it"),
    ] = "send"
    specimens: Annotated[tuple[IdSection, ...], Setting("kinds of specimen ids; none: any")] = ()
    patients: Annotated[tuple[IdSection, ...], Setting("kinds of patient ids; none: any")] = ()
    panels: Annotated[
        dict[str, tuple[str, ...]], Setting("ordered code -> device codes or LOINCs it stands for")
    ] = field(default_factory=dict)
    send_out: Annotated[
        dict[Name, SendOutSection], Setting("laboratories tests are sent to, by destination")
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorsSection(Section):
    """Who may run point-of-care devices."""

    file: Annotated[Path, Setting("CSV with the headings id, name, valid_until, devices")]


@dataclass(frozen=True, slots=True, kw_only=True)
class QcTarget(Section):
    mean: Decimal
    sd: Annotated[Decimal, Setting(gt=0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QcMaterial(Section):
    """A control; the name of the section is the id the device sends for it."""

    lot: str = ""
    level: str = ""
    targets: Annotated[dict[str, QcTarget], Setting("by the device's code")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class QcSection(Section):
    """Controls: their targets, and what a failed one does."""

    hold_patients: Annotated[
        bool, Setting("hold patients' results of a test while its control failed")
    ] = False
    materials: dict[str, QcMaterial] = field(default_factory=dict)


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
    studies: Annotated[bool, Setting("tell it of imaging studies that are tied to its orders")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpDestination(_ToEhr):
    type: Literal["mllp"]
    address: Endpoint
    reply_seconds: Annotated[float, Setting("longest wait for the acknowledgment", gt=0)] = 30
    acknowledgment: Literal["original", "none"] = "original"
    tls: bool = False
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
    expiry_hours: Annotated[float, Setting("how long the broker keeps a message", gt=0)] = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomDestination(_Destination):
    type: Literal["dicom"]
    address: Annotated[str, Setting(pattern=r"^[^@\s]{1,16}@[^:\s]+:\d{1,5}$")]
    commitment: bool = False
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Annotated[Path | None, Setting("ours, for a PACS that wants one")] = None
    key_file: Path | None = None


def _destination_kind(value: Any) -> str | None:
    kind = _said(value, "type")
    return None if kind is None else str(kind)


_DESTINATIONS: Final = {
    "mllp": MllpDestination,
    "file": FileDestination,
    "mqtt": MqttDestination,
    "dicom": DicomDestination,
}
DestinationSection = Annotated[
    MllpDestination | FileDestination | MqttDestination | DicomDestination,
    Kinds(_destination_kind, _DESTINATIONS),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration(Section):
    """The whole file."""

    gateway: GatewaySection
    http: HttpSection | None = None
    devices: dict[Name, AnyDevice] = field(default_factory=dict)
    dicom: DicomSection | None = None
    orders: OrdersSection | None = None
    operators: OperatorsSection | None = None
    qc: QcSection | None = None
    destinations: dict[Name, DestinationSection] = field(default_factory=dict)

    @property
    def analyzers(self) -> dict[str, DeviceSection]:
        return {n: d for n, d in self.devices.items() if isinstance(d, DeviceSection)}

    @property
    def ultrasounds(self) -> dict[str, UltrasoundSection]:
        return {n: d for n, d in self.devices.items() if isinstance(d, UltrasoundSection)}

    @property
    def send_outs(self) -> dict[str, SendOutSection]:
        """Laboratories tests are sent to, by the name of their destination."""
        return self.orders.send_out if self.orders is not None else {}

    def order_policy(self, device: str) -> str:
        """``optional``, ``required`` or ``hold`` for a result without a known order."""
        chosen = self.analyzers[device].orders
        return chosen or ("optional" if self.orders is None else "required")
