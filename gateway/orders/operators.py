"""Who may run which point-of-care device, and until when.

An operator is an id as the device sends it; a certification ends with its day.  A result run by
nobody, by an id nobody knows, on a device the operator is not certified for or after the end is
marked, and held where the site wants it so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.report import Problem, ProblemCode, Report


@dataclass(frozen=True, slots=True)
class Operator:
    """``devices`` are names of the configuration, None for all; ``until`` the last day."""

    id: str = field(repr=False)
    name: str = field(default="", repr=False)
    until: date | None = None
    devices: frozenset[str] | None = None

    def certified(self, device: str, on: date) -> bool:
        here = self.devices is None or device in self.devices
        return here and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True)
class Certification:
    """What is asked of the results of one device."""

    operators: Mapping[str, Operator] = field(repr=False)
    hold: bool

    def doubts(self, report: Report) -> tuple[Problem, ...]:
        """One problem for a report, at its first result that nobody certified has run."""
        for number, one in enumerate(report.observations, start=1):
            on = (one.observed_at or report.received_at).date()
            operator = self.operators.get((one.operator or "").strip())
            if operator is None or not operator.certified(report.device.id, on):
                at = f"observation[{number}].operator"
                return (Problem(ProblemCode.OPERATOR_NOT_CERTIFIED, at, self.hold),)
        return ()


def by_id(operators: Iterable[Operator]) -> dict[str, Operator]:
    return {operator.id: operator for operator in operators}
