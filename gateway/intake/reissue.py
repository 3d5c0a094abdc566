"""After a merge: messages that have not left yet are written anew with the living numbers.

Works inside the transaction of the merge.  The old message is cancelled, the new one takes its
place in the queue under a control id of its own and the same OBR-3.  One that cannot be written is
parked for a person.
"""

from __future__ import annotations

import json

import apsw

from gateway.intake.belonging import belonging_of
from gateway.intake.routes import HL7, Router
from gateway.messages import NotEncodable, report_from_json
from gateway.orders.applying import Withdrawal
from gateway.report import Report
from gateway.store import Engine, ReportState, StoredReport, messages
from gateway.store.moments import to_micros
from gateway.store.reports import find

_SENT = (ReportState.QUEUED, ReportState.DELIVERED)


class Reissue:
    """Called with the survivor's row."""

    def __init__(self, engine: Engine, router: Router) -> None:
        self._engine = engine
        self._router = router

    def __call__(self, connection: apsw.Connection, patient: int) -> Withdrawal:
        rows = connection.execute(
            "SELECT o.id, o.position, o.destination, o.report FROM outbox o "
            "JOIN report_orders r ON r.report = o.report WHERE r.patient = ? "
            "AND o.state IN ('queued', 'postponed') AND o.content_type = ? ORDER BY o.id",
            (patient, HL7),
        ).fetchall()
        waiting = [(_int(a), _int(b), str(c), _int(d)) for a, b, c, d in rows]
        for row in waiting:
            self._one(connection, *row)
        return Withdrawal(
            tuple(number for number, *_ in waiting),
            frozenset(destination for _, _, destination, _ in waiting),
        )

    def _one(
        self, connection: apsw.Connection, number: int, position: int, destination: str, seq: int
    ) -> None:
        stored = find(connection, seq)
        if stored is None:
            return
        report = report_from_json(json.loads(stored.body))
        belonging = belonging_of(connection, seq, report)
        times = connection.execute("SELECT COUNT(*) FROM outbox WHERE report = ?", (seq,)).get
        revision = belonging.revision(
            stored.revision - 1, previous_sent(connection, stored), again=500 + int(times or 0)
        )
        state, answer = "cancelled", "patient merged; written anew"
        try:
            message = self._router.rewritten(belonging.completed(report), destination, revision)
        except (NotEncodable, LookupError):
            state, answer = "parked", "patient merged; cannot be written anew"
        else:
            messages.insert(
                self._engine,
                connection,
                message,
                stored.key,
                position=position,
                resend_of=number,
            )
        connection.execute(
            "UPDATE outbox SET state = ?, finished_at = ?, answer = ? WHERE id = ?",
            (state, to_micros(self._engine.clock()), answer, number),
        )


def previous_sent(connection: apsw.Connection, stored: StoredReport) -> Report | None:
    """The revision before it that was sent."""
    rows = connection.execute(
        "SELECT seq FROM reports WHERE id = ? AND revision < ? ORDER BY revision DESC",
        (stored.id, stored.revision),
    ).fetchall()
    for (seq,) in rows:
        before = find(connection, _int(seq))
        if before is not None and before.state in _SENT:
            return report_from_json(json.loads(before.body))
    return None


def _int(cell: object) -> int:
    return cell if isinstance(cell, int) else 0
