"""What the gateway knows about a transmission before reading it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.profiles.times import LIMITS, ClockLimits


@dataclass(frozen=True, slots=True)
class Context:
    """``device_id`` is the device's name in the configuration, ``timezone`` its clock's zone.

    ``codes`` are the site's additions (device code to LOINC), ``units`` likewise (device unit to
    UCUM; ``CODE:UNIT`` for one test only, with nothing after the colon where the device sends no
    unit).  ``transmission`` is the journal id, or a file's name;
    ``limits`` say how far the device's times may be from ours.
    """

    device_id: str
    timezone: ZoneInfo
    received_at: datetime
    transmission: str
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    limits: ClockLimits = LIMITS
