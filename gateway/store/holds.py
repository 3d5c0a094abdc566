"""What waits for a person: reports, or whole transmissions no report could be made of.

Nothing leaves by a timer.  Releasing and discarding name the person and the reason and stand in
the audit trail.  A hold may be released as newer reports (read again with a better map); those
then count in its place.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import apsw

from gateway.errors import StoreCorrupt, StoreError
from gateway.report import Problem, ProblemCode
from gateway.store import filing, hold_rows, releasing, transmissions
from gateway.store.digest import digest
from gateway.store.engine import Engine
from gateway.store.filing import Filed, FiledReport
from gateway.store.messages import OutboxMessage
from gateway.store.moments import from_micros, optional_from_micros
from gateway.store.reports import StoredReport, find
from gateway.store.rows import Row, read_row, read_rows
from gateway.store.superseding import supersede, supersede_whole
from gateway.store.transmissions import StoredTransmission


class HoldState(StrEnum):
    OPEN = "open"
    RELEASED = "released"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Hold:
    """``report`` and ``revision`` are None when the transmission itself is held."""

    id: int
    transmission: int
    report: str | None
    revision: int | None
    device: str
    opened_at: datetime
    problems: tuple[Problem, ...]
    state: HoldState
    closed_at: datetime | None
    actor: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class HeldItem:
    """Everything a person needs to decide."""

    hold: Hold
    transmission: StoredTransmission
    report: StoredReport | None


_SELECT = (
    "SELECT h.id, h.transmission, h.report, h.report_id, h.revision, h.device, h.booked_at, "
    "h.opened_at, h.problems, h.sha256, h.state, h.closed_at, h.actor, h.reason FROM holds h"
)
_SELECT_IDS = "SELECT h.id FROM holds h"
HASHED_COLUMNS = 9


class Holds:
    """List, show, release, discard."""

    def __init__(self, engine: Engine, announce: Callable[[frozenset[str]], None]) -> None:
        self._engine = engine
        self._announce = announce

    async def list(
        self,
        *,
        device: str | None = None,
        state: HoldState | None = HoldState.OPEN,
        after: int = 0,
        limit: int = 1_000,
    ) -> Sequence[Hold]:
        """The oldest first; ``after`` is the last id seen."""
        where = (
            "WHERE h.id > ? AND (? IS NULL OR h.device = ?) AND (? IS NULL OR h.state = ?) "
            "ORDER BY h.id LIMIT ?"
        )
        bindings = (after, device, device, state, state, limit)
        return await self._engine.browse(
            lambda c: read_rows(c, f"{_SELECT_IDS} {where}", bindings, _find)
        )

    async def every(self, *, device: str | None = None) -> AsyncIterator[Hold]:
        """All that are open, page by page; what is decided meanwhile does not hide another."""
        after = 0
        while page := await self.list(device=device, after=after):
            for hold in page:
                yield hold
            after = page[-1].id

    async def show(self, hold: int) -> HeldItem | None:
        """With the exact bytes.  ``StoreCorrupt`` when any of it is not what was stored."""
        return await self._engine.read(lambda connection: _show(connection, hold))

    async def release(
        self,
        hold: int,
        *,
        actor: str,
        reason: str,
        messages: Sequence[OutboxMessage] = (),
        reports: Sequence[FiledReport] = (),
        belongs: tuple[int | None, int | None] = (None, None),
        also: Callable[[apsw.Connection], None] | None = None,
    ) -> Filed:
        """Lets the held report go with ``messages``, or ``reports`` (new ids or revisions, with
        their own messages) in its place; held revisions before it are done with.  ``belongs``: the
        order and the patient it was found to belong to; ``also`` writes what belongs to the same
        act.  ``Decided`` when it is not open any more."""
        if messages and reports:
            raise ValueError("messages go with the held report or with the new ones, not both")

        def operation(connection: apsw.Connection) -> Filed:
            item = _open_item(connection, hold)
            if reports:
                filed = releasing.replace(self._engine, connection, hold, reports)
            elif item.report is None:
                raise StoreError("no report to release; read the bytes again or discard them")
            else:
                key, whole = item.report.key, item.transmission.id
                filed = releasing.let_go(self._engine, connection, whole, key, messages)
                if any(belongs):
                    filing.assign(connection, item.report.seq, *belongs)
            self._close(connection, hold, HoldState.RELEASED, bool(reports), actor, reason)
            if item.report is not None:
                supersede(self._engine, connection, item.report.id, item.report.revision)
            if also is not None:
                also(connection)
            return filed

        return await self._engine.write(
            operation, after=lambda filed: self._announce(filed.destinations)
        )

    async def discard(self, hold: int, *, actor: str, reason: str) -> None:
        """It goes nowhere, by this person's decision.  The bytes stay."""

        def operation(connection: apsw.Connection) -> None:
            _open_item(connection, hold)
            self._close(connection, hold, HoldState.DISCARDED, False, actor, reason)

        await self._engine.write(operation)

    async def of_report(self, report: str, revision: int) -> int | None:
        """The open hold of a revision."""
        query = "SELECT id FROM holds WHERE report_id = ? AND revision = ? AND state = 'open'"
        found = await self._engine.read(lambda c: c.execute(query, (report, revision)).get)
        return found if isinstance(found, int) else None

    async def of_whole(self) -> frozenset[int]:
        """The transmissions that are held themselves."""
        query = "SELECT transmission FROM holds WHERE state = 'open' AND report IS NULL"
        return await self._engine.browse(
            lambda c: frozenset(int(number) for (number,) in c.execute(query))
        )

    async def stood_for(self, transmission: int, *, actor: str, reason: str) -> int:
        """Its reports are stored by now and count in place of its own holds; how many ended."""
        return await self._engine.write(
            lambda c: supersede_whole(self._engine, c, transmission, actor, reason)
        )

    def _close(
        self,
        connection: apsw.Connection,
        hold: int,
        state: HoldState,
        replaced: bool,
        actor: str,
        reason: str,
    ) -> None:
        hold_rows.close(
            self._engine,
            connection,
            hold,
            state.value,
            replaced=replaced,
            actor=actor,
            reason=reason,
        )

    async def count(self) -> int:
        query = "SELECT COUNT(*) FROM holds WHERE state = 'open'"
        return await self._engine.browse(lambda connection: int(connection.execute(query).get))


