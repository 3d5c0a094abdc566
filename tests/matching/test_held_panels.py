"""Panels held for how one of their results was written, and what is sent of them afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from bench import START, Bench

from gateway.store import Store

PANEL = ("GLU=5.5", "K=4.1", "NA=140")


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


def at_eight(*values: str) -> list[tuple[str, int]]:
    return [(value, 0) for value in values]


async def held_for(bench: Bench, potassium: str) -> None:
    """A panel whose potassium is not fit to leave."""
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", f"K={potassium}", "NA=140")
    assert await bench.sent() == []
    assert len(await bench.reasons()) == 1


FINAL = [[("GLU", "5.5", "F"), ("K", "4.1", "F"), ("NA", "140", "F")]]


@pytest.mark.parametrize("potassium", ["4.0:P", "4..0", "4.0:?"])
async def test_the_one_result_sent_again_lets_the_panel_go_once(
    store: Store, potassium: str
) -> None:
    bench = Bench(store)
    await held_for(bench, potassium)
    await bench.result("L1", "K=4.1")
    assert await bench.values() == FINAL
    await bench.result("L1", *PANEL)
    assert await bench.values() == FINAL
    assert await bench.reasons() == []
    assert await bench.balanced()


async def test_what_only_the_reading_shows_waits_for_the_whole_panel(store: Store) -> None:
    """Nobody can say which result the unknown flag stood at."""
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.flagged("L1", "K=4.0", *PANEL[::2])
    await bench.result("L1", "K=4.1")
    assert await bench.sent() == []
    await bench.result("L1", *PANEL)
    ((*values,),) = await bench.values()
    assert sorted(values) == sorted(FINAL[0])
    assert await bench.reasons() == []
    await bench.mixed("L1", *at_eight(*PANEL[::-1]))
    assert len(await bench.sent()) == 1
    assert await bench.balanced()


async def test_another_result_that_is_not_final_either_keeps_the_panel(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5:P", "K=4.0:P", "NA=140")
    await bench.result("L1", "K=4.1")
    assert await bench.sent() == []
    await bench.result("L1", "GLU=5.6")
    assert await bench.values() == [[("GLU", "5.6", "F"), ("K", "4.1", "F"), ("NA", "140", "F")]]
    assert await bench.reasons() == []


async def test_an_unreadable_value_does_not_leave_with_the_panel_beside_it(store: Store) -> None:
    """The glucose of the third message is what it was before: it does not replace the second's."""
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.0:P", "NA=140")
    await bench.result("L1", "GLU=5..6", "K=4.0:P", "NA=140")
    await bench.result("L1", *PANEL)
    assert await bench.sent() == []
    assert "conflicting-results" in (await bench.reasons())[-1]


async def test_a_value_corrected_and_back_again_beside_something_new_is_held(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", *PANEL)
    await bench.result("L1", "GLU=5.6")
    await bench.result("L1", "GLU=5.5", "K=4.2", "NA=140")
    assert len(await bench.sent()) == 2
    assert await bench.reasons() == [["conflicting-results"]]


async def test_what_a_person_discarded_does_not_come_back_with_a_correction(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", *PANEL)
    await bench.result("L1", "GLU=55:P")
    (hold,) = await store.holds.list()
    await store.holds.discard(hold.id, actor="ada", reason="typed wrong")
    await bench.result("L1", "K=4.2")
    assert (await bench.values())[1:] == [
        [("GLU", "5.5", "F"), ("K", "4.2", "C"), ("NA", "140", "F")]
    ]
    await bench.result("L1", "GLU=55:P")
    assert await bench.reasons() == []
    assert await bench.balanced()


async def test_a_discarded_revision_hides_no_hold_before_it(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.flagged("L1", "K=4.0", *PANEL[::2])
    await bench.result("L1", "K=4.1")
    _, second = await store.holds.list()
    await store.holds.discard(second.id, actor="ada", reason="typed wrong")
    await bench.result("L1", "K=4.2")
    assert await bench.sent() == []
    assert await bench.reasons() == [["unknown-flag"], ["unknown-flag"]]


async def test_without_times_the_finished_result_lets_its_panel_go(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.untimed("L1", "GLU=5.5", "K=4.0:P", "NA=140")
    assert await bench.sent() == []
    await bench.untimed("L1", "K=4.1")
    assert await bench.values() == FINAL
    await bench.untimed("L1", *PANEL)
    assert await bench.values() == FINAL
    assert await bench.reasons() == []
    assert await bench.balanced()


async def test_without_times_another_run_finishes_nothing(store: Store) -> None:
    """Its glucose is another one, so its potassium is its own."""
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.untimed("L1", "GLU=5.5", "K=4.0:P", "NA=140")
    await bench.untimed("L1", "GLU=6.5", "K=4.1", "NA=141")
    assert await bench.values() == [[("GLU", "6.5", "F"), ("K", "4.1", "F"), ("NA", "141", "F")]]
    assert await bench.reasons() == [["status-not-final"]]


async def test_without_times_ten_minutes_are_enough(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.untimed("L1", "GLU=5.5", "K=4.0:P", "NA=140")
    bench.now += timedelta(minutes=11)
    await bench.untimed("L1", "K=4.1")
    assert await bench.reasons() == [["status-not-final"]]
