"""The verbs of a person at the gateway; each answers with plain JSON values.

Everything that changes something names who did it and why, and stands in the audit trail.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import apsw

from gateway.desk.asked import MOST, actor_of, limit_of, reason_of
from gateway.desk.controls import Controls
from gateway.desk.explaining import encoding_explained, explanations
from gateway.desk.images import Images
from gateway.desk.mistakes import Missing, Mistake
from gateway.desk.moving import Moving, refuse_moved
from gateway.desk.ordering import Ordering
from gateway.desk.pages import Pages
from gateway.desk.parts import Parts
from gateway.desk.pausing import Pausing
from gateway.desk.quarantine import Quarantine
from gateway.desk.records import Records
from gateway.desk.releasing import Releasing
from gateway.desk.replay import Replay
from gateway.desk.resending import (
    refuse_dead,
    refuse_merged,
    refuse_not_parked,
    refuse_outdated,
    refuse_unknown,
    waiting,
)
from gateway.desk.status import Overview
from gateway.desk.studies import Studies
from gateway.intake.belonging import Belonging
from gateway.messages import NotEncodable, report_from_json
from gateway.store import Decided, HeldItem, Hold, OutOfDate

_TRIES = 5


class Desk:
    """``ask`` is the whole interface: a verb and its arguments."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._overview = Overview(parts)
        self._replay = Replay(parts)
        self._releasing = Releasing(parts)
        self._verbs: dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] = {
            "status": lambda _: self._overview.status(),
            "books": lambda a: self._overview.books(a.get("day")),
            "held.list": self._held_list,
            "held.show": self._held_show,
            "held.release": self._held_release,
            "held.discard": self._held_discard,
            "reports.move": Moving(parts).move,
            "resend": self._resend,
            "cancel": self._cancel,
            "tape": self._tape,
            "replay": self._replay.run,
            **Pausing(parts).verbs(),
            **Controls(parts, self.ask).verbs(),
            **Records(parts.store).verbs(),
            **Studies(parts.store, four_eyes=parts.four_eyes).verbs(),
            **Images(parts).verbs(),
            **Pages(parts.store).verbs(),
            **Quarantine(parts.store).verbs(),
            **Ordering(parts.store).verbs(),
        }

    async def ask(self, verb: str, arguments: Mapping[str, Any]) -> Any:
        """The verb's answer; Mistake when it cannot be done."""
        if verb not in self._verbs:
            raise Mistake(f"'{verb}' is nothing the gateway can do")
        try:
            return await self._verbs[verb](arguments)
        except Decided as error:
            raise Mistake(str(error)) from None

    async def _held_list(self, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A page, the oldest first; ``after`` is the last id of the page before."""
        after = _number(arguments.get("after") or 0, "a held item")
        found = await self._parts.store.holds.list(after=after, limit=limit_of(arguments, MOST))
        return [_hold(hold) for hold in found]

    async def _held_show(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        item = await self._item(arguments)
        answer = _hold(item.hold)
        report = None if item.report is None else json.loads(item.report.body)
        answer["report"] = report
        raw = item.transmission.raw
        answer["bytes"] = raw.decode("latin-1")
        answer["explanations"] = encoding_explained(item.hold, raw)
        if report is not None:
            answer["explanations"] += explanations(report_from_json(report))
        answer["suggestions"] = await self._releasing.suggestions(item)
        return answer

    async def _held_release(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        item = await self._item(arguments)
        if item.report is None:
            raise Mistake(
                f"{item.hold.id}: nothing could be read from these bytes; mend the profile or the "
                "site's codes and run 'gateway replay', or discard it"
            )
        chosen = str(arguments.get("order") or "").strip()
        reason = reason_of(arguments, "releasing")
        reason = f"{reason} (order {chosen})" if chosen else reason
        for _ in range(_TRIES):
            try:
                return await self._releasing.release(
                    item, item.report, chosen, actor_of(arguments), reason
                )
            except OutOfDate:
                continue
        raise Mistake(f"{item.hold.id}: its order or patient changes just now; try again")

    async def _held_discard(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        item = await self._item(arguments)
        reason = reason_of(arguments, "discarding")
        await self._parts.store.holds.discard(
            item.hold.id, actor=actor_of(arguments), reason=reason
        )
        return {"id": item.hold.id, "discarded": True}

    async def _item(self, arguments: Mapping[str, Any]) -> HeldItem:
        number = _number(arguments.get("id"), "a held item")
        item = await self._parts.store.holds.show(number)
        if item is None:
            raise Missing(f"there is no held item {number}; see 'gateway held list'")
        return item

    async def _resend(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        number = _number(arguments.get("id"), "a message")
        entry = await self._parts.store.outbox.get(number)
        if entry is None:
            raise Missing(f"there is no message {number}; see 'gateway status'")
        refuse_unknown(self._parts, entry)
        replacement, belonging = None, Belonging()
        if arguments.get("as_new"):
            if entry.report is None or entry.revision is None:
                raise Mistake(f"message {number} was not made from a report")
            stored = await self._parts.store.reports.get(entry.report, entry.revision)
            if stored is None:
                raise Mistake(f"the report of message {number} is not stored any more")
            report = report_from_json(json.loads(stored.body))
            times = await self._parts.store.counters.next(f"as-new:{entry.report}")
            belonging = await self._releasing.belonging(stored, report)
            try:
                replacement = self._parts.router.rewritten(
                    belonging.completed(report),
                    entry.destination,
                    belonging.revision(entry.revision - 1, again=times),
                )
            except LookupError:
                raise Mistake(f"nothing of it is sent to '{entry.destination}' any more") from None
            except NotEncodable as error:
                raise Mistake(f"no message can be made of it: {error}") from error

        def check(connection: apsw.Connection) -> None:
            refuse_moved(connection, entry)
            refuse_outdated(connection, entry)
            if replacement is None:
                refuse_dead(connection, entry)
            else:
                refuse_merged(connection, belonging)

        sent = await self._parts.store.outbox.resend(
            entry, actor=actor_of(arguments), as_new=replacement, check=check
        )
        waits = waiting(self._parts, [entry.destination])
        return {"id": sent, "destination": entry.destination, "waiting": waits}

    async def _cancel(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A parked message is not to be sent; its lane goes on."""
        number, reason = _number(arguments.get("id"), "a message"), reason_of(arguments)
        entry = await self._parts.store.outbox.get(number)
        if entry is None:
            raise Missing(f"there is no message {number}; see 'gateway status'")
        await self._parts.store.outbox.cancel(
            entry, actor_of(arguments), reason, check=lambda c: refuse_not_parked(c, entry)
        )
        return {"id": number, "destination": entry.destination, "cancelled": True}

    async def _tape(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The last of what was said on a line; it may name patients: who looks is recorded."""
        name = str(arguments.get("device"))
        tape = self._parts.tapes.get(name)
        if tape is None:
            raise Missing(self._parts.not_running("line of", name, self._parts.tapes))
        await self._parts.store.audit.record(actor_of(arguments), "tape", f"device {name}", "")
        return {"device": name, "transcript": tape.transcript(self._parts.clock())}


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "device": hold.device,
        "since": hold.opened_at.isoformat(),
        "report_id": hold.report,
        "transmission": str(hold.transmission),
        "state": hold.state.value,
        "problems": [{"code": p.code.value, "at": p.at, "hold": p.hold} for p in hold.problems],
    }


def _number(value: Any, what: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise Mistake(f"'{value}' is not the number of {what}") from None
