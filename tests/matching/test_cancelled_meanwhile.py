"""An order that the EHR cancels or changes between a person's choice and its transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from bench import START, Bench, parts_of

from gateway.desk import Desk
from gateway.desk.mistakes import Mistake
from gateway.desk.releasing import Releasing
from gateway.desk.replay import Replay
from gateway.orders import book
from gateway.orders.model import StatusChange
from gateway.store import OutboxMessage, Store

ADA = {"user": "ada", "reason": "label read"}


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


def once_written(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[Any]]) -> None:
    """``act`` happens after the messages of a release were written and before they are queued."""
    written = Releasing.messages

    async def messages(releasing: Releasing, *arguments: Any) -> Sequence[OutboxMessage]:
        found = await written(releasing, *arguments)
        monkeypatch.setattr(Releasing, "messages", written)
        await act()
        return found

    monkeypatch.setattr(Releasing, "messages", messages)


async def cancel(store: Store, placer: str) -> None:
    change = StatusChange(placer, "EHR", None)
    await store.engine.write(lambda c: book.change_status(c, change, 1, 0))


async def test_nothing_leaves_under_a_chosen_order_that_is_cancelled_just_now(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L7", "GLU=5.5")
    once_written(monkeypatch, lambda: cancel(store, "P1"))
    with pytest.raises(Mistake, match="order P1 was cancelled"):
        await Desk(parts_of(bench)).ask("held.release", {"id": 1, "order": "P1", **ADA})
    assert await bench.sent() == []
    assert await bench.reasons() == [["unknown-order", "no-patient"]]


async def test_nothing_leaves_under_a_chosen_order_that_was_cancelled_before(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L7", "GLU=5.5")
    await cancel(store, "P1")
    with pytest.raises(Mistake, match="order P1 was cancelled"):
        await Desk(parts_of(bench)).ask("held.release", {"id": 1, "order": "P1", **ADA})
    assert await bench.sent() == []


async def test_a_chosen_order_that_became_another_patients_is_written_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.order("P2", "L2", number="MRN2")
    await bench.result("L7", "GLU=5.5")

    async def given_away() -> None:
        move = "UPDATE orders SET patient = 2 WHERE placer = 'P1'"
        await store.engine.write(lambda c: c.execute(move).fetchall())

    once_written(monkeypatch, given_away)
    await Desk(parts_of(bench)).ask("held.release", {"id": 1, "order": "P1", **ADA})
    assert [m["PID"][3] for m in await bench.sent()] == ["MRN2^^^EHR^MR"]


async def test_a_held_result_is_not_released_under_its_order_that_was_cancelled_since(
    store: Store,
) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    bench.now = START - timedelta(hours=3)
    await bench.result("L1", "GLU=5.5")
    assert await bench.reasons() == [["clock-skew", "clock-skew"]]
    await cancel(store, "P1")
    with pytest.raises(Mistake, match=r"order P1 was cancelled; .*--order"):
        await Desk(parts_of(bench)).ask("held.release", {"id": 1, **ADA})
    assert await bench.sent() == []
    assert await bench.balanced()


async def test_a_held_correction_may_follow_its_original_of_a_cancelled_order(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L1", "GLU=?")
    await cancel(store, "P1")
    (hold,) = await store.holds.list()
    await Desk(parts_of(bench)).ask("held.release", {"id": hold.id, **ADA})
    assert [(m["OBX"][5], m["OBX"][11]) for m in await bench.sent()] == [("5.5", "F"), ("", "X")]


async def test_a_replay_that_is_overtaken_by_a_cancel_sends_nothing(store: Store) -> None:
    bench = Bench(store)
    await bench.result("L1", "GLU=5.5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench.late, "look", _nothing)
        await bench.order("P1", "L1")

    class Overtaken(Replay):
        async def _read(self, number: int) -> Any:
            found = await super()._read(number)
            await cancel(store, "P1")
            return found

    done = await Overtaken(parts_of(bench)).run({"user": "ada"})
    assert [c["done"] for c in done["changes"]] == ["left alone: its order was cancelled meanwhile"]
    assert await bench.sent() == []
    assert await bench.reasons() == [["unknown-order", "no-patient"]]


async def _nothing() -> int:
    return 0
