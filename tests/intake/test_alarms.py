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
from gateway.notices import ClockRead, Heard, NoiseAlarm, Noticeboard
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


async def test_a_wrong_clock_is_told_when_it_goes_wrong_and_when_it_is_right(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = await Store.open(tmp_path, clock=clock)
    notices, links = Noticeboard(clock), LinkBoard(["bench"])
    route = MqttRoute("events", PatientData.NONE)
    router = Router((route,), Sender("G", "clinic-a"), store.site_key, clock)
    drift = {"bench": timedelta(minutes=5)}
    alarms = Alarms(store, router, notices, links, {}, clock, drift=drift)
    known: list[float | None] = []

    async def told(count: int) -> list[dict[str, object]]:
        async with asyncio.timeout(10):
            while len(due := await store.outbox.due("events", 10, clock())) < count:
                await asyncio.sleep(0)
        return [json.loads(entry.body) for entry in due]

    try:
        with notices.watched_by(links.see), notices.watched_by(alarms.see):
            for ahead in (-7200, -20, 1440, 1430, *[2.0] * 5, *[-86400] * 4, -86390):
                notices.post(ClockRead("bench", ahead))
                known.append(links.view("bench").ahead)
        events = await told(3)
    finally:
        await store.aclose()
    # one delayed message says nothing; a clock ahead shows at once, one behind when all say so
    assert known[:4] == [None, None, 1440, 1440]
    assert known[8] == 2.0
    assert known[-1] == -86390
    assert [(e["type"], e["ahead_seconds"], e["right"]) for e in events] == [
        ("clock", 1440, False),
        ("clock", 2, True),
        ("clock", -86390, False),
    ]
