"""Closing a transmission: its row and everything it means, in one transaction.

The same content from the same device is recorded as a duplicate of the first and files nothing.
Receipts count what came in, for the books.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import apsw

from gateway.errors import GatewayError, StoreError
from gateway.report import Problem
from gateway.store import hold_rows, messages, transmissions
from gateway.store.engine import Engine
from gateway.store.filing import Filed, FiledReport, file_reports
from gateway.store.journal import OpenTransmission
from gateway.store.messages import OutboxMessage
from gateway.store.superseding import count_receipt
from gateway.store.transmissions import Outcome, StoredTransmission


class OutOfDate(GatewayError):
    """What a filing was decided on is not so any more; nothing of it was written."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What a whole transmission means.  ``content_key`` is the SHA-256 of device and canonical
    records; ``window`` limits how long a repeat counts as one (None: as long as it is kept).
    ``problems`` hold the transmission itself when no report could be made of it.  ``messages``
    belong to no report (events).  ``check`` is asked in the transaction, before anything but the
    transmission is written, whether this is still right (else ``OutOfDate``); ``also`` writes what
    belongs to the same act."""

    content_key: bytes | None
    reports: tuple[FiledReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    messages: tuple[OutboxMessage, ...] = ()
    window: timedelta | None = None
    check: Callable[[apsw.Connection], bool] | None = None
    also: Callable[[apsw.Connection], None] | None = None


NOTHING = Filing(None)


@dataclass(frozen=True, slots=True)
class Closing:
    """A conversation that has ended, before it is known whether it is a duplicate."""

    ended: OpenTransmission
    device: str
    profile: str
    outcome: Outcome
    reason: str
    closed_at: datetime

    def stored(self, content_key: bytes | None, duplicate_of: int | None) -> StoredTransmission:
        return StoredTransmission(
            self.ended.id,
            self.device,
            self.ended.protocol,
            self.profile,
            self.ended.peer,
            self.ended.opened_at,
            self.closed_at,
            self.outcome,
            self.reason,
            content_key,
            duplicate_of,
            self.ended.entries,
            self.ended.evidence,
        )


def file(
    engine: Engine,
    connection: apsw.Connection,
    closing: Closing,
    filing: Filing,
    started_at: datetime,
) -> Filed:
    """Writes the transmission's row and everything ``filing`` brings."""
    key = None if closing.outcome is Outcome.INCOMPLETE else filing.content_key
    earlier = None if key is None else transmissions.first_with(connection, closing.device, key)
    number = earlier[0] if earlier else None
    if earlier and _counts(closing.closed_at, earlier[1], filing, started_at):
        transmissions.insert(connection, closing.stored(key, number))
        return Filed(closing.ended.id, duplicate_of=number)
    if filing.check is not None and not filing.check(connection):
        raise OutOfDate("decided on what is not so any more")
    closed = closing.stored(key, None)
    transmissions.insert(connection, closed)
    filed = file_reports(engine, connection, closed, filing.reports, closed.opened_at)
    if filing.also is not None:
        filing.also(connection)
    holds = _hold_whole(engine, connection, closed, filing)
    queued = [messages.insert(engine, connection, m, None) for m in filing.messages]
    items = len(filed.reports) + len(holds)
    count_receipt(engine, connection, closed, closed.opened_at, items)
    others = {m.destination for m in filing.messages}
    return replace(
        filed,
        possible_duplicate_of=number,
        holds=(*filed.holds, *holds),
        queued=(*filed.queued, *queued),
        destinations=filed.destinations | others,
        ready=tuple(entry for entry in filed.ready if entry.destination not in others),
    )


def _counts(now: datetime, first: datetime, filing: Filing, started_at: datetime) -> bool:
    """Within the window, or sent again because we restarted in between."""
    if filing.window is None:
        return True
    return now - first <= filing.window or first < started_at <= now <= started_at + filing.window


def _hold_whole(
    engine: Engine, connection: apsw.Connection, closed: StoredTransmission, filing: Filing
) -> Sequence[int]:
    if not any(problem.hold for problem in filing.problems):
        return ()
    if filing.reports:
        raise StoreError("problems of a transmission with reports belong to the reports")
    return (hold_rows.insert(engine, connection, closed, None, filing.problems, closed.opened_at),)
