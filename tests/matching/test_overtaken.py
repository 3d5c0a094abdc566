"""What a person decides while something else happens: nothing is done on yesterday's knowledge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import bench as benches
import pytest
import pytest_asyncio
from bench import START, Bench, parts_of

from gateway.desk import Desk
from gateway.desk.mistakes import Mistake
from gateway.desk.moving import Moving
from gateway.desk.releasing import Releasing
from gateway.desk.replay import Replay
from gateway.store import Holds, MessageState, OutboxMessage, OutOfDate, Store

ADA = {"user": "ada", "reason": "seen"}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


def then(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, act: Callable[[], Awaitable[Any]]
) -> None:
    """Once ``where.name`` has answered, ``act`` is done before the answer is used."""
    asked = getattr(where, name)

    async def answer(*arguments: Any) -> Any:
        found = await asked(*arguments)
        monkeypatch.setattr(where, name, asked)
        await act()
        return found

    monkeypatch.setattr(where, name, answer)


async def test_an_older_revision_is_not_sent_after_one_that_was_queued_just_now(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")

    async def delivered_and_corrected() -> None:
        await store.outbox.mark_delivered(1, "AA")
        await bench.result("L1", "GLU=5.6")

    then(monkeypatch, store.outbox, "get", delivered_and_corrected)
    with pytest.raises(Mistake, match="an older one may not be sent after it"):
        await Desk(parts_of(bench)).ask("resend", {"id": 1, **ADA})
    assert [message["OBX"][5] for message in await bench.sent()] == ["5.5", "5.6"]


async def test_what_is_sent_as_new_is_not_sent_as_it_was(store: Store) -> None:
    """A courier may have read it already, and wait for its destination."""
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    (read,) = await store.outbox.due("ehr", 9, START)
    await Desk(parts_of(bench)).ask("resend", {"id": read.id, "as_new": True, **ADA})
    assert read.id in store.outbox.withdrawn


async def test_a_message_that_was_freed_just_now_is_not_cancelled(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    await store.outbox.park(1, "AE")

    async def freed() -> None:
        await store.outbox.resend(1, actor="ben")

    then(monkeypatch, store.outbox, "get", freed)
    with pytest.raises(Mistake, match="message 1 is queued; only parked ones are cancelled"):
        await Desk(parts_of(bench)).ask("cancel", {"id": 1, **ADA})
    entry = await store.outbox.get(1)
    assert entry is not None
    assert entry.state is MessageState.QUEUED


async def test_a_revision_that_follows_another_says_that_it_corrects(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    for value in ("5.5", "5.6"):
        await bench.result("L7", f"GLU={value}")
    first, second = [await store.holds.show(hold.id) for hold in await store.holds.list()]
    assert first is not None
    assert first.report is not None
    assert second is not None
    assert second.report is not None
    one, two = first, first.report

    class Overtaken(Releasing):
        async def messages(self, *arguments: Any) -> Sequence[OutboxMessage]:
            written = await super().messages(*arguments)
            if not await bench.sent():
                await Releasing(parts_of(bench)).release(one, two, "P1", "ben", "label read")
            return written

    releasing = Overtaken(parts_of(bench))
    with pytest.raises(OutOfDate):
        await releasing.release(second, second.report, "P1", "ada", "label read")
    await releasing.release(second, second.report, "P1", "ada", "label read")
    sent = [(m["OBX"][5], m["OBX"][11]) for m in await bench.sent()]
    assert sent == [("5.5", "F"), ("5.6", "C")]


@pytest.mark.parametrize("verb", ["held.release", "held.discard"])
async def test_what_somebody_else_decided_is_no_trouble_of_the_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    bench = Bench(store)
    await bench.result("L1", "GLU=5.5", patient="MRN1")

    async def discarded() -> None:
        await store.holds.discard(1, actor="ben", reason="broken tube")

    then(monkeypatch, store.holds, "show", discarded)
    with pytest.raises(Mistake, match="hold 1 was discarded already"):
        await Desk(parts_of(bench)).ask(verb, {"id": 1, **ADA})


class Overtaken(Replay):
    """Something happens after a transmission was read again."""

    def __init__(self, bench: Bench, act: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(parts_of(bench))
        self._act = act

    async def _read(self, number: int) -> Any:
        found = await super()._read(number)
        await self._act()
        return found


async def place_quietly(bench: Bench, placer: str, label: str) -> None:
    """An order that nobody is woken for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.late, "look", _nothing)
        await bench.order(placer, label)


