"""The shape of ``gateway.toml``, section by section; unknown keys are mistakes.

Secrets are never values here: a ``*_file`` names a file, a ``*_env`` an environment variable.
What one section alone cannot know (two listeners on one port, a profile that does not exist) is
checked in ``gateway.config.checks``.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Endpoint = Annotated[str, StringConstraints(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s\[\]]+):\d{1,5}$")]
AeTitle = Annotated[str, StringConstraints(pattern=r"^[\x21-\x5b\x5d-\x7e]{1,16}$")]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class GatewaySection(Section):
    """What is true of the whole site."""

    site: Name = Field(description="name of the site, in topics and messages: [a-z0-9-]")
    timezone: str = Field(description="IANA zone of the devices' clocks, e.g. Europe/Berlin")
    data_dir: Path = Field(description="folder of the store; made when absent")
    application: str = Field("GATEWAY", description="MSH-3 of every message sent")
    processing: Literal["P", "T", "D"] = Field(
        "P", description="MSH-11: production, training, debug"
    )


class HttpSection(Section):
    listen: Endpoint = Field("127.0.0.1:8080", description="HOST:PORT of pages, API and DICOMweb")
    token_file: Path | None = Field(
        None, description="file holding the access token; default DATA_DIR/http.token, made once"
    )
    certificate_file: Path | None = Field(
        None, description="PEM; needed when listen can be reached from other machines"
    )
    key_file: Path | None = None


class DeviceSection(Section):
    """A laboratory analyzer; the name of the section is its id everywhere."""

    profile: str
    stream: str = Field(
        description="serial:..., tcp:HOST:PORT, tcp-listen:HOST:PORT, rfc2217:..., file:FOLDER"
    )
    timezone: str | None = None
    codes: dict[str, str] = Field(default_factory=dict, description="device code -> LOINC")
    units: dict[str, str] = Field(default_factory=dict, description="device unit -> UCUM")
    operators: Literal["ignore", "flag", "hold"] | None = Field(
        None, description="what a result of an unknown or expired operator does"
    )
    lists: tuple[Literal["operators", "patients"], ...] = Field(
        (), description="POCT1-A: lists the device is given when it calls"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="exported tables: heading (or number) -> meaning"
    )
    order_codes: dict[str, str] = Field(
        default_factory=dict,
        description="device code -> what orders to the device call it, where that differs",
    )
    downloads: bool = Field(
        False, description="send orders it did not ask for, and take back cancelled ones"
    )
    orders: Literal["optional", "required", "hold"] | None = None
    address: str | None = Field(
        None, description="only connections from this IP or network are this device (shared ports)"
    )
    serial: str | None = Field(
        None, description="only messages naming this serial number are this device (shared ports)"
    )
    silence_hours: float | None = Field(
        None, gt=0, description="alarm when nothing was heard for so long"
    )
    clock_minutes: float = Field(
        5, gt=0, description="a clock that is further off than this is told of, its times marked"
    )
    future_minutes: float = Field(
        60, gt=0, description="hold results dated so much later than they were received"
    )
    stale_days: float | None = Field(
        None, gt=0, le=36525, description="hold results older than this; default: mark them only"
    )
    noise_limit: int = Field(1, ge=1, description="refused frames per 1,000 in an hour that alarm")


class UltrasoundSection(Section):
    """An ultrasound unit (or any DICOM modality) that may call us."""

    profile: Literal["ultrasound"]
    ae_title: AeTitle
    address: str = Field(description="IP address or network it may call from, e.g. 10.1.2.0/24")
    port: int | None = Field(None, ge=1, le=65535, description="where it listens, for reports")
    station_name: str | None = None
    character_set: str = Field("ISO_IR 100", description="of its worklist answers")
    worklist_rows: Literal["all", "own"] = Field(
        "all", description="own: only procedures for its AE title, or for none in particular"
    )
    private_classes: tuple[str, ...] = Field((), description="private SOP classes to store opaque")
    timezone: str | None = None


def _device_kind(value: Any) -> str:
    profile = value.get("profile") if isinstance(value, dict) else getattr(value, "profile", None)
    return "ultrasound" if profile == "ultrasound" else "analyzer"


AnyDevice = Annotated[
    Annotated[DeviceSection, Tag("analyzer")] | Annotated[UltrasoundSection, Tag("ultrasound")],
    Discriminator(_device_kind),
]


class DicomSection(Section):
    ae_title: AeTitle = "GATEWAY"
    listen: Endpoint = "127.0.0.1:11112"
    associations: int = Field(128, ge=1, le=1024, description="at once")
    idle_minutes: float = Field(15, gt=0)
    unknown_callers: Literal["refuse", "echo-only"] = "echo-only"
    duplicate_conflict: Literal["accept", "refuse"] = Field(
        "refuse", description="status answered when a known SOP Instance UID brings other bytes"
    )
    worklist: Path | None = Field(None, description="TOML or JSON file of scheduled procedures")
    archive_dir: Path | None = Field(None, description="images; default DATA_DIR/archive")
    certificate_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    keep_days: float | None = Field(
        None,
        gt=0,
        description="then image files that a PACS has committed to are removed; default: never",
    )
    sweep_days: float = Field(
        30, ge=0, description="every image is read and compared with its hash so often; 0: never"
    )
    sweep_megabytes: float = Field(20, gt=0, description="read in a second, while sweeping")


class IdSection(Section):
    """How ids of one kind look; one that fits none of a site's kinds was misread or mistyped."""

    pattern: str = Field(description="regular expression for a whole id; a group 'id' is checked")
    check: Literal["none", "mod-10", "mod-37-2"] = "none"


