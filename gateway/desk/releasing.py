"""What leaves when a person releases a held report: whose, under which order, as which revision.

An order may be chosen by its placer number.  Whatever is released carries the patient's present
numbers, and never follows a later revision that was sent already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import apsw

from gateway.desk.choosing import chosen_order
from gateway.desk.mistakes import Mistake
from gateway.desk.parts import Parts
from gateway.desk.resending import waiting
from gateway.intake.belonging import Belonging, filed_under, of_order
from gateway.matching.identity import suggestions
from gateway.messages import NotEncodable, report_from_json
from gateway.orders import book, patients
from gateway.orders.book import KnownOrder
from gateway.orders.model import OrderStatus
from gateway.report import Kind, Report
from gateway.store import HeldItem, OutboxMessage, OutOfDate, ReportState, StoredReport

_SENT = (ReportState.QUEUED, ReportState.DELIVERED)


class Releasing:
    """``release`` is the only verb that changes anything."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def suggestions(self, item: HeldItem) -> list[dict[str, Any]]:
        """Orders it may belong to; a person chooses."""
        if item.report is None:
            return []
        report = report_from_json(json.loads(item.report.body))
        found = await self._parts.store.engine.read(lambda c: suggestions(c, report))
        return [{"placer": o.placer, "code": o.code, "status": o.status.value} for o in found]

    async def belonging(self, stored: StoredReport, report: Report, placer: str = "") -> Belonging:
        """What it was filed under, or the order a person chose."""
        if not placer:
            return await filed_under(self._parts.store, stored.seq, report)
        return await self._parts.store.engine.read(
            lambda c: of_order(c, chosen_order(c, placer, report).id)
        )

    async def release(
        self, item: HeldItem, stored: StoredReport, placer: str, actor: str, reason: str
    ) -> dict[str, Any]:
        """Lets it go, under the order a person chose; held revisions before it are done with, for
        none of them may follow it.  ``OutOfDate`` when its order was changed or its
        patient merged just now (nothing may leave for a dead number), or another revision of it has
        gone."""
        report = report_from_json(json.loads(stored.body))
        belonging = await self.belonging(stored, report, placer)
        sent = await self._parts.store.engine.read(lambda c: _revisions(c, stored))
        if not sent:
            _refuse_cancelled(item, belonging.order)
        messages = await self.messages(item, stored, report, belonging)
        order, owner = belonging.order, belonging.patient
        now = self._parts.clock()

        def also(connection: apsw.Connection) -> None:
            if order is not None and book.find(connection, order.id) != order:
                raise OutOfDate("the order is another than when the messages were written")
            if owner is not None and patients.find(connection, owner.id) != owner:
                raise OutOfDate("the patient is another than when the messages were written")
            if _revisions(connection, stored) != sent:
                raise OutOfDate("another revision was sent since the messages were written")
            if order is not None and not report.partial:
                book.done(connection, order.id, now)

        filed = await self._parts.store.holds.release(
            item.hold.id,
            actor=actor,
            reason=reason,
            messages=messages,
            belongs=(order.id if order else None, owner.id if owner else None),
            also=also,
        )
        waits = waiting(self._parts, filed.destinations)
        return {"id": item.hold.id, "queued": list(filed.queued), "waiting": waits}

    async def messages(
        self, item: HeldItem, stored: StoredReport, report: Report, belonging: Belonging
    ) -> Sequence[OutboxMessage]:
        """Mistake when it may not leave or cannot be written."""
        if report.kind is Kind.UNKNOWN:
            raise Mistake(
                f"{item.hold.id}: it is not decided whether this is a patient's result; "
                "discard it, or mend the profile and run 'gateway replay'"
            )
        previous = await self._previous(item, stored)
        chain = belonging.revision(stored.revision - 1, previous)
        try:
            return self._parts.router.messages(belonging.completed(report), chain, decided=True)
        except NotEncodable as error:
            raise Mistake(f"{item.hold.id}: no message can be made of it: {error}") from error

    async def _previous(self, item: HeldItem, stored: StoredReport) -> Report | None:
        """The report as last sent before this revision."""
        latest = await self._parts.store.reports.get(stored.id)
        previous = None
        for number in range(1, (latest or stored).revision + 1):
            other = await self._parts.store.reports.get(stored.id, number)
            if other is None or other.state not in _SENT:
                continue
            if number > stored.revision:
                raise Mistake(
                    f"{item.hold.id}: revision {number} of this report was sent already; "
                    "an older one may not follow it: discard it"
                )
            previous = report_from_json(json.loads(other.body))
        return previous


def _refuse_cancelled(item: HeldItem, order: KnownOrder | None) -> None:
    """A correction follows its original all the same."""
    if order is not None and order.status is OrderStatus.CANCELLED:
        raise Mistake(
            f"{item.hold.id}: its order {order.placer} was cancelled; release it under another "
            "one (--order), or discard it"
        )


def _revisions(connection: apsw.Connection, stored: StoredReport) -> list[int]:
    """The other revisions there are messages of."""
    query = (
        "SELECT DISTINCT revision FROM outbox WHERE report_id = ? AND revision <> ? "
        "AND state <> 'cancelled' ORDER BY revision"
    )
    return [number for (number,) in connection.execute(query, (stored.id, stored.revision))]
