"""Devices (``[devices.NAME]``), by their profile an analyzer or an ultrasound unit, and who may run
them (``[operators]``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from gateway.config.sections.section import AeTitle, Section, Switch, said
from gateway.config.settings import Kinds, Setting


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
    encoding: Annotated[
        str | None,
        Setting("of its text, where its messages do not say: utf-8, latin-1, cp1252, ..."),
    ] = None
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
        Switch, Setting("send orders it did not ask for, and take back cancelled ones")
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
        float | None, Setting("alarm when nothing was heard for so long", gt=0, le=876_600)
    ] = None
    clock_minutes: Annotated[
        float,
        Setting("one that is further off is told of, its times marked", gt=0, le=52_596_000),
    ] = 5
    future_minutes: Annotated[
        float,
        Setting("hold results dated so much later than they were received", gt=0, le=52_596_000),
    ] = 60
    stale_days: Annotated[
        float | None,
        Setting("hold results older than this; default: mark them only", gt=0, le=36525),
    ] = None
    noise_limit: Annotated[
        int, Setting("refused frames per 1,000 in an hour that alarm", ge=1, le=1_000_000)
    ] = 1


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
    return "ultrasound" if said(value, "profile") == "ultrasound" else "analyzer"


DEVICES: Final[Mapping[str, type[Section]]] = {
    "analyzer": DeviceSection,
    "ultrasound": UltrasoundSection,
}
AnyDevice = Annotated[DeviceSection | UltrasoundSection, Kinds(_device_kind, DEVICES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorsSection(Section):
    """Who may run point-of-care devices."""

    file: Annotated[Path, Setting("CSV with the headings id, name, valid_until, devices")]
