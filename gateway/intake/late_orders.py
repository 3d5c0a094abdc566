"""Held results whose order comes after them: matched again, by the label and nothing less.

Only where the site says ``required``, only while the result is younger than ``Rules.late``, and
only when nothing but the missing order kept it back.  The decision is the same as for a result that
comes now, made inside the transaction that lets it go; a result that is still in doubt stays held.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import apsw

from gateway.intake.planning import Planner, reasons
from gateway.intake.reissue import previous_sent
from gateway.matching import Policy, Rules, decide
from gateway.matching.assignment import exact
from gateway.messages import report_from_json
from gateway.notices import Noticeboard, ReportFiled
from gateway.orders import book
from gateway.report import Kind, ProblemCode, Report
from gateway.store import FiledReport, HoldState, Store, StoredReport, hold_rows, releasing
from gateway.store.holds import show
from gateway.store.superseding import supersede

ACTOR: Final = "gateway"
REASON: Final = "its order arrived"

_WAITING: Final = frozenset(
    (ProblemCode.UNKNOWN_ORDER, ProblemCode.ORDER_MISMATCH, ProblemCode.NO_PATIENT)
)
_LABELLED: Final = (
    "SELECT DISTINCT h.id FROM holds h JOIN reports r ON r.seq = h.report "
    "JOIN order_specimens s ON s.barcode = r.specimen JOIN orders o ON o.id = s.order_id "
    "WHERE h.state = 'open' AND r.kind = 'patient' AND o.message >= ? AND h.id > ? "
    "ORDER BY h.id LIMIT 200"
)
_LATEST: Final = "SELECT COALESCE(MAX(id), 0) FROM order_messages"


@dataclass(frozen=True, slots=True)
class _Claimed:
    reports: tuple[FiledReport, ...] = ()
    destinations: frozenset[str] = frozenset()


class LateOrders:
    """``run`` is a supervised task; ``wake`` tells it that an order was placed."""

    def __init__(
        self,
        store: Store,
        planner: Planner,
        rules: Rules,
        notices: Noticeboard,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._planner = planner
        self._rules = rules
        self._notices = notices
        self._clock = clock
        self._placed = asyncio.Event()
        self._seen = 0

    def wake(self) -> None:
        self._placed.set()

    async def run(self) -> None:
        """Looks at once (an order may have come just before a stop), then at every order."""
        while True:
            self._placed.clear()
            await self.look()
            await self._placed.wait()

    async def look(self) -> int:
        """Lets go what has found its order; how many results it was.  After the first time only
        orders of the messages since are looked at."""
        engine = self._store.engine
        latest = await engine.browse(lambda c: int(c.execute(_LATEST).get))
        after, count = 0, 0
        while holds := await engine.browse(partial(_labelled, since=self._seen, after=after)):
            for hold in holds:
                count += await self._claim(hold)
            after = holds[-1]
        self._seen = latest
        return count

    async def _claim(self, hold: int) -> int:
        outbox = self._store.outbox
        claimed = await self._store.engine.write(
            partial(self._claimed, hold=hold), after=lambda c: outbox.announce(c.destinations)
        )
        for one in claimed.reports:
            held = tuple(reasons(one))
            self._notices.post(ReportFiled(one.device, one.id, one.kind, one.observations, held))
        return len(claimed.reports)

    def _claimed(self, connection: apsw.Connection, hold: int) -> _Claimed:
        item, now = show(connection, hold), self._clock()
        if item is None or item.report is None or item.hold.state is not HoldState.OPEN:
            return _Claimed()
        report = report_from_json(json.loads(item.report.body))
        if not self._waits(connection, item.report, report, now):
            return _Claimed()
        reports = self._filed(connection, item.report, report, now)
        if not reports:
            return _Claimed()
        engine = self._store.engine
        filed = releasing.replace(engine, connection, hold, reports)
        state = HoldState.RELEASED.value
        hold_rows.close(engine, connection, hold, state, replaced=True, actor=ACTOR, reason=REASON)
        supersede(engine, connection, report.id, item.report.revision)
        for one in reports:
            if one.order is not None and one.whole:
                book.done(connection, one.order, now)
        return _Claimed(reports, filed.destinations)

    def _waits(
        self, connection: apsw.Connection, stored: StoredReport, report: Report, now: datetime
    ) -> bool:
        """Whether it is held for want of an order alone, and is the latest that was said."""
        if self._rules.policy(stored.device) is not Policy.REQUIRED:
            return False
        if report.kind is not Kind.PATIENT or now - stored.received_at > self._rules.late:
            return False
        if not {problem.code for problem in report.problems if problem.hold} <= _WAITING:
            return False
        latest = connection.execute(
            "SELECT MAX(revision) FROM reports WHERE id = ?", (stored.id,)
        ).get
        return bool(latest == stored.revision)

    def _filed(
        self, connection: apsw.Connection, stored: StoredReport, report: Report, now: datetime
    ) -> tuple[FiledReport, ...]:
        """Nothing when a part of it would be held again, unless because its panel is partial."""
        kept = tuple(problem for problem in report.problems if problem.code not in _WAITING)
        sound = replace(report, problems=kept)
        match = decide(connection, sound, self._rules, now)
        if match.problems or not match.assigned:
            return ()
        if not exact(sound.observations, match.assigned, match.orders, self._rules):
            return ()
        previous = previous_sent(connection, stored)
        filed = self._planner.again(sound, match, stored.revision + 1, previous)
        return filed if all(map(_complete_or_waiting, filed)) else ()


def _complete_or_waiting(filed: FiledReport) -> bool:
    """A panel that is not whole waits on, but under its order."""
    return {p.code for p in filed.problems if p.hold} <= {ProblemCode.PARTIAL_PANEL}


def _labelled(connection: apsw.Connection, since: int, after: int) -> Sequence[int]:
    """Open holds of results whose label is on an order that came since, the oldest first."""
    return [int(number) for (number,) in connection.execute(_LABELLED, (since, after))]
