"""Many operations share a commit; one that fails fails alone."""

from __future__ import annotations

import asyncio
import threading

import apsw
import pytest
from store_samples import append, file, filing, message, report

from gateway.errors import StoreError, StoreFailed
from gateway.store import Outcome, Store
from gateway.store.operation import Operation
from gateway.store.site import count_up


async def test_an_operation_that_fails_fails_alone(store: Store) -> None:
    def good(connection: apsw.Connection) -> int:
        return count_up(connection, "good")

    def bad(connection: apsw.Connection) -> int:
        count_up(connection, "bad")
        raise ValueError("on purpose")

    def worse(connection: apsw.Connection) -> int:
        count_up(connection, "worse")
        connection.execute("INSERT INTO nowhere VALUES (1)")
        return 0

    number = store.open_transmission("haematology", "astm", "")
    results = await asyncio.gather(
        *(store.engine.write(operation) for operation in (good, bad, good, worse, good)),
        append(store, number, b"entry"),
        return_exceptions=True,
    )
    assert results[0::2] == [1, 2, 3]
    assert isinstance(results[1], ValueError)
    assert isinstance(results[3], StoreError)
    assert results[5] is None
    counters = await store.engine.read(
        lambda c: dict(c.execute("SELECT name, value FROM sequences ORDER BY name").fetchall())
    )
    assert counters == {"counter:good": 3}
    assert store.healthy


async def test_what_waits_is_committed_together(store: Store) -> None:
    blocked = threading.Event()

    def block(connection: apsw.Connection) -> None:
        blocked.wait(10)

    blocking = asyncio.create_task(store.engine.write(block))
    links = [store.open_transmission(f"link-{n}", "astm", "") for n in range(50)]
    appends = [append(store, link, b"entry") for link in links]

    async def unblock() -> None:  # runs after all the others have called append
        blocked.set()

    await asyncio.gather(blocking, *appends, unblock())
    pages = await store.engine.read(lambda c: c.execute("SELECT COUNT(*) FROM pages").get)
    assert pages == 1


async def test_after_many_the_next_commit_waits_for_their_answers(store: Store) -> None:
    begun = threading.Event()
    over = asyncio.Event()
    early: list[bool] = []
    number = store.open_transmission("haematology", "astm", "")

    def answered(error: StoreError | None) -> None:
        if not early:  # the first of many answers takes long, and work comes meanwhile
            store.engine.put(lambda connection: begun.set(), lambda result, failure: over.set())
            early.append(begun.wait(0.05))

    for _ in range(20):
        store.append(number, b"entry", answered)
    async with asyncio.timeout(30):
        await over.wait()
    assert early == [False]


@pytest.mark.parametrize("after", range(3))
async def test_a_store_is_closed_while_many_are_answered(store: Store, after: int) -> None:
    number = store.open_transmission("haematology", "astm", "")
    answers: list[StoreError | None] = []
    for n in range(20):
        store.append(number, b"%d" % n, answers.append)
    for _ in range(after):
        await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await store.aclose()
    assert answers == [None] * 20


async def test_results_come_in_the_order_of_the_calls(store: Store) -> None:
    heard: list[str] = []
    number = store.open_transmission("haematology", "astm", "")
    over = asyncio.Event()

    async def count(name: str) -> None:
        await store.engine.write(
            lambda connection: count_up(connection, "n"), after=lambda n: heard.append(f"{name}{n}")
        )

    first = asyncio.create_task(count("first "))
    await asyncio.sleep(0)
    store.append(number, b"x", lambda error: heard.append("entry"))
    second = asyncio.create_task(count("second "))
    await asyncio.sleep(0)
    store.append(number, b"y", lambda error: over.set())
    await asyncio.gather(first, second, over.wait())
    assert heard == ["first 1", "entry", "second 2"]


async def test_a_cancelled_wait_does_not_undo_the_work(store: Store) -> None:
    woken = asyncio.Event()
    store.outbox.subscribe("ehr", woken.set)
    task = asyncio.create_task(file(store, filing(report(1, message(1)))))
    waiting = asyncio.create_task(store.outbox.enqueue([message(2)]))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await task
    await woken.wait()
    entries = await store.outbox.due("ehr", 9, store.engine.clock())
    assert sorted(e.control_id for e in entries) == ["ID1", "ID2"]


