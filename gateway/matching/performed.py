"""What a performed procedure step does to the orders it is about (IHE SWF: RAD-6, RAD-7).

A step in progress begins its orders, also ones that were done when an exam is opened again; one
that was discontinued leaves them to be done.  An order is done when each of its scheduled steps was
completed.  A step is about the orders whose study it names, or whose accession number it names with
their patient's id; never about a cancelled one.  Of several steps about an order the one that was
told of last decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import apsw

from gateway.imaging.procedure_step import Content, StepStatus, step_ids
from gateway.orders import patients
from gateway.store import Engine, audit
from gateway.store.moments import to_micros

ACTOR = "gateway"
RECENT = 1000
"""Steps looked at again, the latest that were begun."""
_STATES = {
    StepStatus.IN_PROGRESS: "in-progress",
    StepStatus.COMPLETED: "done",
    StepStatus.DISCONTINUED: "active",
}


def apply(engine: Engine, connection: apsw.Connection, uid: str) -> Sequence[int]:
    """Inside ``engine.write``: the orders whose status changed."""
    row = connection.execute(
        "SELECT status, study_uid, accession, patient_id FROM procedure_steps WHERE uid = ?",
        (uid,),
    ).fetchone()
    if row is None or row[0] not in tuple(StepStatus):
        return ()
    status = StepStatus(row[0])
    found = _orders(connection, *map(str, row[1:]))
    return [order for order in found if _move(engine, connection, order, status, uid)]


def behind(connection: apsw.Connection) -> list[str]:
    """Recent steps that orders do not know of which came after them, in the order they were told
    of.  An order somebody closed meanwhile is not opened by a step its unit never ended."""
    rows = connection.execute(_BEHIND, (RECENT,))
    return [str(uid) for (uid,) in rows]


_BEHIND = """WITH recent AS MATERIALIZED (
        SELECT uid, study_uid, accession, status FROM procedure_steps
        WHERE rowid > (SELECT COALESCE(MAX(rowid), 0) FROM procedure_steps) - ?
        AND status IN ('COMPLETED', 'IN PROGRESS')
    ), about AS (
        SELECT r.uid, r.status, i.order_id FROM recent r
        CROSS JOIN imaging_procedures i ON i.study_uid = r.study_uid WHERE r.study_uid <> ''
        UNION SELECT r.uid, r.status, i.order_id FROM recent r
        CROSS JOIN imaging_procedures i ON i.accession = r.accession WHERE r.accession <> ''
    )
    SELECT DISTINCT a.uid FROM about a CROSS JOIN orders o ON o.id = a.order_id
    WHERE o.status IN ('active', 'in-progress')
    AND (a.status = 'COMPLETED' OR o.status = 'active')
    ORDER BY (SELECT MAX(e.id) FROM procedure_step_events e WHERE e.step = a.uid)"""


def finished(connection: apsw.Connection) -> frozenset[tuple[str, str]]:
    """Scheduled steps (study UID and step) that were completed, of orders that have others still
    to be done."""
    orders = connection.execute(
        "SELECT o.id FROM orders o JOIN imaging_procedures i ON i.order_id = o.id "
        "WHERE o.status IN ('active', 'in-progress') GROUP BY o.id HAVING COUNT(*) > 1"
    ).fetchall()
    found: set[tuple[str, str]] = set()
    for (order,) in orders:
        scheduled = _scheduled(connection, int(str(order)))
        done = _done(connection, scheduled)
        found |= {(study, step) for step, study, _ in scheduled if step in done}
    return frozenset(found)


def _orders(connection: apsw.Connection, study: str, accession: str, patient: str) -> Sequence[int]:
    by_study = connection.execute(
        "SELECT DISTINCT order_id FROM imaging_procedures WHERE study_uid = ? AND ? <> ''",
        (study, study),
    ).fetchall()
    if by_study:
        return [int(str(number)) for (number,) in by_study]
    owners = patients.with_number(connection, patient) if patient else ()
    named = connection.execute(
        "SELECT DISTINCT i.order_id, o.patient FROM imaging_procedures i "
        "JOIN orders o ON o.id = i.order_id WHERE i.accession = ? AND ? <> ''",
        (accession, accession),
    )
    return [int(str(number)) for number, owner in named if owner in owners]


def _move(
    engine: Engine, connection: apsw.Connection, order: int, status: StepStatus, uid: str
) -> bool:
    if not _is_latest(connection, order, uid):
        return False
    if status is StepStatus.COMPLETED and not _all_completed(connection, order):
        return False
    wanted = _STATES[status]
    connection.execute(
        "UPDATE orders SET status = ?, updated_at = ? WHERE id = ? AND status <> ? "
        "AND status IN ('active', 'in-progress', 'done')",
        (wanted, to_micros(engine.clock()), order, wanted),
    )
    if not connection.changes():
        return False
    detail = f"{wanted}: step {status.value.lower()}"
    audit.add(engine, connection, ACTOR, "order performed", f"order {order}", f"{detail} ({uid})")
    return True


def _is_latest(connection: apsw.Connection, order: int, uid: str) -> bool:
    """By the number of its last message: clocks are put back."""
    later = connection.execute(
        "SELECT 1 FROM procedure_steps p JOIN imaging_procedures i ON i.order_id = ? "
        "AND ((p.study_uid <> '' AND p.study_uid = i.study_uid) "
        "OR (p.accession <> '' AND p.accession = i.accession)) "
        "JOIN procedure_step_events e ON e.step = p.uid "
        "WHERE e.id > (SELECT MAX(id) FROM procedure_step_events WHERE step = ?) AND p.uid <> ?",
        (order, uid, uid),
    ).fetchone()
    return later is None


def _all_completed(connection: apsw.Connection, order: int) -> bool:
    """Whether each scheduled step of the order is named by a completed one.  An order with a
    single step is done by any step about it: units leave the number out."""
    scheduled = _scheduled(connection, order)
    if len(scheduled) < 2:
        return True
    done = _done(connection, scheduled)
    return all(step in done for step, _, _ in scheduled)


def _scheduled(connection: apsw.Connection, order: int) -> Sequence[tuple[str, str, str]]:
    """Step, study UID and accession number of each."""
    query = "SELECT step, study_uid, accession FROM imaging_procedures WHERE order_id = ?"
    rows = connection.execute(query, (order,))
    return [(str(step), str(study), str(accession)) for step, study, accession in rows]


def _done(connection: apsw.Connection, scheduled: Sequence[tuple[str, str, str]]) -> set[str]:
    """Steps that completed ones name."""
    return {
        step
        for study, accession in {(study, accession) for _, study, accession in scheduled}
        for content in _completed(connection, study, accession)
        for step in step_ids(content)
    }


_COMPLETED = """SELECT content FROM procedure_steps
    WHERE status = 'COMPLETED' AND study_uid = ?1 AND ?1 <> ''
    UNION ALL SELECT content FROM procedure_steps
    WHERE status = 'COMPLETED' AND accession = ?2 AND ?2 <> '' AND study_uid <> ?1"""


def _completed(connection: apsw.Connection, study: str, accession: str) -> Iterator[Content]:
    for (text,) in connection.execute(_COMPLETED, (study, accession)):
        yield json.loads(str(text))
