"""A result that went out for the wrong patient: withdrawn there, sent where it belongs.

The patient it was sent for gets the whole report again with every result marked wrong (OBX-11 W,
same OBR-3); the right one gets it as a report of its own.  Both stand in one lane, so the second
never overtakes the first.  Messages of it that have not left are taken back.  Everything, the audit
trail included, is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import apsw

from gateway.desk.choosing import chosen_order, chosen_patient
from gateway.desk.mistakes import Missing, Mistake
from gateway.desk.parts import Parts
from gateway.intake.belonging import Belonging, belonging_of, of_order
from gateway.intake.planning import Planner, reasons
from gateway.matching import moves
from gateway.matching.lifecycle import derived
from gateway.matching.moves import Move
from gateway.messages import report_from_json, wording
from gateway.orders import book
from gateway.report import Kind, Patient, PatientId, Report, Status
from gateway.store import (
    FiledReport,
    OutboxEntry,
    ReportState,
    StoredReport,
    audit,
    decisions,
    filing,
)
from gateway.store.reports import find
from gateway.store.superseding import count_receipt, supersede
from gateway.store.transmissions import find as find_transmission

_GONE = (ReportState.QUEUED, ReportState.DELIVERED, ReportState.KEPT)


@dataclass(frozen=True, slots=True)
class _Moved:
    """What one move did, for whoever has to be told."""

    report: str
    queued: tuple[int, ...]
    taken_back: tuple[int, ...]
    destinations: frozenset[str]


class Moving:
    """``move`` is the desk's verb."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._planner = Planner(parts.router, parts.clock)

    async def move(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """``id``, who and why, and what was wrong: ``patient_id`` or ``order``, ``specimen``."""
        store = self._parts.store
        taken_back: list[int] = []

        def operation(connection: apsw.Connection) -> _Moved:
            taken_back.clear()
            moved = self._move(connection, arguments)
            taken_back.extend(moved.taken_back)
            return moved

        moved = await store.engine.write(
            operation,
            committed=lambda: store.outbox.withdrawn.update(taken_back),
            after=lambda done: store.outbox.announce(done.destinations),
        )
        return {
            "id": str(arguments.get("id")),
            "moved_to": moved.report,
            "queued": list(moved.queued),
            "taken_back": list(moved.taken_back),
        }

    def _move(self, connection: apsw.Connection, arguments: Mapping[str, Any]) -> _Moved:
        actor, reason = _said(arguments, "user"), _said(arguments, "reason")
        if not actor or not reason:
            raise Mistake("moving a result needs who does it and a reason")
        stored = _latest(connection, str(arguments.get("id") or ""))
        report = report_from_json(json.loads(stored.body))
        old = belonging_of(connection, stored.seq, report)
        withdrawn = self._withdrawn(stored, report, old)
        right, new = _target(connection, arguments, report, old)
        right = replace(right, id=derived(report.id, f"moved/{stored.revision}"))
        placed = self._filed(right, new, 1, None)
        owner = new.patient.id if new.patient else None
        lane, told = _history(connection, stored.id)
        move = Move(stored.id, stored.revision + 1, placed.id, owner, lane)
        taken_back = decisions.take_back(
            self._parts.store.engine, connection, stored.id, "moved to another patient"
        )
        withdrawn = _addressed(withdrawn, lane, told)
        placed = _addressed(placed, lane, None)
        queued, destinations = self._write(connection, stored, (withdrawn, placed))
        now = self._parts.clock()
        moves.record(connection, move, at=now, actor=actor, reason=reason)
        self._put_right(connection, stored, old, new)
        audit.add(
            self._parts.store.engine,
            connection,
            actor,
            "move report",
            f"report {stored.id}",
            f"to report {placed.id}: {reason}",
        )
        return _Moved(placed.id, queued, taken_back, destinations)

    def _withdrawn(self, stored: StoredReport, report: Report, old: Belonging) -> FiledReport:
        wrong = tuple(replace(one, status=Status.WRONG) for one in report.observations)
        again = replace(report, observations=wrong, notes=(*report.notes, wording.MOVED))
        return self._filed(again, old, stored.revision + 1, report)

    def _filed(
        self, report: Report, belonging: Belonging, number: int, previous: Report | None
    ) -> FiledReport:
        """Mistake when no message can be made of it."""
        mild = tuple(replace(problem, hold=False) for problem in report.problems)
        revision = belonging.revision(number - 1, previous)
        sound = replace(belonging.completed(report), problems=mild)
        filed = self._planner.filed(sound, revision, number)
        if filed.held:
            raise Mistake(f"no message can be made of it: {', '.join(reasons(filed))}")
        owner = belonging.patient
        order = belonging.order.id if belonging.order else None
        return replace(filed, order=order, patient=owner.id if owner else None)

    def _write(
        self,
        connection: apsw.Connection,
        stored: StoredReport,
        reports: tuple[FiledReport, FiledReport],
    ) -> tuple[tuple[int, ...], frozenset[str]]:
        engine = self._parts.store.engine
        transmission = find_transmission(connection, stored.transmission)
        if transmission is None:
            raise Mistake("its bytes are not stored any more")
        opened_at = transmission.opened_at
        filed = filing.file_reports(engine, connection, transmission, reports, opened_at)
        count_receipt(engine, connection, transmission, opened_at, len(filed.reports))
        return filed.queued, filed.destinations

    def _put_right(
        self, connection: apsw.Connection, stored: StoredReport, old: Belonging, new: Belonging
    ) -> None:
        """Older held revisions go with it; orders are answered or open again."""
        engine, now = self._parts.store.engine, self._parts.clock()
        supersede(engine, connection, stored.id, stored.revision + 1)
        if old.order is not None and (new.order is None or new.order.id != old.order.id):
            book.reopen(connection, old.order.id, stored.id, now)
        if new.order is not None:
            book.done(connection, new.order.id, now)


def refuse_moved(connection: apsw.Connection, entry: OutboxEntry) -> None:
    """Mistake for a message of a result that was moved since: it would undo the move."""
    move = moves.of_report(connection, entry.report) if entry.report else None
    if move is not None and (entry.revision or 0) < move.revision:
        raise Mistake(f"its result was moved to another patient and is report {move.target} now")


def _latest(connection: apsw.Connection, report: str) -> StoredReport:
    """Mistake when it cannot be moved."""
    seq = connection.execute(
        "SELECT seq FROM reports WHERE id = ? ORDER BY revision DESC LIMIT 1", (report,)
    ).get
    stored = find(connection, seq) if isinstance(seq, int) else None
    if stored is None:
        raise Missing("there is no such report; see 'gateway reports list'")
    move = moves.of_report(connection, report)
    if move is not None:
        raise Mistake(f"it was moved already, and is report {move.target} now")
    if stored.kind != Kind.PATIENT.value:
        raise Mistake("only a patient's result can be moved")
    if stored.state is ReportState.HELD:
        raise Mistake("it is held and went to nobody; release it with the right order")
    if stored.state not in _GONE:
        raise Mistake(f"it went to nobody: it is {stored.state.value}")
    return stored


def _target(
    connection: apsw.Connection, arguments: Mapping[str, Any], report: Report, old: Belonging
) -> tuple[Report, Belonging]:
    """The report as it should have been, and whose it is."""
    placer, number = _said(arguments, "order"), _said(arguments, "patient_id")
    label = _said(arguments, "specimen")
    if not (placer or number or label):
        raise Mistake("what was wrong? name the order, the patient id or the specimen")
    specimen = replace(report.specimen, id=label or report.specimen.id)
    right = replace(report, specimen=specimen)
    if placer:
        new = of_order(connection, chosen_order(connection, placer, report).id)
    elif number:
        patient = chosen_patient(connection, number)
        new = Belonging(None, patient)
        if patient is None:  # nobody tells of patients here: as the person typed it
            right = replace(right, patient=Patient((PatientId(number, "moved"),)))
    else:
        new = old
    if (new.completed(right).patient, specimen) == (old.completed(report).patient, report.specimen):
        raise Mistake("it is this patient's and this specimen's already")
    return right, new


def _history(connection: apsw.Connection, report: str) -> tuple[str | None, frozenset[str]]:
    """The lane of its messages, and every destination one of them may have reached."""
    rows = connection.execute(
        "SELECT destination, lane, state FROM outbox WHERE report_id = ? ORDER BY id", (report,)
    ).fetchall()
    told = frozenset(str(destination) for destination, _, state in rows if state != "cancelled")
    lane = rows[-1][1] if rows else None
    return None if lane is None else str(lane), told


def _addressed(
    report: FiledReport, lane: str | None, destinations: frozenset[str] | None
) -> FiledReport:
    """Its messages in the lane of what went before, only for ``destinations``."""
    kept = tuple(
        replace(message, lane=lane or message.lane)
        for message in report.messages
        if destinations is None or message.destination in destinations
    )
    return replace(report, messages=kept)


def _said(arguments: Mapping[str, Any], name: str) -> str:
    return str(arguments.get(name) or "").strip()
