"""Which device sent a transmission, when a line may carry several.

The line's address has narrowed it down to candidates; the header and serial number in the bytes
decide among them.  Nothing is guessed: when two remain, or none, the report is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from gateway.intake.arrival import Arrival
from gateway.profiles import AnalyzerProfile, identify
from gateway.report import Problem, ProblemCode


@dataclass(frozen=True, slots=True)
class Known:
    """A configured device as the intake needs it.  ``serial`` tells devices of one line apart."""

    name: str
    profile: AnalyzerProfile
    timezone: ZoneInfo
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    serial: str | None = None


class Attribution:
    """``resolve`` names the sender, with the problem that holds its reports if it is not sure."""

    def __init__(self, devices: Mapping[str, Known]) -> None:
        self._devices = dict(devices)

    def name(self, arrival: Arrival) -> str:
        """For evidence that nobody can read: the device, or all that may have sent it."""
        return "+".join(arrival.candidates)

    def resolve(self, arrival: Arrival) -> tuple[Known, Problem | None]:
        candidates = [self._devices[name] for name in arrival.candidates]
        if len(candidates) == 1:
            return candidates[0], None
        fitting = [known for known in candidates if self._fits(known, arrival.payload)]
        if len(fitting) == 1:
            return fitting[0], None
        code = ProblemCode.AMBIGUOUS_DEVICE if fitting else ProblemCode.UNKNOWN_DEVICE
        first = (fitting or candidates)[0]
        return replace(first, name=candidates[0].name), Problem(code, "H")

    @staticmethod
    def _fits(known: Known, payload: bytes) -> bool:
        identity = identify(payload, known.profile)
        if not identity.header_fits:
            return False
        return known.serial is None or identity.serial == known.serial
