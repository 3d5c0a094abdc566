"""Reads journaled transmissions again with today's profiles and site maps.

Says report by report what would change; without ``dry_run`` it lets held reports go that are sound
now, and files a changed report as a new revision, which is delivered as a correction.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import apsw

from gateway.desk.parts import Parts
from gateway.errors import GatewayError
from gateway.intake.belonging import of_ids
from gateway.matching import moves
from gateway.messages import NotEncodable, report_from_json
from gateway.orders import book, patients
from gateway.orders.model import OrderStatus
from gateway.report import Report
from gateway.store import (
    Decided,
    FiledReport,
    Outcome,
    OutOfDate,
    ReportState,
    StoredReport,
)

_PAGE = 200
_IGNORED = ("received_at", "source")
_REASON = "read again with today's profiles"


@dataclass(frozen=True, slots=True)
class _Again:
    """One report as it was stored (None: it was not) and as it reads today."""

    transmission: int
    stored: StoredReport | None
    filed: FiledReport

    @property
    def report(self) -> Report:
        return report_from_json(json.loads(self.filed.body))


class Replay:
    """``run`` answers with one entry for each report that reads differently now."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def run(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        since = _moment(arguments.get("since"))
        dry = bool(arguments.get("dry_run"))
        actor = str(arguments.get("user") or "replay")
        whole = frozenset[int]() if dry else await self._parts.store.holds.of_whole()
        changes: list[dict[str, Any]] = []
        seen = ended = 0
        async for number in self._numbers(since, arguments.get("device")):
            seen += 1
            read = await self._read(number)
            changes += [entry async for entry in self._changes(read, dry, actor)]
            if number in whole:
                ended += await self._end_whole(number, read, actor)
        return {"transmissions": seen, "changes": changes, "dry_run": dry, "holds_ended": ended}

    async def _changes(
        self, read: Sequence[_Again], dry: bool, actor: str
    ) -> AsyncIterator[dict[str, Any]]:
        for again in read:
            if difference := list(_difference(again)):
                done = "would change" if dry else await self._apply(again, actor)
                yield _entry(again, difference, done)

    async def _end_whole(self, number: int, read: Sequence[_Again], actor: str) -> int:
        """A transmission that was held itself is done with when each of its reports is stored."""
        reports = self._parts.store.reports
        if not read or any([await reports.get(again.filed.id) is None for again in read]):
            return 0
        return await self._parts.store.holds.stood_for(number, actor=actor, reason=_REASON)

    async def _numbers(self, since: datetime | None, device: str | None) -> AsyncIterator[int]:
        after = 0
        while page := await self._parts.store.transmissions.numbers(
            since=since, device=device, after=after, limit=_PAGE
        ):
            for number in page:
                yield number
            after = page[-1]

    async def _read(self, number: int) -> list[_Again]:
        stored = await self._parts.store.transmissions.get(number)
        if stored is None or stored.outcome is not Outcome.COMPLETE or stored.duplicate_of:
            return []
        arrival = self._parts.intake.rebuilt(
            number, stored.device, stored.protocol, stored.entries, stored.peer, stored.closed_at
        )
        if arrival is None:
            return []
        filing = await self._parts.intake.review(arrival)
        if filing is None:
            return []
        known = {r.id: r for r in await self._parts.store.reports.of_transmission(number)}
        ids = [filed.id for filed in filing.reports]
        moved = await self._parts.store.engine.read(lambda c: moves.touching(c, ids))
        settled = {move.report for move in moved}  # a person said whose these are
        return [
            _Again(number, known.get(filed.id), filed)
            for filed in filing.reports
            if filed.id not in settled
        ]

    async def _apply(self, again: _Again, actor: str) -> str:
        try:
            return await self._applied(again, actor)
        except OutOfDate as error:
            return f"left alone: {error}"
        except NotEncodable as error:
            return f"left alone: no message can be made of it: {error}"
        except Decided:
            return "left alone: somebody decided meanwhile"

    async def _applied(self, again: _Again, actor: str) -> str:
        if again.stored is None:
            await self._file(again, again.filed, actor)
            return "filed"
        if again.stored.state is ReportState.DISCARDED:
            return "left alone: discarded by a person"
        latest = await self._parts.store.reports.get(again.stored.id)
        if latest is not None and latest.revision > again.stored.revision:
            return "left alone: it was corrected since"
        revision = again.stored.revision + 1
        if again.stored.state is ReportState.HELD:
            if again.filed.held:
                return "still held"
            await self._release(again, replace(again.filed, revision=revision), actor)
            return "released"
        if again.filed.held:
            return "left alone: it was sent, and would be held today"
        previous = report_from_json(json.loads(again.stored.body))
        belonging = await of_ids(self._parts.store, again.filed.order, again.filed.patient)
        chain = belonging.revision(again.stored.revision, previous)
        messages = self._parts.router.messages(again.report, chain)
        await self._file(again, replace(again.filed, revision=revision, messages=messages), actor)
        return f"sent as revision {revision}"

    async def _file(self, again: _Again, filed: FiledReport, actor: str) -> None:
        await self._parts.store.reports.file_again(
            again.transmission,
            [filed],
            actor=actor,
            reason=_REASON,
            check=lambda connection: refuse_overtaken(connection, again, filed.revision),
        )

    async def _release(self, again: _Again, filed: FiledReport, actor: str) -> None:
        revision = filed.revision - 1
        hold = await self._parts.store.holds.of_report(filed.id, revision)
        if hold is None:
            raise Decided("it is not held any more")
        await self._parts.store.holds.release(
            hold,
            actor=actor,
            reason=_REASON,
            reports=[filed],
            also=lambda connection: refuse_overtaken(connection, again, filed.revision + 1),
        )


def refuse_overtaken(connection: apsw.Connection, again: _Again, revision: int) -> None:
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


def _for_nothing(connection: apsw.Connection, again: _Again) -> bool:
    """Whether it would be the first message about a cancelled order; corrections may follow."""
    if again.filed.order is None:
        return False
    order = book.find(connection, again.filed.order)
    before = 0 if again.stored is None else again.stored.revision
    query = "SELECT 1 FROM outbox WHERE report_id = ? AND revision <= ? AND state <> 'cancelled'"
    sent = connection.execute(query, (again.filed.id, before)).get
    return order is not None and order.status is OrderStatus.CANCELLED and sent is None


def refuse_changed(connection: apsw.Connection, again: _Again) -> None:
    """``OutOfDate`` when the patient has other numbers than when it was read: nothing may leave for
    a dead one."""
    if again.filed.patient is None:
        return
    known = patients.find(connection, again.filed.patient)
    living = {one.value for one in known.identifiers} if known else set()
    if living != {one.value for one in again.report.patient.ids}:
        raise OutOfDate("its patient changes just now")


def _difference(again: _Again) -> Iterator[dict[str, Any]]:
    now = json.loads(again.filed.body)
    was = {} if again.stored is None else json.loads(again.stored.body)
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


def _entry(again: _Again, difference: list[dict[str, Any]], done: str) -> dict[str, Any]:
    return {
        "transmission": str(again.transmission),
        "report": again.report.id,
        "device": again.report.device.id,
        "done": done,
        "fields": difference,
    }


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise GatewayError(f"'{text}' is no time; write 2026-01-31 or 2026-01-31T10:00") from None
    return moment if moment.tzinfo else moment.astimezone()