async def test_what_is_pending_is_written_before_closing(store: Store) -> None:
    number = store.open_transmission("haematology", "astm", "")
    answers: list[StoreError | None] = []
    for n in range(100):
        store.append(number, b"%d" % n, answers.append)
    await store.aclose()
    assert answers == [None] * 100


async def test_a_closed_store_says_so(store: Store) -> None:
    await store.aclose()
    assert not store.healthy
    assert not store.accepting
    number = store.open_transmission("haematology", "astm", "")
    with pytest.raises(StoreError):
        await append(store, number, b"x")
    with pytest.raises(StoreError):
        await store.counters.next("n")
    with pytest.raises(StoreError):
        await store.reports.list()


async def test_what_is_being_closed_is_not_closed_twice(store: Store) -> None:
    number = store.open_transmission("haematology", "astm", "")
    await append(store, number, b"x")
    closing = asyncio.create_task(store.close_transmission(number, Outcome.COMPLETE))
    await asyncio.sleep(0)
    assert store.unfinished() == []
    with pytest.raises(StoreError, match="being closed"):
        await store.close_transmission(number, Outcome.INCOMPLETE)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    await store.counters.next("flush")
    stored = await store.transmissions.get(number)
    assert stored is not None
    assert stored.outcome is Outcome.COMPLETE
    assert store.unfinished() == []


async def put(store: Store, threads: int, each: int) -> list[object]:
    """Counts up from other threads; every outcome, heard in the loop's thread."""
    loop, here = asyncio.get_running_loop(), threading.get_ident()
    outcomes: list[object] = []
    all_there = asyncio.Event()

    def settle(result: int | None, error: BaseException | None) -> None:
        assert threading.get_ident() == here
        outcomes.append(error or result)
        if len(outcomes) == threads * each:
            all_there.set()

    def bring() -> None:
        for _ in range(each):
            try:
                store.engine.put(lambda c: count_up(c, "n"), settle)
            except StoreError as error:
                loop.call_soon_threadsafe(settle, None, error)

    bringing = [asyncio.to_thread(bring) for _ in range(threads)]
    async with asyncio.timeout(60):
        await asyncio.gather(*bringing)
        await all_there.wait()
    return outcomes


async def test_other_threads_bring_operations(store: Store) -> None:
    outcomes = await put(store, 8, 100)
    assert outcomes == list(range(1, 801))


async def test_what_threads_bring_while_the_store_is_reopened_is_answered(store: Store) -> None:
    bringing = [asyncio.create_task(put(store, 2, 200)) for _ in range(2)]
    await store.reopen()
    found = [outcome for task in bringing for outcome in await task]
    counted = sorted(n for n in found if isinstance(n, int))
    assert len(found) == 800
    assert counted == list(range(1, len(counted) + 1))
    assert all(isinstance(n, int | StoreError) for n in found)
    assert await store.engine.write(lambda c: count_up(c, "n")) == len(counted) + 1


async def test_what_comes_after_the_writer_has_ended_is_turned_away(store: Store) -> None:
    writer, heard = store.engine.writer, asyncio.get_running_loop().create_future()
    assert writer is not None
    await store.aclose()

    def settle(result: object, error: BaseException | None) -> None:
        heard.set_result(error)

    await asyncio.to_thread(writer.put, Operation(lambda _: None, settle))
    async with asyncio.timeout(60):
        assert isinstance(await heard, StoreError)
    with pytest.raises(StoreError, match="not open"):
        store.engine.put(lambda _: None, settle)


async def test_a_mistake_of_ours_leaves_nobody_waiting_and_promises_nothing(store: Store) -> None:
    """Nothing is promised after it until the store was opened again."""
    number = store.open_transmission("haematology", "astm", "")

    def mistaken() -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(60):
        wrong, entry = await asyncio.gather(
            store.engine.write(lambda c: count_up(c, "n"), committed=mistaken),
            append(store, number, b"entry"),
            return_exceptions=True,
        )
        late = await asyncio.gather(append(store, number, b"late"), return_exceptions=True)
    for outcome in (wrong, entry, *late):
        assert isinstance(outcome, StoreFailed)
        assert "ZeroDivisionError" in str(outcome)
    assert not store.healthy
    await store.reopen()
    assert (await file(store, filing(report(1)))).reports == ("report-1",)
