"""Studies are told of: once they are quiet, never twice, and after a restart if need be."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from imaging_site import ROOMY, now, site
from peers import associated
from samples import data_set

from gateway.archive import StudyNews
from gateway.notices import Notice, StudyChanged
from gateway.store import Store


async def test_one_message_for_many_images(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic, associated(clinic.port) as peer:
        for number in range(5):
            uid = f"1.2.{number}"
            assert await peer.store(uid, data_set(uid, series=f"1.2.9.{number % 2}")) == 0
    posted: list[Notice] = []
    heard = asyncio.Event()

    def post(notice: Notice) -> None:
        posted.append(notice)
        heard.set()

    store = await Store.open(tmp_path, clock=now, space=ROOMY)
    try:
        news = StudyNews(
            store, lambda device: [f"events-{device}"], post=post, clock=now, quiet=0.01
        )
        task = asyncio.create_task(news.run())
        async with asyncio.timeout(10):
            await heard.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (entry,) = await store.outbox.due("events-us-room-2", 10, now())
    finally:
        await store.aclose()
    assert posted == [StudyChanged("us-room-2", "1.2.3.4", 5, "unmatched")]
    assert entry.meta["content"] == "study"
    told = json.loads(entry.body)
    assert (told["study"], told["instances"], told["match"]) == ("1.2.3.4", 5, "unmatched")
    assert {s["uid"]: s["instances"] for s in told["series"]} == {"1.2.9.0": 3, "1.2.9.1": 2}
    assert b"DOE" not in entry.body
    assert b"TEST-1" not in entry.body
