"""A stored report with the order and patient it belongs to as they are now.

Between filing and a person's decision a patient may have been merged or an order chosen by hand:
what leaves then carries the EHR's present numbers, never a dead one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import apsw

from gateway.intake.parties import known_person, message_order
from gateway.intake.routes import Revision
from gateway.matching import moves
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.patients import KnownPatient
from gateway.report import Report
from gateway.store import Store


@dataclass(frozen=True, slots=True)
class Belonging:
    """None where nothing is known.  ``lane`` is that of a report that was moved, and of the
    one that took its place."""

    order: KnownOrder | None = None
    patient: KnownPatient | None = None
    lane: str | None = None

    def completed(self, report: Report) -> Report:
        """With the patient as the EHR knows them now."""
        if self.patient is None:
            return report
        return replace(report, patient=known_person(self.patient)[0])

    def revision(
        self, number: int = 0, previous: Report | None = None, *, again: int = 0
    ) -> Revision:
        """For a message about it; ``number`` counts revisions from 0."""
        return Revision(
            number,
            previous,
            order=message_order(self.order) if self.order else None,
            again=again,
            corrects=previous is not None or again > 0,
            domains=known_person(self.patient)[1] if self.patient else (),
            lane=self.lane,
        )


async def filed_under(store: Store, seq: int, report: Report) -> Belonging:
    """What a stored report was filed under; else the patient its numbers lead to."""
    return await store.engine.read(lambda connection: belonging_of(connection, seq, report))


async def of_ids(store: Store, order: int | None, patient: int | None) -> Belonging:
    return await store.engine.read(lambda connection: _of_ids(connection, order, patient))


def belonging_of(connection: apsw.Connection, seq: int, report: Report) -> Belonging:
    """What a stored report was filed under; else the patient its dead numbers lead to."""
    move = moves.to_report(connection, report.id) or moves.of_report(connection, report.id)
    belonging = _filed_under(connection, seq, report)
    return belonging if move is None else replace(belonging, lane=move.lane)


def _filed_under(connection: apsw.Connection, seq: int, report: Report) -> Belonging:
    row = connection.execute(
        "SELECT order_id, patient FROM report_orders WHERE report = ?", (seq,)
    ).fetchone()
    if row is not None:
        return _of_ids(connection, row[0], row[1])
    owners = {patients.with_number(connection, one.value) for one in report.patient.ids}
    if len(owners) == 1 and len(found := owners.pop()) == 1:
        known = patients.find(connection, found[0])
        dead = {one.value for one in known.dead} if known else set()
        if dead & {one.value for one in report.patient.ids}:
            return Belonging(None, known)
    return Belonging()


def of_order(connection: apsw.Connection, order: int) -> Belonging:
    """An order with its patient."""
    return _of_ids(connection, order, None)


def _of_ids(connection: apsw.Connection, order: int | None, patient: int | None) -> Belonging:
    known = book.find(connection, order) if order is not None else None
    owner = known.patient if known is not None else patient
    return Belonging(known, patients.find(connection, owner) if owner is not None else None)