class SendOutSection(Section):
    """Tests that go to a laboratory; the section's name is that of its destination."""

    tests: tuple[str, ...] = Field((), description="ordered codes that go there")
    unperformed: bool = Field(
        False, description="every other laboratory test that no device here performs goes there too"
    )
    codes: dict[str, str] = Field(
        default_factory=dict, description="code in the laboratory's results -> LOINC"
    )
    units: dict[str, str] = Field(
        default_factory=dict, description="unit in the laboratory's results -> UCUM"
    )


class OrdersSection(Section):
    """Orders and patients from the EHR."""

    listen: Endpoint | None = None
    directory: Path | None = Field(None, description="folder the EHR drops HL7 files into")
    keep_days: float = Field(14, gt=0, description="how long an order waits for its results")
    late_hours: float = Field(
        24, ge=0, le=8760, description="how long after a result its order may still take it"
    )
    partial: Literal["send", "hold"] = Field(
        "send", description="a panel of which tests are missing: send it marked so, or hold it"
    )
    specimens: tuple[IdSection, ...] = Field((), description="kinds of specimen ids; none: any")
    patients: tuple[IdSection, ...] = Field((), description="kinds of patient ids; none: any")
    panels: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="ordered code -> device codes or LOINCs it stands for"
    )
    send_out: dict[Name, SendOutSection] = Field(
        default_factory=dict, description="laboratories tests are sent to, by destination"
    )


class OperatorsSection(Section):
    """Who may run point-of-care devices."""

    file: Path = Field(description="CSV with the headings id, name, valid_until, devices")


class QcTarget(Section):
    mean: Decimal
    sd: Decimal = Field(gt=0)


class QcMaterial(Section):
    """A control; the name of the section is the id the device sends for it."""

    lot: str = ""
    level: str = ""
    targets: dict[str, QcTarget] = Field(default_factory=dict, description="by the device's code")


class QcSection(Section):
    """Controls: their targets, and what a failed one does."""

    hold_patients: bool = Field(
        False, description="hold patients' results of a test while its control failed"
    )
    materials: dict[str, QcMaterial] = Field(default_factory=dict)


SEND_OUT = "oml-o21"
"""The ``message`` of a laboratory orders are sent to."""


class _Destination(Section):
    devices: tuple[str, ...] | None = Field(None, description="only these; default all")


class _ToEhr(_Destination):
    message: str = Field(
        "oru-2.5.1", description="destination profile; oml-o21 for a laboratory orders are sent to"
    )
    without_patient: Literal["hold", "send"] = Field(
        "hold", description="a report that names a specimen but no patient"
    )
    point_of_care: Literal["none", "create", "find"] = Field(
        "none",
        description="ORU^R30 to R32 instead of R01: the EHR makes (create) or finds the order",
    )
    assigning_authority: str | None = Field(None, description="PID-3.4 of patient identifiers")
    receiving_application: str = Field("", description="MSH-5")
    receiving_facility: str = Field("", description="MSH-6")
    studies: bool = Field(
        False, description="tell it of imaging studies that are tied to its orders"
    )


class MllpDestination(_ToEhr):
    type: Literal["mllp"]
    address: Endpoint
    reply_seconds: float = Field(30, gt=0, description="longest wait for the acknowledgment")
    acknowledgment: Literal["original", "none"] = "original"
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


class FileDestination(_ToEhr):
    type: Literal["file"]
    directory: Path
    extension: Annotated[str, StringConstraints(pattern=r"^\.[A-Za-z0-9]{1,8}$")] = ".hl7"


class MqttDestination(_Destination):
    type: Literal["mqtt"]
    url: Annotated[str, StringConstraints(pattern=r"^mqtts?://[^/\s@]+/?$")]
    root: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")] = (
        "clinic"
    )
    patient_data: Literal["none", "pseudonymous", "full"] = "none"
    protocol: Literal["5", "3.1.1"] = "5"
    username: str | None = None
    password_file: Path | None = None
    password_env: str | None = None
    ca_file: Path | None = None
    expiry_hours: float = Field(24, gt=0, description="how long the broker keeps a message")


class DicomDestination(_Destination):
    type: Literal["dicom"]
    address: Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,16}@[^:\s]+:\d{1,5}$")]
    commitment: bool = False
    tls: bool = False
    ca_file: Path | None = None
    certificate_file: Path | None = Field(None, description="ours, for a PACS that wants one")
    key_file: Path | None = None


DestinationSection = Annotated[
    MllpDestination | FileDestination | MqttDestination | DicomDestination,
    Field(discriminator="type"),
]


class Configuration(Section):
    """The whole file."""

    gateway: GatewaySection
    http: HttpSection | None = None
    devices: dict[Name, AnyDevice] = Field(default_factory=dict)
    dicom: DicomSection | None = None
    orders: OrdersSection | None = None
    operators: OperatorsSection | None = None
    qc: QcSection | None = None
    destinations: dict[Name, DestinationSection] = Field(default_factory=dict)

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
