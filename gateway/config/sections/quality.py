"""Control materials with their targets (``[qc]``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated

from gateway.config.sections.section import Section, Switch
from gateway.config.settings import Setting, Unquoted


@dataclass(frozen=True, slots=True, kw_only=True)
class QcTarget(Section):
    mean: Annotated[Decimal, Unquoted()]
    sd: Annotated[Decimal, Unquoted(), Setting(gt=0)]


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
        Switch, Setting("hold patients' results of a test while its control failed")
    ] = False
    materials: dict[str, QcMaterial] = field(default_factory=dict)
