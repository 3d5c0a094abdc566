"""Orders and patients from the EHR, how their ids look, and tests that are sent out
(``[orders]``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from gateway.config.sections.section import Endpoint, Name, Section, Switch
from gateway.config.settings import Setting


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
        Switch, Setting("every other laboratory test that no device here performs goes there too")
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
    callers: Annotated[
        tuple[str, ...], Setting("IP addresses or networks that may call listen; default: any")
    ] = ()
    directory: Annotated[Path | None, Setting("folder the EHR drops HL7 files into")] = None
    keep_days: Annotated[
        float, Setting("how long an order waits for its results", gt=0, le=36_525)
    ] = 14
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
