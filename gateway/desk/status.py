"""The state of everything, for ``gateway status``, the pages and the health check."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from gateway.desk.imaging import imaging_status
from gateway.desk.parts import Parts
from gateway.errors import GatewayError
from gateway.store import MessageState, OutboxEntry

PARKED = 100
"""Parked messages listed, the newest of them."""


class Overview:
    """Counts and times only; no patient data."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def status(self) -> dict[str, Any]:
        store = self._parts.store
        held, queues = await store.holds.count(), await store.outbox.queues()
        waiting = {queue.destination: queue for queue in queues}
        oldest = min((q.oldest for q in queues if q.oldest is not None), default=None)
        usage = await asyncio.to_thread(shutil.disk_usage, store.engine.directory)
        return {
            "site": self._parts.site,
            "time": self._parts.clock().isoformat(),
            "running": self._parts.running,
            "store": {"condition": store.condition.value, "reason": store.reason},
            "devices": {name: self._device(name) for name in self._parts.devices},
            "destinations": {
                name: self._destination(name, kind, waiting.get(name))
                for name, kind in self._parts.destinations.items()
            },
            "imaging": await imaging_status(self._parts) if self._parts.imaging else None,
            "held": held,
            "parked": [_parked(entry) for entry in await self._parked()],
            "unread": self._parts.intake.unread,
            "oldest_undelivered": None if oldest is None else oldest.isoformat(),
            "disk": {"free": usage.free, "total": usage.total},
            "books": await self.books(None),
        }

    async def _parked(self) -> Sequence[OutboxEntry]:
        """Messages that wait for a person, the oldest first."""
        found = await self._parts.store.outbox.list(state=MessageState.PARKED, limit=PARKED)
        return tuple(reversed(found))

    async def books(self, day: str | None) -> dict[str, Any]:
        """One day's equation per device, in the site's zone; today by default."""
        zone = self._parts.timezone
        try:
            chosen = date.fromisoformat(day) if day else self._parts.clock().astimezone(zone).date()
        except ValueError:
            raise GatewayError(f"'{day}' is no day; write 2026-01-31") from None
        start = datetime.combine(chosen, time(), zone)
        end = datetime.combine(chosen + timedelta(days=1), time(), zone)
        rows = await self._parts.store.books.between(start, end)
        names = (
            "received",
            "delivered",
            "queued",
            "held",
            "discarded",
            "duplicates",
            "incomplete",
            "balanced",
        )
        return {
            "day": chosen.isoformat(),
            "devices": {row.device: {name: getattr(row, name) for name in names} for row in rows},
        }

    def _device(self, name: str) -> dict[str, Any]:
        facts, view = self._parts.devices[name], self._parts.links.view(name)
        return {
            "profile": facts.profile,
            "stream": facts.stream,
            "link": view.state.value,
            "detail": view.detail,
            "last_heard": None if view.last_heard is None else view.last_heard.isoformat(),
            "reports": view.reports,
            "refused_frames": view.refused,
            "clock_ahead_seconds": None if view.ahead is None else round(view.ahead, 1),
        }

    def _destination(self, name: str, kind: str, queue: Any) -> dict[str, Any]:
        lane = self._parts.lanes.get(name)
        state = None if lane is None else lane.state
        return {
            "type": kind,
            "up": None if state is None else state.up,
            "detail": "" if state is None else state.detail,
            "stopped": None if state is None else state.stopped,
            "queued": 0 if queue is None else queue.queued,
            "accepted": 0 if queue is None else queue.accepted,
            "parked": 0 if queue is None else queue.parked,
            "oldest": None if queue is None or queue.oldest is None else queue.oldest.isoformat(),
            "delivered": 0 if state is None else state.delivered,
            "possibly_twice": 0 if state is None else state.possibly_twice,
        }


def _parked(entry: OutboxEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "destination": entry.destination,
        "report": entry.report,
        "device": entry.device,
        "since": entry.created_at.isoformat(),
        "why": entry.answer,
    }