async def _nothing() -> int:
    return 0


async def test_a_replay_that_is_overtaken_by_a_person_says_so(store: Store) -> None:
    bench = Bench(store)
    await bench.result("L1", "GLU=5.5")
    await place_quietly(bench, "P1", "L1")

    async def discarded() -> None:
        await store.holds.discard(1, actor="ben", reason="broken tube")

    done = await Overtaken(bench, discarded).run({"user": "ada"})
    assert [c["done"] for c in done["changes"]] == ["left alone: somebody decided meanwhile"]
    assert await bench.sent() == []


async def test_a_replay_frees_what_is_held_behind_a_thousand_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)
    for label in ("L1", "L2"):
        await bench.result(label, "GLU=5.5")
    await place_quietly(bench, "P2", "L2")
    listed = Holds.list

    async def first_page(holds: Holds, **asked: Any) -> Any:
        return await listed(holds, **{**asked, "limit": 1})

    monkeypatch.setattr(Holds, "list", first_page)
    done = await Replay(parts_of(bench)).run({"user": "ada"})
    assert [c["done"] for c in done["changes"]] == ["still held", "released"]
    assert [m["OBR"][2] for m in await bench.sent()] == ["P2^EHR"]


async def test_a_replay_does_not_undo_a_move(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Bench(store)
    await before.order("P1", "L1")
    await before.order("P9", "L9", number="MRN2")
    await before.result("L1", "GLU=5.5")
    monkeypatch.setattr(benches, "ZoneInfo", lambda _: ZoneInfo("Asia/Tokyo"))
    bench = Bench(store)
    (report,) = await store.reports.list()

    async def moved() -> None:
        await Moving(parts_of(bench)).move({"id": report.id, "patient_id": "MRN2", **ADA})

    then(monkeypatch, store.reports, "get", moved)
    done = await Replay(parts_of(bench)).run({"user": "ada"})
    assert [c["done"] for c in done["changes"]] == ["left alone: it was moved meanwhile"]


async def test_a_replay_that_is_overtaken_by_a_correction_files_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Bench(store)
    await before.order("P1", "L1")
    await before.order("P9", "L9", number="MRN2")
    await before.result("L1", "GLU=5.5")
    monkeypatch.setattr(benches, "ZoneInfo", lambda _: ZoneInfo("Asia/Tokyo"))
    bench = Bench(store)

    async def corrected() -> None:
        await before.result("L1", "GLU=5.6")

    then(monkeypatch, store.reports, "get", corrected)
    done = await Replay(parts_of(bench)).run({"user": "ada"})
    assert done["changes"][0]["done"] == "left alone: it was corrected since"
    values = [m["OBX"][5] for m in await bench.sent()]
    assert values == ["5.5", "5.6", "5.6"]  # the correction was read again as well


async def test_a_replay_goes_on_after_what_no_message_can_be_made_of(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that went out under another code cannot be corrected by a message; the next can."""
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L2", "GLU=5.7")
    await place_quietly(bench, "P2", "L2")
    monkeypatch.setattr(benches, "CODES", {**benches.CODES, "GLU": "2339-0"})
    done = await Replay(parts_of(Bench(store))).run({"user": "ada"})
    first, second = [change["done"] for change in done["changes"]]
    assert first == "left alone: no message can be made of it: snapshot-incomplete at OBX"
    assert second == "released"
