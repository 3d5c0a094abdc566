"""The row of a hold: made when something is kept back, closed in somebody's name.

Both inside a transaction of the caller; closing leaves the audit trail one entry longer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

import apsw

from gateway.errors import StoreError
from gateway.report import Problem
from gateway.store import audit
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.messages import ReportKey
from gateway.store.moments import to_micros
from gateway.store.transmissions import StoredTransmission


class Decided(StoreError):
    """It is not open any more: somebody, or a later revision, was quicker."""


def insert(
    engine: Engine,
    connection: apsw.Connection,
    transmission: StoredTransmission,
    report: ReportKey | None,
    problems: Iterable[Problem],
    booked_at: datetime,
) -> int:
    """Keeps a report back, or a whole transmission; the hold's id."""
    listed = [{"code": p.code.value, "at": p.at, "hold": p.hold} for p in problems]
    fields = (
        engine.next_number(connection, "holds"),
        transmission.id,
        report.seq if report else None,
        report.id if report else None,
        report.revision if report else None,
        transmission.device,
        to_micros(booked_at),
        to_micros(engine.clock()),
        json.dumps(listed, ensure_ascii=False),
    )
    connection.execute(
        "INSERT INTO holds (id, transmission, report, report_id, revision, device, booked_at, "
        "opened_at, problems, sha256, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        (*fields, digest(*fields)),
    )
    return fields[0]


def close(
    engine: Engine,
    connection: apsw.Connection,
    hold: int,
    state: str,
    *,
    replaced: bool,
    actor: str,
    reason: str,
) -> None:
    """``state`` is a ``HoldState``'s value."""
    connection.execute(
        "UPDATE holds SET state = ?, replaced = ?, closed_at = ?, actor = ?, reason = ? "
        "WHERE id = ?",
        (state, int(replaced), to_micros(engine.clock()), actor, reason, hold),
    )
    action = "release" if state == "released" else "discard"
    audit.add(engine, connection, actor, action, f"hold {hold}", reason)
