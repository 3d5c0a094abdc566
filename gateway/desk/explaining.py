"""What is doubtful in a held report, in words about its own results, for whoever decides."""

from __future__ import annotations

from gateway.profiles.encodings import is_utf8
from gateway.profiles.properties import contradict, explained
from gateway.report import ProblemCode, Quantity, Range, Report
from gateway.store import Hold


def encoding_explained(hold: Hold, raw: bytes) -> list[str]:
    """What to say of text that is not in the encoding of the device."""
    doubtful = any(one.code is ProblemCode.ENCODING_DOUBTFUL for one in hold.problems)
    if not doubtful or not is_utf8(raw):
        return []
    device = f"[devices.{hold.device}]"
    return [f"its text is UTF-8: say encoding = \"utf-8\" in {device}, restart, 'gateway replay'"]


def explanations(report: Report) -> list[str]:
    """A line for each result whose unit is of another property than its LOINC code."""
    found: list[str] = []
    for one in report.observations:
        match one.code.loinc, one.value:
            case str(loinc), Quantity(unit=unit) | Range(unit=unit) if unit and unit.ucum:
                if contradict(loinc, unit.ucum):
                    found.append(explained(one.code.device, loinc, unit.ucum))
    return found
