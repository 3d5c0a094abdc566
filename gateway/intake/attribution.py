"""Which device sent a transmission, when a line may carry several.

The line's address has narrowed it down to candidates; the header and serial number in the bytes
decide among them.  Nothing is guessed: when two remain, or none, the report is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from gateway.intake.arrival import Arrival
from gateway.orders.operators import Certification
from gateway.profiles import AnalyzerProfile, identify
from gateway.profiles import Sender as Identified
from gateway.profiles.columns import adapted
from gateway.profiles.encodings import written_in
from gateway.profiles.times import LIMITS, ClockLimits
from gateway.report import Problem, ProblemCode


@dataclass(frozen=True, slots=True)
class Known:
    """A configured device as the intake needs it.  ``serial`` tells devices of one line apart;
    ``certification`` is asked of its operators, None where nobody is asked; ``columns`` are the
    site's headings of exported tables, ``encoding`` is that of its text where the site says so."""

    name: str
    profile: AnalyzerProfile
    timezone: ZoneInfo
    codes: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    serial: str | None = None
    limits: ClockLimits = LIMITS
    certification: Certification | None = None
    columns: tuple[tuple[str, str], ...] = ()
    encoding: str | None = None

    @property
    def reads_by(self) -> AnalyzerProfile:
        """The profile with the site's encoding and its headings for exported tables."""
        return adapted(written_in(self.profile, self.encoding), self.columns)


class Attribution:
    """``resolve`` names the sender, with the problem that holds its reports if it is not sure."""

    def __init__(self, devices: Mapping[str, Known]) -> None:
        self._devices = dict(devices)

    def device(self, name: str) -> Known:
        return self._devices[name]

    def known(self, line: str) -> tuple[str, ...]:
        """The configured devices of a line as the journal names it (``a+b``)."""
        return tuple(name for name in line.split("+") if name in self._devices)

    def first(self, arrival: Arrival) -> Known:
        """For evidence that nobody can read: the device, or the first that may have sent it."""
        return self._devices[arrival.candidates[0]]

    def resolve(self, arrival: Arrival) -> tuple[Known, Problem | None]:
        candidates = [self._devices[name] for name in arrival.candidates]
        if len(candidates) == 1:
            return candidates[0], None
        senders = [(known, identify(arrival.payload, known.reads_by)) for known in candidates]
        fitting = [k for k, sender in senders if _fits(k, sender)]
        certain = [k for k, sender in senders if _fits(k, sender) and sender.certain]
        for found in (certain, fitting):
            if len(found) == 1:
                return found[0], None
        code = ProblemCode.AMBIGUOUS_DEVICE if fitting else ProblemCode.UNKNOWN_DEVICE
        first = (fitting or candidates)[0]
        return first, Problem(code, "H")


def _fits(known: Known, sender: Identified) -> bool:
    return sender.header_fits and (known.serial is None or sender.serial == known.serial)
