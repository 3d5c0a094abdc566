"""What somebody should be told without looking: a noisy line, a silent device, a wrong clock.

Each becomes an event for the device's MQTT event topic, through the outbox like everything else.
Silence is judged against the hours the site (or the profile) gave; a device is told silent once,
until it is heard again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from gateway.desk import LinkBoard
from gateway.errors import StoreError
from gateway.intake import Router
from gateway.notices import (
    ClockDrifted,
    ClockRead,
    DeviceSilent,
    ImageDamaged,
    InstanceQuarantined,
    NoiseAlarm,
    Noticeboard,
    Posted,
    PurgeFailed,
)
from gateway.store import OutboxMessage, Store

LOOK_SECONDS = 60.0
UNKNOWN = "unknown"
ARCHIVE = "archive"


class Alarms:
    """``see`` is a watcher for the noticeboard; ``run`` looks for silence until cancelled."""

    def __init__(
        self,
        store: Store,
        router: Router,
        notices: Noticeboard,
        links: LinkBoard,
        silence: Mapping[str, timedelta],
        clock: Callable[[], datetime],
        *,
        drift: Mapping[str, timedelta] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._router = router
        self._notices = notices
        self._links = links
        self._silence = dict(silence)
        self._clock = clock
        self._sleep = sleep
        self._started = clock()
        self._silent: set[str] = set()
        self._drift = dict(drift or {})
        self._drifted: set[str] = set()
        self._telling: set[asyncio.Task[None]] = set()

    def see(self, posted: Posted) -> None:
        match posted.notice:
            case NoiseAlarm(device, refused, frames):
                self._tell(device, "noise", {"refused": refused, "frames": frames})
            case DeviceSilent(device, hours):
                self._tell(device, "silent", {"hours": hours})
            case ImageDamaged(device, instance):
                self._tell(device, "image-damaged", {"instance": instance})
            case InstanceQuarantined(device, reason):
                self._tell(device or UNKNOWN, "image-quarantined", {"reason": reason})
            case PurgeFailed(reason):
                self._tell(ARCHIVE, "purge-failed", {"reason": reason})
            case ClockRead(device):
                self._watch_clock(device)
            case ClockDrifted(device, ahead, right):
                detail = {"ahead_seconds": round(ahead), "right": right}
                self._tell(device, "clock", detail)
            case _:
                pass

    async def run(self) -> None:
        while True:
            for device, limit in self._silence.items():
                self._listen_for(device, limit)
            await self._sleep(LOOK_SECONDS)

    def _listen_for(self, device: str, limit: timedelta) -> None:
        quiet = self._clock() - (self._links.view(device).last_heard or self._started)
        if quiet <= limit:
            self._silent.discard(device)
        elif device not in self._silent:
            self._silent.add(device)
            self._notices.post(DeviceSilent(device, round(quiet / timedelta(hours=1), 1)))

    def _watch_clock(self, device: str) -> None:
        """Told once when it goes wrong, once when it is right again."""
        limit, ahead = self._drift.get(device), self._links.view(device).ahead
        if limit is None or ahead is None:
            return
        wrong = abs(ahead) > limit.total_seconds()
        if wrong != (device in self._drifted):
            self._drifted ^= {device}
            self._notices.post(ClockDrifted(device, ahead, right=not wrong))

    def _tell(self, device: str, kind: str, detail: Mapping[str, object]) -> None:
        batch = self._router.event(device, kind, detail)
        if batch:
            task = asyncio.get_running_loop().create_task(self._enqueue(batch))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _enqueue(self, batch: list[OutboxMessage]) -> None:
        try:
            await self._store.outbox.enqueue(batch)
        except StoreError:
            return  # the store's own alarm is louder
