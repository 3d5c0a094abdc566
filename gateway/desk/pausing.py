"""Stopping and releasing a destination by hand.  What a person paused stays so over a restart: the
audit trail knows who did what last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from gateway.desk.asked import actor_of
from gateway.desk.mistakes import Mistake
from gateway.desk.parts import Lane, Parts
from gateway.store import Store

_PAUSED: Final = """
SELECT subject, detail FROM audit WHERE seq IN (
    SELECT MAX(seq) FROM audit WHERE action IN ('pause', 'resume')
    AND subject LIKE 'destination %' GROUP BY subject
) AND action = 'pause'"""


async def still_paused(store: Store, lanes: Mapping[str, Lane]) -> None:
    """Before they run: those a person paused do not."""
    rows = await store.engine.read(lambda c: c.execute(_PAUSED).fetchall())
    for subject, reason in rows:
        lane = lanes.get(str(subject).removeprefix("destination "))
        if lane is not None:
            lane.pause(_said(str(reason)))


class Pausing:
    """Verbs on a running destination."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def verbs(self) -> dict[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        return {"pause": self._pause, "resume": self._resume}

    async def _pause(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What is on its way may still arrive; nothing more is sent."""
        name, lane = self._lane(arguments)
        actor, reason = actor_of(arguments), str(arguments.get("reason") or "").strip()
        if not reason:
            raise Mistake("this needs a reason")
        stopped = lane.state.stopped is not None
        await self._parts.store.audit.record(actor, "pause", f"destination {name}", reason)
        lane.pause(_said(reason))
        return {"destination": name, "paused": not stopped}

    async def _resume(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        name, lane = self._lane(arguments)
        actor, stopped = actor_of(arguments), lane.state.stopped is not None
        await self._parts.store.audit.record(actor, "resume", f"destination {name}", "")
        lane.resume()
        return {"destination": name, "resumed": stopped}

    def _lane(self, arguments: Mapping[str, Any]) -> tuple[str, Lane]:
        name = str(arguments.get("destination"))
        lane = self._parts.lanes.get(name)
        if lane is None:
            raise Mistake(self._parts.not_running("destination", name, self._parts.lanes))
        return name, lane


def _said(reason: str) -> str:
    return f"paused: {reason}"
