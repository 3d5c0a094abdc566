"""Nothing leaves the hold queue but by a named person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
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

from gateway.errors import StoreCorrupt, StoreError
from gateway.report import Problem, ProblemCode
from gateway.store import Filed, Filing, HoldState, Outcome, ReportState, Store

HELD = report(1, problems=(UNKNOWN_TEST,))
AMBIGUOUS = Filing(b"k" * 32, problems=(Problem(ProblemCode.AMBIGUOUS_DEVICE, "H.5"),))


async def state_of(store: Store, number: int, revision: int | None = None) -> ReportState:
    found = await store.reports.get(f"report-{number}", revision)
    assert found is not None
    return found.state


async def test_a_hold_shows_everything(store: Store, clock: Clock) -> None:
    filed = await file(store, filing(HELD), entries=[b"\x021H|\\^&\r", b"R|1|^^^XYZ|1\r"])
    (hold,) = filed.holds
    item = await store.holds.show(hold)
    assert item is not None
    assert item.transmission.raw == b"\x021H|\\^&\rR|1|^^^XYZ|1\r"
    assert item.hold.problems == (UNKNOWN_TEST,)
    assert (item.hold.state, item.hold.opened_at) == (HoldState.OPEN, clock())
    assert item.report is not None
    assert item.report.body == HELD.body
    assert await store.holds.show(99) is None


async def test_released_it_goes_with_its_messages(store: Store, clock: Clock) -> None:
    woken: list[str] = []
    store.outbox.subscribe("ehr", lambda: woken.append("ehr"))
    (hold,) = (await file(store, filing(HELD))).holds
    assert await state_of(store, 1) is ReportState.HELD
    filed = await store.holds.release(
        hold, actor="tech", reason="code agreed", messages=[message(1)]
    )
    assert len(filed.queued) == 1
    assert woken == ["ehr"]
    assert await state_of(store, 1) is ReportState.QUEUED
    (entry,) = await store.outbox.due("ehr", 9, clock())
    assert entry.report == "report-1"
    assert await store.holds.list() == []
    (closed,) = await store.holds.list(state=None)
    assert (closed.state, closed.actor, closed.reason, closed.closed_at) == (
        HoldState.RELEASED,
        "tech",
        "code agreed",
        clock(),
    )
    (act,) = await store.audit.list()
    assert (act.actor, act.action, act.subject, act.detail) == (
        "tech",
        "release",
        f"hold {hold}",
        "code agreed",
    )


async def test_released_as_newer_reports_those_count_instead(store: Store) -> None:
    (hold,) = (await file(store, filing(HELD))).holds
    better = corrected(replace(HELD, problems=()), message(1))
    filed = await store.holds.release(hold, actor="tech", reason="new map", reports=[better])
    assert filed.reports == ("report-1",)
    assert await state_of(store, 1, 1) is ReportState.REPLACED
    assert await state_of(store, 1, 2) is ReportState.QUEUED


async def test_what_is_read_again_may_be_held_again(store: Store) -> None:
    (hold,) = (await file(store, AMBIGUOUS, outcome=Outcome.UNREADABLE)).holds
    filed = await store.holds.release(
        hold, actor="tech", reason="device named", reports=[HELD, report(2, message(2))]
    )
    assert len(filed.holds) == 1
    assert [h.report for h in await store.holds.list()] == ["report-1"]


async def acts(store: Store) -> list[tuple[str, str, str, str]]:
    """What stands in the audit trail, the oldest first."""
    found = [(a.actor, a.action, a.subject, a.detail) for a in await store.audit.list()]
    return found[::-1]


async def test_a_revision_that_leaves_ends_the_holds_of_those_before_it(store: Store) -> None:
    """Of this report alone, and of none after it."""
    (first,) = (await file(store, filing(HELD, key="first"))).holds
    other = report(2, problems=(UNKNOWN_TEST,))
    (kept,) = (await file(store, filing(other, key="other"))).holds
    third = replace(HELD, revision=3, body="3")
    (later,) = (await file(store, filing(third, key="third"))).holds
    second = replace(corrected(replace(HELD, problems=()), message(1)), supersedes=True)
    await file(store, filing(second, key="second"))
    assert [hold.id for hold in await store.holds.list()] == [kept, later]
    (ended, *_) = await store.holds.list(state=None)
    words = "revision 2 stands for it"
    assert (ended.id, ended.state, ended.actor, ended.reason) == (
        first,
        HoldState.RELEASED,
        "gateway",
        words,
    )
    assert await acts(store) == [("gateway", "release", f"hold {first}", words)]
    assert await state_of(store, 1, 1) is ReportState.REPLACED
    (books,) = await store.books.between(NOON, NOON + timedelta(days=1))
    assert (books.received, books.held, books.queued) == (3, 2, 1)


async def read_again(store: Store, transmission: int) -> Filed:
    return await store.reports.file_again(transmission, [HELD], actor="tech", reason="map")


async def test_reports_read_since_end_the_hold_of_their_transmission_alone(store: Store) -> None:
    whole = await file(store, AMBIGUOUS, outcome=Outcome.UNREADABLE)
    another = replace(AMBIGUOUS, content_key=b"l" * 32)
    kept = (await file(store, another, outcome=Outcome.UNREADABLE)).holds
    (of_report,) = (await read_again(store, whole.transmission)).holds
    reason = "it can be read now"
    assert await store.holds.stood_for(whole.transmission, actor="tech", reason=reason) == 1
    assert [hold.id for hold in await store.holds.list()] == [*kept, of_report]
    assert (await acts(store))[1:] == [("tech", "release", f"hold {whole.holds[0]}", reason)]
    (books,) = await store.books.between(NOON, NOON + timedelta(days=1))
    assert (books.received, books.held) == (2, 2)
    assert await store.holds.stood_for(whole.transmission, actor="tech", reason=reason) == 0


async def test_a_release_that_cannot_be_leaves_it_held(store: Store) -> None:
    filed = await file(store, filing(HELD, report(2)))
    (hold,) = filed.holds
    with pytest.raises(StoreError, match="stored already"):
        await store.holds.release(hold, actor="tech", reason="", reports=[HELD])
    with pytest.raises(ValueError, match="not both"):
        await store.holds.release(
            hold, actor="tech", reason="", reports=[HELD], messages=[message(1)]
        )
    (whole,) = (await file(store, AMBIGUOUS)).holds
    with pytest.raises(StoreError, match="no report to release"):
        await store.holds.release(whole, actor="tech", reason="")
    assert await store.holds.count() == 2
    assert await store.audit.list() == []


async def test_discarded_it_stays_on_record(store: Store) -> None:
    filed = await file(store, filing(HELD))
    (hold,) = filed.holds
    await store.holds.discard(hold, actor="tech", reason="water sample")
    assert await state_of(store, 1) is ReportState.DISCARDED
    stored = await store.transmissions.get(filed.transmission)
    assert stored is not None
    assert stored.raw
    for verb in (store.holds.discard, store.holds.release):
        with pytest.raises(StoreError, match="discarded already"):
            await verb(hold, actor="tech", reason="again")
        with pytest.raises(StoreError, match="no hold"):
            await verb(99, actor="tech", reason="")
    assert [a.action for a in await store.audit.list()] == ["discard"]


async def test_holds_can_be_paged_by_device(store: Store) -> None:
    for n in range(5):
        held = report(n, device="ab"[n % 2], problems=(UNKNOWN_TEST,))
        await file(store, filing(held), device="ab"[n % 2])
    first = await store.holds.list(limit=2)
    rest = await store.holds.list(after=first[-1].id)
    assert [h.report for h in (*first, *rest)] == [f"report-{n}" for n in range(5)]
    assert [h.report for h in await store.holds.list(device="b")] == ["report-1", "report-3"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE holds SET problems = '[]'",
        "UPDATE transmissions SET raw = x'00'",
        "UPDATE reports SET body = '{}'",
    ],
)
async def test_a_damaged_one_cannot_be_released(store: Store, directory: Path, damage: str) -> None:
    (hold,) = (await file(store, filing(HELD))).holds
    await store.aclose()
    tamper(directory, damage)
    again = await open_store(directory)
    with pytest.raises(StoreCorrupt):
        await again.holds.release(hold, actor="tech", reason="", messages=[message(1)])
    assert await again.outbox.list() == []
    await again.aclose()
