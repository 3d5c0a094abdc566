"""Controls in the store: what was measured, how far from its target, which rule that breaks.

A material's lot, level and targets are the site's to state; without a target the first twenty
results of a series make one.  A control that has a target and gives no number, since it lies beyond
the measuring range or the device reports an error, has failed.  Nothing here ever reaches a
patient's record.  All functions work inside a transaction of the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import apsw

from gateway.matching.westgard import Rule, broken
from gateway.report import Absent, AbsentReason, Kind, Observation, Quantity, Report
from gateway.store.moments import from_micros, to_micros

ENOUGH = 20
_SERIES = 60
_NOT_RUN = frozenset(
    (AbsentReason.NOT_MEASURED, AbsentReason.CANCELLED, AbsentReason.NOT_APPLICABLE)
)


@dataclass(frozen=True, slots=True)
class Target:
    mean: Decimal
    deviation: Decimal


@dataclass(frozen=True, slots=True)
class Material:
    """A control as the site knows it; ``targets`` by the device's code."""

    lot: str = ""
    level: str = ""
    targets: Mapping[str, Target] = field(default_factory=dict)


UNKNOWN = Material()


def record(
    connection: apsw.Connection,
    report: Report,
    materials: Mapping[str, Material],
    now: datetime,
) -> None:
    """Keeps the measurements of a control run, judged; once, however often it is sent."""
    if report.kind is not Kind.QC:
        return
    before = connection.execute("SELECT 1 FROM qc_results WHERE report = ?", (report.id,)).get
    if before is not None:
        return
    name = report.specimen.id or ""
    material = materials.get(name, UNKNOWN)
    for one in report.observations:
        if (read := _read(one.value)) is not None:
            _keep(connection, report, one, read, name, material, now)


@dataclass(frozen=True, slots=True)
class _Read:
    """What a control gave: a number to reckon with, or only words."""

    text: str
    number: Decimal | None = None
    unit: str | None = None


def _read(value: object) -> _Read | None:
    """None for a test that was not run on it, and for answers in words (Neg, A+)."""
    match value:
        case Quantity(number=number, comparator=comparator, unit=unit):
            found = _decimal(number) if comparator is None else None
            return _Read(f"{comparator or ''}{number}", found, unit.device if unit else None)
        case Absent(reason=reason) if reason not in _NOT_RUN:
            return _Read(reason.value)
        case _:
            return None


def _keep(
    connection: apsw.Connection,
    report: Report,
    one: Observation,
    read: _Read,
    name: str,
    material: Material,
    now: datetime,
) -> None:
    series = (report.device.id, one.code.device, name, material.lot, material.level)
    target = material.targets.get(one.code.device) or _learned(connection, series)
    known = target is not None and target.deviation > 0
    if read.number is None and not known:
        return
    deviation, verdict = None, Rule.NO_NUMBER.value if known else "no-target"
    if target is not None and known and read.number is not None:
        deviation = (read.number - target.mean) / target.deviation
        rules = broken((deviation, *_deviations(connection, series)))
        verdict = ",".join(rules) or "ok"
    connection.execute(
        "INSERT INTO qc_results (report, device, analyte, material, lot, level, value, unit, "
        "measured_at, deviation, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(report.id, *series, read.text, read.unit),
            to_micros(one.observed_at or now),
            str(deviation.quantize(Decimal("0.001"))) if deviation is not None else None,
            verdict,
        ),
    )


_OF_SERIES = "device = ? AND analyte = ? AND material = ? AND lot = ? AND level = ?"

Series = tuple[str, str, str, str, str]


def _deviations(connection: apsw.Connection, series: Series) -> tuple[Decimal, ...]:
    rows = connection.execute(
        f"SELECT deviation FROM qc_results WHERE {_OF_SERIES} "  # noqa: S608 - our words
        "AND deviation IS NOT NULL ORDER BY id DESC LIMIT ?",
        (*series, _SERIES),
    )
    return tuple(Decimal(str(text)) for (text,) in rows)


def _learned(connection: apsw.Connection, series: Series) -> Target | None:
    rows = connection.execute(
        f"SELECT value FROM qc_results WHERE {_OF_SERIES} "  # noqa: S608 - our words
        "AND verdict <> ? ORDER BY id LIMIT ?",
        (*series, Rule.NO_NUMBER.value, ENOUGH),
    )
    values = [Decimal(str(text)) for (text,) in rows]
    if len(values) < ENOUGH:
        return None
    mean = sum(values, Decimal(0)) / len(values)
    squares = sum(((value - mean) ** 2 for value in values), Decimal(0))
    return Target(mean, (squares / (len(values) - 1)).sqrt())


def failing(connection: apsw.Connection, device: str) -> frozenset[str]:
    """The device's codes whose last control broke a rejecting rule and was released by nobody."""
    rows = connection.execute(
        "SELECT analyte, verdict FROM qc_results WHERE id IN (SELECT MAX(id) FROM qc_results "
        "WHERE device = ? GROUP BY analyte, material, lot, level) AND released_by IS NULL",
        (device,),
    )
    return frozenset(str(analyte) for analyte, verdict in rows if rejects(str(verdict)))


def standing(
    connection: apsw.Connection, device: str | None, analyte: str | None
) -> list[dict[str, Any]]:
    """The last control of each series, the newest first."""
    rows = connection.execute(
        "SELECT device, analyte, material, lot, level, value, unit, measured_at, deviation, "
        "verdict, released_by FROM qc_results WHERE id IN (SELECT MAX(id) FROM qc_results "
        "GROUP BY device, analyte, material, lot, level) AND (? IS NULL OR device = ?) "
        "AND (? IS NULL OR analyte = ?) ORDER BY id DESC",
        (device, device, analyte, analyte),
    )
    names = ("device", "test", "material", "lot", "level", "value", "unit", "measured_at")
    return [
        {
            **dict(zip(names, row[:8], strict=True)),
            "measured_at": from_micros(int(str(row[7]))).isoformat(),
            "deviation": row[8],
            "rules": [] if row[9] in ("ok", "no-target") else str(row[9]).split(","),
            "verdict": _word(str(row[9]), row[10]),
            "released_by": row[10],
        }
        for row in rows
    ]


def _word(verdict: str, released_by: object) -> str:
    if rejects(verdict):
        return "failed" if released_by is None else "released"
    return verdict if verdict in ("ok", "no-target") else "warning"


def rejects(verdict: str) -> bool:
    return any(rule.value in verdict.split(",") for rule in Rule if rule.rejects)


def release(connection: apsw.Connection, device: str, analyte: str, actor: str) -> int:
    """Lets patients' results of this test go again; how many controls it was."""
    connection.execute(
        "UPDATE qc_results SET released_by = ? WHERE device = ? AND analyte = ? "
        "AND released_by IS NULL",
        (actor, device, analyte),
    )
    return connection.changes()


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
