"""Messages written record by record, and what a site knows about the device."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.profiles import AnalyzerProfile, Context, catalogue, normalize
from gateway.report import Observation, Problem, ProblemCode, Report

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 1, 5, 10, 15, tzinfo=BERLIN)
GENERIC = catalogue()["generic-astm"]
CODES = {"GLU": "14749-6", "CRP": "1988-5", "INR": "6301-6", "FLUA": "92142-9"}

HEADER = r"H|\^&|||DEMO^1.0|||||||P|LIS2-A2|20260105101200"
PATIENT = "P|1|MRN0001"
ORDER = "O|1|26S0001||^^^GLU|||||||N"
RESULT = "R|1|^^^GLU|5.4|mmol/L||N||F||||20260105101000"
END = "L|1|N"


def context(
    device: str = "lab-1",
    *,
    codes: dict[str, str] | None = None,
    units: dict[str, str] | None = None,
    received_at: datetime = NOW,
    transmission: str = "17",
) -> Context:
    return Context(
        device, BERLIN, received_at, transmission, CODES if codes is None else codes, units or {}
    )


def text(*records: str, encoding: str = "latin-1") -> bytes:
    return "".join(record + "\r" for record in records).encode(encoding)


def reports(
    *records: str, profile: AnalyzerProfile = GENERIC, site: Context | None = None
) -> tuple[Report, ...]:
    return normalize(text(*records), profile, site or context())


def one(*body: str, profile: AnalyzerProfile = GENERIC, site: Context | None = None) -> Report:
    """The single report of a message whose body stands between header and end."""
    (report,) = reports(HEADER, *body, END, profile=profile, site=site)
    return report


def result(record: str, *, site: Context | None = None) -> tuple[Observation, Report]:
    """One R record under an ordinary order, with the generic profile."""
    report = one(PATIENT, ORDER, record, site=site)
    (observation,) = report.observations
    return observation, report


def problem_codes(report: Report) -> list[ProblemCode]:
    return [problem.code for problem in report.problems]


def problem(report: Report, code: ProblemCode) -> Problem:
    (found,) = [problem for problem in report.problems if problem.code is code]
    return found
