"""What is doubtful in a held report, in words about its own results, for whoever decides."""

from __future__ import annotations

from gateway.profiles.properties import contradict, explained
from gateway.report import Quantity, Range, Report


def explanations(report: Report) -> list[str]:
    """A line for each result whose unit is of another property than its LOINC code."""
    found: list[str] = []
    for one in report.observations:
        match one.code.loinc, one.value:
            case str(loinc), Quantity(unit=unit) | Range(unit=unit) if unit and unit.ucum:
                if contradict(loinc, unit.ucum):
                    found.append(explained(one.code.device, loinc, unit.ucum))
    return found
