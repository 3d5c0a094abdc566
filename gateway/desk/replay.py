"""Reads journaled transmissions again with today's profiles and site maps.

Says report by report what would change; without ``dry_run`` it lets held reports go that are sound
now, and files a changed report as a new revision, which is delivered as a correction.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from gateway.desk.parts import Parts
from gateway.desk.reading_again import Again, difference, gone_of, refuse_overtaken
from gateway.errors import GatewayError
from gateway.intake.belonging import of_ids
from gateway.matching import moves
from gateway.messages import NotEncodable, report_from_json
from gateway.store import (
    Decided,
    FiledReport,
    Outcome,
    OutOfDate,
    ReportState,
    StoredReport,
)

_PAGE = 200
_REASON = "read again with today's profiles"


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
        self, read: Sequence[Again], dry: bool, actor: str
    ) -> AsyncIterator[dict[str, Any]]:
        for again in read:
            if fields := list(difference(again)):
                done = "would change" if dry else await self._apply(again, actor)
                yield _entry(again, fields, done)

    async def _end_whole(self, number: int, read: Sequence[Again], actor: str) -> int:
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

    async def _read(self, number: int) -> list[Again]:
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
        gone = gone_of(known, ids)
        moved = await self._parts.store.engine.read(lambda c: moves.touching(c, ids))
        settled = {move.report for move in moved}  # a person said whose these are
        return [
            Again(number, known.get(filed.id), filed, gone.get(filed.id))
            for filed in filing.reports
            if filed.id not in settled
        ]

    async def _apply(self, again: Again, actor: str) -> str:
        try:
            return await self._applied(again, actor)
        except OutOfDate as error:
            return f"left alone: {error}"
        except NotEncodable as error:
            return f"left alone: no message can be made of it: {error}"
        except Decided:
            return "left alone: somebody decided meanwhile"

    async def _applied(self, again: Again, actor: str) -> str:
        if again.instead is not None:
            return await self._replace(again, again.instead, actor)
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

    async def _file(self, again: Again, filed: FiledReport, actor: str) -> None:
        await self._parts.store.reports.file_again(
            again.transmission,
            [filed],
            actor=actor,
            reason=_REASON,
            check=lambda connection: refuse_overtaken(connection, again, filed.revision),
        )

    async def _replace(self, again: Again, gone: StoredReport, actor: str) -> str:
        """The hold of what it was read as ends; what it reads as now counts in its place."""
        await self._release_as(again, gone.id, gone.revision, again.filed, actor)
        return "held anew" if again.filed.held else "released"

    async def _release(self, again: Again, filed: FiledReport, actor: str) -> None:
        await self._release_as(again, filed.id, filed.revision - 1, filed, actor)

    async def _release_as(
        self, again: Again, held: str, revision: int, filed: FiledReport, actor: str
    ) -> None:
        hold = await self._parts.store.holds.of_report(held, revision)
        if hold is None:
            raise Decided("it is not held any more")
        await self._parts.store.holds.release(
            hold,
            actor=actor,
            reason=_REASON,
            reports=[filed],
            also=lambda connection: refuse_overtaken(connection, again, filed.revision + 1),
        )


def _entry(again: Again, fields: list[dict[str, Any]], done: str) -> dict[str, Any]:
    return {
        "transmission": str(again.transmission),
        "report": again.report.id,
        "device": again.report.device.id,
        "done": done,
        "fields": fields,
    }


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise GatewayError(f"'{text}' is no time; write 2026-01-31 or 2026-01-31T10:00") from None
    return moment if moment.tzinfo else moment.astimezone()