def _from_row(row: Row) -> Hold:
    if digest(*row[:HASHED_COLUMNS]) != row[HASHED_COLUMNS]:
        raise StoreCorrupt(f"hold {row[0]} is not what was stored")
    number, transmission, _, report, revision, device, _, opened_at, problems = row[:9]
    state, closed_at, actor, reason = row[10:]
    listed = [Problem(ProblemCode(p["code"]), p["at"], p["hold"]) for p in json.loads(problems)]
    return Hold(
        number,
        transmission,
        report,
        revision,
        device,
        from_micros(opened_at),
        tuple(listed),
        HoldState(state),
        optional_from_micros(closed_at),
        actor,
        reason,
    )


def show(connection: apsw.Connection, number: int) -> HeldItem | None:
    """Inside a transaction: ``Holds.show``."""
    return _show(connection, number)


def _find(connection: apsw.Connection, number: int) -> Hold | None:
    return read_row(connection, f"{_SELECT} WHERE h.id = ?", (number,), _from_row)


def _show(connection: apsw.Connection, number: int) -> HeldItem | None:
    hold = _find(connection, number)
    if hold is None:
        return None
    transmission = transmissions.find(connection, hold.transmission)
    if transmission is None:
        raise StoreCorrupt(f"the transmission of hold {number} is missing")
    return HeldItem(hold, transmission, _report_of(connection, hold))


def _report_of(connection: apsw.Connection, hold: Hold) -> StoredReport | None:
    if hold.report is None:
        return None
    seq = connection.execute("SELECT report FROM holds WHERE id = ?", (hold.id,)).get
    report = find(connection, seq) if isinstance(seq, int) else None
    if report is None or (report.id, report.revision) != (hold.report, hold.revision):
        raise StoreCorrupt(f"the report of hold {hold.id} is missing")
    return report


def _open_item(connection: apsw.Connection, number: int) -> HeldItem:
    item = _show(connection, number)
    if item is None:
        raise StoreError(f"there is no hold {number}")
    if item.hold.state is not HoldState.OPEN:
        raise hold_rows.Decided(f"hold {number} was {item.hold.state.value} already")
    return item
