"""received = delivered + queued + held + discarded, whatever happens."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import (
    NOON,
    UNKNOWN_TEST,
    Clock,
    corrected,
    file,
    filing,
    message,
    open_store,
    report,
    tamper,
)

from gateway.report import Problem, ProblemCode
from gateway.store import DeviceBooks, Filing, MessageState, Outcome, Store

DAY = (NOON - timedelta(hours=12), NOON + timedelta(hours=12))
WHOLE = (Problem(ProblemCode.AMBIGUOUS_DEVICE, "H.5"),)


async def test_each_item_is_in_one_column(store: Store) -> None:
    held = [report(n, problems=(UNKNOWN_TEST,)) for n in (4, 5)]
    one = filing(report(1, message(1)), report(2, message(2)), report(3), *held)
    filed = await file(store, one)
    await file(store, one)
    await file(store, None, outcome=Outcome.INCOMPLETE)
    await file(store, Filing(b"w" * 32, problems=WHOLE), outcome=Outcome.UNREADABLE)
    await store.outbox.mark_delivered(filed.queued[0], "AA")
    await store.holds.discard(filed.holds[0], actor="tech", reason="")
    assert await store.books.between(*DAY) == [
        DeviceBooks(
            "haematology",
            received=6,
            delivered=2,
            queued=1,
            held=2,
            discarded=1,
            kept=1,
            duplicates=1,
            incomplete=1,
        )
    ]


async def test_a_day_ends_where_the_caller_says(store: Store, clock: Clock) -> None:
    await file(store, filing(report(1)))
    clock.now = DAY[1]
    await file(store, filing(report(2, device="b")), device="b")
    assert [b.device for b in await store.books.between(*DAY)] == ["haematology"]
    next_day = (DAY[1], DAY[1] + timedelta(days=1))
    assert [b.device for b in await store.books.between(*next_day)] == ["b"]


async def test_what_is_released_later_stays_in_its_day(store: Store, clock: Clock) -> None:
    (hold,) = (await file(store, filing(report(1, problems=(UNKNOWN_TEST,))))).holds
    clock.pass_by(days=3)
    better = corrected(report(1), message(1))
    await store.holds.release(hold, actor="tech", reason="", reports=[better, report(2)])
    (books,) = await store.books.between(*DAY)
    assert (books.received, books.queued, books.delivered, books.kept) == (2, 1, 1, 1)
    assert books.balanced


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM reports WHERE id = 'report-2'",
        "DELETE FROM holds",
        "UPDATE outbox SET state = 'queuee'",
        "DELETE FROM receipts",
    ],
)
async def test_a_loss_shows(store: Store, directory: Path, loss: str) -> None:
    await file(store, filing(report(1, message(1)), report(2)))
    await file(store, Filing(b"w" * 32, problems=WHOLE))
    (books,) = await store.books.between(*DAY)
    assert books.balanced
    await store.aclose()
    tamper(directory, loss)
    again = await open_store(directory)
    (books,) = await again.books.between(*DAY)
    assert not books.balanced
    await again.aclose()


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "report",
                "hold",
                "whole",
                "repeat",
                "incomplete",
                "deliver",
                "park",
                "cancel",
                "resend",
                "renew",
                "release",
                "replace",
                "discard",
                "again",
                "purge",
            ]
        ),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(ACTIONS)
@settings(max_examples=25, deadline=None)
def test_the_books_always_balance(actions: list[tuple[str, int]]) -> None:
    asyncio.run(_play(actions))


async def _play(actions: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        store = await open_store(Path(folder), clock)
        try:
            for n, (action, pick) in enumerate(actions):
                clock.pass_by(minutes=1)
                await ACTS[action](store, n, pick)
                for books in await store.books.between(*DAY):
                    assert books.balanced, (action, books)
            assert (await store.sweep()).clean
        finally:
            await store.aclose()


async def _report(store: Store, n: int, pick: int) -> None:
    messages = [message(f"{n}.{m}", f"destination-{m}", f"lane-{pick}") for m in range(pick)]
    await file(store, filing(report(n, *messages), report(f"{n}b")))


async def _hold(store: Store, n: int, pick: int) -> None:
    await file(store, filing(report(n, problems=(UNKNOWN_TEST,)), report(f"{n}b", message(n))))


async def _whole(store: Store, n: int, pick: int) -> None:
    await file(store, Filing(b"%32d" % n, problems=WHOLE), outcome=Outcome.UNREADABLE)


async def _repeat(store: Store, n: int, pick: int) -> None:
    what = filing(report("repeated"), report(f"repeated-{pick}"), key=f"repeat-{pick}")
    await file(store, what)


async def _incomplete(store: Store, n: int, pick: int) -> None:
    await file(store, None, outcome=Outcome.INCOMPLETE)


def _on_message(state: MessageState | None, verb: str) -> Callable[..., Awaitable[None]]:
    async def act(store: Store, n: int, pick: int) -> None:
        entries = await store.outbox.list(state=state)
        if len(entries) <= pick:
            return
        entry = entries[pick]
        match verb:
            case "deliver":
                await store.outbox.mark_delivered(entry, "AA")
            case "park":
                await store.outbox.park(entry, "AR")
            case "cancel":
                await store.outbox.cancel(entry, "tech", "")
            case "resend":
                await store.outbox.resend(entry, actor="tech")
            case _:
                new = replace(message(f"new-{n}", entry.destination), lane=entry.lane)
                await store.outbox.resend(entry, actor="tech", as_new=new)

    return act


def _on_hold(verb: str) -> Callable[..., Awaitable[None]]:
    async def act(store: Store, n: int, pick: int) -> None:
        holds = await store.holds.list()
        if len(holds) <= pick:
            return
        hold = holds[pick]
        if verb == "discard":
            await store.holds.discard(hold.id, actor="tech", reason="")
        elif verb == "replace" or hold.report is None:
            new = [report(f"{n}-{m}", message(f"{n}-{m}")) for m in range(pick + 1)]
            await store.holds.release(hold.id, actor="tech", reason="", reports=new)
        else:
            messages = [message(n) for _ in range(pick)]
            await store.holds.release(hold.id, actor="tech", reason="", messages=messages)

    return act


async def _again(store: Store, n: int, pick: int) -> None:
    numbers = await store.transmissions.numbers()
    if numbers:
        new = [report(f"{n}-again", message(n))]
        await store.reports.file_again(numbers[0], new, actor="tech", reason="")


async def _purge(store: Store, n: int, pick: int) -> None:
    before = store.engine.clock() - timedelta(minutes=pick)
    await store.purge(before, actor="tech")


ACTS: dict[str, Callable[[Store, int, int], Awaitable[None]]] = {
    "report": _report,
    "hold": _hold,
    "whole": _whole,
    "repeat": _repeat,
    "incomplete": _incomplete,
    "deliver": _on_message(None, "deliver"),
    "park": _on_message(MessageState.QUEUED, "park"),
    "cancel": _on_message(MessageState.QUEUED, "cancel"),
    "resend": _on_message(None, "resend"),
    "renew": _on_message(None, "renew"),
    "release": _on_hold("release"),
    "replace": _on_hold("replace"),
    "discard": _on_hold("discard"),
    "again": _again,
    "purge": _purge,
}
