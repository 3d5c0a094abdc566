"""A report as it was stored and as it reads today: what differs, and what forbids to act on it.

What happened since it was read is asked inside the transaction that would act.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from gateway.matching import moves
from gateway.messages import report_from_json
from gateway.orders import book, patients
from gateway.orders.model import OrderStatus
from gateway.report import Report
from gateway.store import FiledReport, OutOfDate, ReportState, StoredReport

_IGNORED = ("id", "received_at", "source")


@dataclass(frozen=True, slots=True)
class Again:
    """One report as it was stored (None: it was not) and as it reads today.

    ``instead``: a held report of the transmission that today's reading does not have any more; the
    text of an encoding that was wrong, for one, made it another report."""

    transmission: int
    stored: StoredReport | None
    filed: FiledReport
    instead: StoredReport | None = None

    @property
    def report(self) -> Report:
        return report_from_json(json.loads(self.filed.body))


def gone_of(known: Mapping[str, StoredReport], ids: Sequence[str]) -> dict[str, StoredReport]:
    """By the id of each report that is new in today's reading the held one in whose place it
    stands, in their order; nothing when these are not as many."""
    new = [one for one in ids if one not in known]
    old = [one for one in known.values() if one.id not in ids and one.state is ReportState.HELD]
    return dict(zip(new, old, strict=True)) if len(new) == len(old) else {}


def refuse_overtaken(connection: apsw.Connection, again: Again, revision: int) -> None:
    """``OutOfDate`` when ``revision`` or a later one is there already, the report was moved, or its
    patient is not as it was read."""
    query = "SELECT 1 FROM reports WHERE id = ? AND revision >= ?"
    if moves.touching(connection, [again.filed.id]):
        raise OutOfDate("it was moved meanwhile")
    if connection.execute(query, (again.filed.id, revision)).get:
        raise OutOfDate("it was corrected since")
    if _for_nothing(connection, again):
        raise OutOfDate("its order was cancelled meanwhile")
    refuse_changed(connection, again)


def _for_nothing(connection: apsw.Connection, again: Again) -> bool:
    """Whether it would be the first message about a cancelled order; corrections may follow."""
    if again.filed.order is None:
        return False
    order = book.find(connection, again.filed.order)
    before = 0 if again.stored is None else again.stored.revision
    query = "SELECT 1 FROM outbox WHERE report_id = ? AND revision <= ? AND state <> 'cancelled'"
    sent = connection.execute(query, (again.filed.id, before)).get
    return order is not None and order.status is OrderStatus.CANCELLED and sent is None


def refuse_changed(connection: apsw.Connection, again: Again) -> None:
    """``OutOfDate`` when the patient has other numbers than when it was read: nothing may leave for
    a dead one."""
    if again.filed.patient is None:
        return
    known = patients.find(connection, again.filed.patient)
    living = {one.value for one in known.identifiers} if known else set()
    if living != {one.value for one in again.report.patient.ids}:
        raise OutOfDate("its patient changes just now")


def difference(again: Again) -> Iterator[dict[str, Any]]:
    now = json.loads(again.filed.body)
    stored = again.stored or again.instead
    was = {} if stored is None else json.loads(stored.body)
    before, after = dict(_leaves(was)), dict(_leaves(now))
    for path in sorted(before.keys() | after.keys()):
        if path.split(".")[0] in _IGNORED or before.get(path) == after.get(path):
            continue
        yield {"at": path, "was": before.get(path), "now": after.get(path)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _leaves(inner, f"{path}.{key}" if path else key)
        case list():
            for index, inner in enumerate(value):
                yield from _leaves(inner, f"{path}[{index}]")
        case _:
            yield path, value
