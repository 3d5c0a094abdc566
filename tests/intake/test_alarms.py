"""A noisy line and a silent device are told, once, on the device's event topic."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.alarms import Alarms
from gateway.desk import LinkBoard
from gateway.intake import MqttRoute, Router, Sender
from gateway.messages import PatientData
from gateway.notices import Heard, NoiseAlarm, Noticeboard
from gateway.store import Store


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_noise_and_silence_are_told_once_until_the_device_is_heard(tmp_path: Path) -> None:
    clock = Clock()
    store = await Store.open(tmp_path, clock=clock)
    notices, links = Noticeboard(clock), LinkBoard(["bench", "other"])
    router = Router(
        (MqttRoute("events", PatientData.NONE),), Sender("G", "clinic-a"), store.site_key, clock
    )
    turns = 0

    async def sleep(_: float) -> None:
        nonlocal turns
        turns += 1
        clock.now += timedelta(hours=1)
        if turns == 6:
            notices.post(Heard("bench"))
        if turns == 12:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    alarms = Alarms(
        store, router, notices, links, {"bench": timedelta(hours=4)}, clock, sleep=sleep
    )
    try:
        with notices.watched_by(links.see), notices.watched_by(alarms.see):
            notices.post(NoiseAlarm("bench", 10, 400))
            with contextlib.suppress(asyncio.CancelledError):
                await alarms.run()
            async with asyncio.timeout(10):
                while len(due := await store.outbox.due("events", 10, clock())) < 3:
                    await asyncio.sleep(0)
    finally:
        await store.aclose()
    told = [json.loads(entry.body) for entry in due]
    assert [event["type"] for event in told] == ["noise", "silent", "silent"]
    assert all(event["device"] == "bench" for event in told)
    assert [event["time"] for event in told[1:]] == sorted(event["time"] for event in told[1:])
