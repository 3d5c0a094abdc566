"""Results a person moved to another patient: what that means for whatever comes after.

A moved report ends as a revision whose results are all withdrawn; another report took its place.
Whatever the device sends of the specimen later belongs to nobody by itself any more, unless the
EHR's orders say by then what the person said.  All functions work inside a transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import apsw

from gateway.store.moments import to_micros


@dataclass(frozen=True, slots=True)
class Move:
    """``report`` was withdrawn by its ``revision``; ``target`` took its place.  ``patient`` is None
    where the EHR never told of the patient."""

    report: str
    revision: int
    target: str
    patient: int | None
    lane: str | None


def record(
    connection: apsw.Connection, move: Move, *, at: datetime, actor: str, reason: str
) -> None:
    connection.execute(
        "INSERT INTO report_moves (report, revision, moved_to, patient, lane, at, actor, reason) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(move.report, move.revision, move.target, move.patient, move.lane),
            *(to_micros(at), actor, reason),
        ),
    )


def of_report(connection: apsw.Connection, report: str) -> Move | None:
    """How a report was withdrawn, if it was."""
    return _one(connection, "report = ?", report)


def to_report(connection: apsw.Connection, report: str) -> Move | None:
    """Where a report came from, if it took another's place."""
    return _one(connection, "moved_to = ?", report)


def touching(connection: apsw.Connection, reports: Iterable[str]) -> tuple[Move, ...]:
    """Every move from or to one of these reports."""
    found = {}
    for report in dict.fromkeys(reports):
        for move in (of_report(connection, report), to_report(connection, report)):
            if move is not None:
                found[move.report] = move
    return tuple(found.values())


def _one(connection: apsw.Connection, condition: str, report: str) -> Move | None:
    row = connection.execute(
        f"SELECT report, revision, moved_to, patient, lane FROM report_moves WHERE {condition}",  # noqa: S608 - our words
        (report,),
    ).fetchone()
    return None if row is None else Move(*row)
