"""Panels of which a part is missing: marked or held, and sent whole when the rest arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from bench import START, Bench

from gateway.store import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, clock=lambda: START)
    yield opened
    await opened.aclose()


async def states(bench: Bench) -> list[tuple[str, str, str]]:
    """ORC-5, OBR-25 and MSH-10's place among the different ones."""
    return [(m["ORC"][5], m["OBR"][25], m["OBR"][3]) for m in await bench.sent()]


async def status(store: Store) -> list[str]:
    rows = await store.engine.read(lambda c: c.execute("SELECT status FROM orders").fetchall())
    return [str(text) for (text,) in rows]


async def test_a_part_goes_marked_and_the_whole_follows_as_one_snapshot(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.1")
    ((orc, obr, filler),) = await states(bench)
    assert (orc, obr) == ("IP", "P")
    assert await status(store) == ["active"]
    await bench.result("L1", "NA=140", minute=10)
    assert (await states(bench))[1] == ("CM", "F", filler)
    assert await bench.values() == [
        [("GLU", "5.5", "F"), ("K", "4.1", "F")],
        [("GLU", "5.5", "F"), ("K", "4.1", "F"), ("NA", "140", "F")],
    ]
    first, second = await bench.sent()
    assert first["OBR"][2] == second["OBR"][2] == "P1^EHR"
    assert first["MSH"][9] != second["MSH"][9]
    assert await status(store) == ["done"]
    assert await bench.balanced()


async def test_one_by_one(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    for minute, value in enumerate(("K=4.1", "NA=140", "GLU=5.5")):
        await bench.result("L1", value, minute=minute)
    assert [obr for _, obr, _ in await states(bench)] == ["P", "P", "F"]
    assert len({filler for *_, filler in await states(bench)}) == 1
    assert [len(each) for each in await bench.values()] == [1, 2, 3]


async def test_where_the_site_holds_them_nothing_leaves_before_the_whole(store: Store) -> None:
    bench = Bench(store, hold_partial=True)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.1")
    assert await bench.sent() == []
    assert await bench.reasons() == [["partial-panel"]]
    await bench.result("L1", "NA=140", minute=10)
    assert await bench.values() == [[("GLU", "5.5", "F"), ("K", "4.1", "F"), ("NA", "140", "F")]]
    assert [obr for _, obr, _ in await states(bench)] == ["F"]
    assert await bench.reasons() == []
    assert await bench.balanced()
    (entry,) = await store.audit.list()
    assert (entry.actor, entry.detail) == ("gateway", "revision 2 stands for it")


async def test_a_rerun_of_one_test_is_no_partial_panel(store: Store) -> None:
    bench = Bench(store, hold_partial=True)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.1", "NA=140")
    await bench.result("L1", "K=4.2", minute=30)
    assert [obr for _, obr, _ in await states(bench)] == ["F", "F"]
    assert (await bench.values())[1] == [("K", "4.2", "F")]


async def test_a_rerun_does_not_complete(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L1", "GLU=5.6", "K=4.1", minute=5)
    assert await bench.values() == [
        [("GLU", "5.5", "F")],
        [("GLU", "5.5", "F"), ("K", "4.1", "F")],
        [("GLU", "5.6", "F")],
    ]
    assert [obr for _, obr, _ in await states(bench)] == ["P", "P", "P"]


async def test_a_correction_and_the_rest_in_one_message_lose_nothing(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.1")
    await bench.mixed("L1", ("GLU=5.6", 0), ("K=4.1", 0), ("NA=140", 7))
    assert (await bench.values())[1:] == [
        [("GLU", "5.6", "C"), ("K", "4.1", "F")],
        [("GLU", "5.6", "F"), ("K", "4.1", "F"), ("NA", "140", "F")],
    ]
    assert [obr for _, obr, _ in await states(bench)] == ["P", "C", "F"]
    assert await bench.reasons() == []


async def test_a_correction_of_a_whole_panel_stays_whole(store: Store) -> None:
    bench = Bench(store)
    await bench.order("P1", "L1", "BMP")
    await bench.result("L1", "GLU=5.5", "K=4.1", "NA=140")
    await bench.result("L1", "K=4.4")
    assert [obr for _, obr, _ in await states(bench)] == ["F", "C"]
    assert (await bench.values())[1] == [
        ("GLU", "5.5", "F"),
        ("K", "4.4", "C"),
        ("NA", "140", "F"),
    ]


async def test_an_order_that_comes_late_finds_a_part_and_the_rest_completes_it(
    store: Store,
) -> None:
    bench = Bench(store, hold_partial=True)
    await bench.result("L1", "GLU=5.5", "K=4.1")
    await bench.order("P1", "L1", "BMP")
    assert await bench.reasons() == [["partial-panel"]]
    await bench.result("L1", "NA=140", minute=10)
    assert [len(each) for each in await bench.values()] == [3]
    assert await bench.reasons() == []
    assert await bench.balanced()


async def test_a_single_test_and_the_ehrs_own_panel_are_never_partial(store: Store) -> None:
    bench = Bench(store, hold_partial=True)
    await bench.order("P1", "L1", "GLU")
    await bench.order("P2", "L2", "EHR-ONLY")
    await bench.result("L1", "GLU=5.5")
    await bench.result("L2", "GLU=5.5")
    assert [obr for _, obr, _ in await states(bench)] == ["F", "F"]
