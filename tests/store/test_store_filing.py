"""Reports, holds, messages and the transmission are written together; repeats are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from store_samples import (
    UNKNOWN_TEST,
    Clock,
    corrected,
    file,
    filing,
    message,
    open_store,
    report,
)

from gateway.errors import StoreCorrupt, StoreError
from gateway.report import Problem, ProblemCode
from gateway.store import Filing, OutboxEntry, Outcome, ReportState, Store

NOTE = Problem(ProblemCode.CLOCK_SKEW, "H.14", hold=False)


async def test_a_filing_is_stored_as_a_whole(store: Store) -> None:
    held = report(2, problems=(UNKNOWN_TEST, NOTE))
    event = message("event", "events")
    what = Filing(b"k" * 32, (report(1, message(1), message(2, "drop")), held), messages=(event,))
    filed = await file(store, what)
    assert filed.reports == ("report-1", "report-2")
    assert len(filed.holds) == 1
    assert len(filed.queued) == 3
    assert filed.destinations == {"ehr", "drop", "events"}
    stored = await store.reports.of_transmission(filed.transmission)
    assert [(r.id, r.state) for r in stored] == [
        ("report-1", ReportState.QUEUED),
        ("report-2", ReportState.HELD),
    ]
    assert stored[0].body == '{"id":"1"}'
    assert [m.destination for m in await store.reports.messages_of("report-1")] == ["ehr", "drop"]
    (hold,) = await store.holds.list()
    assert hold.problems == (UNKNOWN_TEST, NOTE)


async def test_a_note_does_not_hold(store: Store) -> None:
    await file(store, filing(report(1, message(1), problems=(NOTE,))))
    assert await store.holds.count() == 0


def test_a_held_report_brings_no_messages() -> None:
    with pytest.raises(ValueError, match="held"):
        report(1, message(1), problems=(UNKNOWN_TEST,))


async def test_the_same_content_is_a_duplicate_of_the_first(store: Store, directory: Path) -> None:
    what = filing(report(1, message(1)))
    first = await file(store, what)
    await store.aclose()
    again = await open_store(directory)
    for _ in range(2):
        repeat = await file(again, what, entries=[b"other bytes, same records"])
        assert repeat.duplicate_of == first.transmission
        assert not repeat.reports
        assert not repeat.queued
        stored = await again.transmissions.get(repeat.transmission)
        assert stored is not None
        assert (stored.duplicate_of, stored.raw) == (
            first.transmission,
            b"other bytes, same records",
        )
    assert len(await again.outbox.list()) == 1
    seen = await again.transmissions.seen("haematology", b"?" * 32)
    assert seen is None
    await again.aclose()


async def test_two_devices_may_say_the_same(store: Store) -> None:
    what = filing(report(1, device="a"), key="same")
    other = filing(report(2, device="b"), key="same")
    await file(store, what, device="a")
    assert (await file(store, other, device="b")).duplicate_of is None


async def test_what_was_cut_off_is_no_original(store: Store) -> None:
    await file(store, filing(key="same"), outcome=Outcome.INCOMPLETE)
    assert (await file(store, filing(report(1), key="same"))).duplicate_of is None


async def test_a_window_lets_later_repeats_through(store: Store, clock: Clock) -> None:
    def what(number: int) -> Filing:
        return Filing(b"k" * 32, (report(number),), window=timedelta(minutes=10))

    first = await file(store, what(1))
    clock.pass_by(minutes=9)
    assert (await file(store, what(2))).duplicate_of == first.transmission
    clock.pass_by(minutes=2)
    third = await file(store, what(3))
    assert third.duplicate_of is None
    assert third.possible_duplicate_of == first.transmission
    clock.pass_by(minutes=9)
    assert (await file(store, what(4))).duplicate_of == third.transmission


async def test_a_restart_in_between_makes_a_repeat_a_duplicate(
    store: Store, clock: Clock, directory: Path
) -> None:
    what = Filing(b"k" * 32, (report(1),), window=timedelta(minutes=10))
    first = await file(store, what)
    await store.aclose()
    clock.pass_by(hours=5)
    again = await open_store(directory, clock)
    clock.pass_by(minutes=5)
    assert (await file(again, what)).duplicate_of == first.transmission
    await again.aclose()


async def test_a_report_is_stored_once_and_its_correction_beside_it(store: Store) -> None:
    original = report(1, message(1))
    await file(store, filing(original, report(2), key="a"))
    filed = await file(store, filing(original, report(3), key="b"))
    assert (filed.reports, filed.repeated) == (("report-3",), ("report-1",))
    await file(store, filing(corrected(original, message("1b")), key="c"))
    assert len(await store.outbox.list()) == 2
    latest = await store.reports.get("report-1")
    first = await store.reports.get("report-1", 1)
    assert latest is not None
    assert first is not None
    assert (latest.revision, latest.body, first.body) == (2, "{}", '{"id":"1"}')


async def test_a_transmission_nobody_can_read_is_held_itself(store: Store) -> None:
    what = Filing(b"k" * 32, problems=(Problem(ProblemCode.AMBIGUOUS_DEVICE, "H.5"),))
    filed = await file(store, what, outcome=Outcome.UNREADABLE)
    (hold,) = await store.holds.list()
    assert (hold.id, hold.report, hold.transmission) == (filed.holds[0], None, filed.transmission)
    with pytest.raises(StoreError, match="belong to the reports"):
        await file(store, Filing(b"l" * 32, (report(1),), (UNKNOWN_TEST,)))
    assert [t.id for t in store.unfinished()] == [filed.transmission + 1]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE reports SET body = 'x'",
        "DELETE FROM reports",
        "UPDATE transmissions SET raw = x'00'",
        "DELETE FROM transmissions",
        "UPDATE receipts SET items = 0",
        "DELETE FROM receipts",
        "UPDATE outbox SET body = x'00'",
        "UPDATE outbox SET lane = 'other'",
        "DELETE FROM outbox",
        "DELETE FROM holds",
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
    ],
)
async def test_what_was_written_stays_written(store: Store, change: str) -> None:
    await file(store, filing(report(1, message(1)), report(2, problems=(UNKNOWN_TEST,))))
    await store.audit.record("tech", "look", "store")
    with pytest.raises(StoreError, match="cannot be"):
        await store.engine.write(lambda connection: connection.execute(change) and None)


async def test_altered_bytes_are_never_given_out(
    store: Store, directory: Path, clock: Clock
) -> None:
    filed = await file(store, filing(report(1)))
    for table, column in (("transmissions", "raw"), ("reports", "body")):
        await store.engine.write(
            lambda c, table=table: c.execute(f"DROP TRIGGER {table}_stay") and None
        )
        await store.engine.write(
            lambda c, t=table, col=column: c.execute(f"UPDATE {t} SET {col} = x'00'") and None
        )
    with pytest.raises(StoreCorrupt, match="transmission 1 "):
        await store.transmissions.get(filed.transmission)
    with pytest.raises(StoreCorrupt, match="report number 1 "):
        await store.reports.get("report-1")


async def test_a_later_reading_adds_reports(store: Store) -> None:
    filed = await file(store, filing(report(1)))
    again = await store.reports.file_again(
        filed.transmission,
        [corrected(report(1), message("1b"))],
        actor="tech",
        reason="new map",
    )
    assert again.reports == ("report-1",)
    assert again.destinations == {"ehr"}
    (entry,) = await store.audit.list()
    assert (entry.actor, entry.action, entry.detail) == ("tech", "file again", "new map")
    with pytest.raises(StoreError, match="no transmission"):
        await store.reports.file_again(99, [], actor="tech", reason="")


async def test_reports_can_be_found(store: Store, clock: Clock) -> None:
    await file(
        store, filing(report(1, device="a"), report(2, device="b", problems=(UNKNOWN_TEST,)))
    )
    assert [r.id for r in await store.reports.list(device="b")] == ["report-2"]
    assert [r.id for r in await store.reports.list(state=ReportState.KEPT)] == ["report-1"]
    assert [r.id for r in await store.reports.list(specimen="S2")] == ["report-2"]
    assert [r.id for r in await store.reports.list(limit=1)] == ["report-2"]
    assert await store.reports.list(kind="qc") == []
    assert await store.reports.get("report-9") is None


async def test_what_is_handed_over_is_what_the_outbox_holds(store: Store) -> None:
    taken: list[OutboxEntry] = []

    def take(entries: Sequence[OutboxEntry]) -> bool:
        taken.extend(entries)
        return True

    asked: list[str] = []
    store.outbox.subscribe("ehr", lambda: asked.append("ehr"), take)
    store.outbox.subscribe("drop", lambda: asked.append("drop"))
    filed = await file(store, filing(report(1, message(1, lane="S1"), message(2, "drop"))))
    assert [entry.id for entry in taken] == [filed.queued[0]]
    assert taken == [await store.outbox.get(filed.queued[0])]
    assert asked == ["drop"]


async def test_what_its_lane_holds_back_is_not_handed_over(store: Store, clock: Clock) -> None:
    offered: list[str] = []
    asked: list[bool] = []

    def take(entries: Sequence[OutboxEntry]) -> bool:
        offered.extend(entry.control_id for entry in entries)
        return True

    first = await file(store, filing(report(1, message(1, lane="S1")), key="1"))
    await store.outbox.park(first.queued[0], "a person must look")
    store.outbox.subscribe("ehr", lambda: asked.append(True), take)
    waiting = replace(message(3, lane="S3"), waits="no patient is named")
    await file(store, filing(report(2, message(2, lane="S1")), key="2"))
    await file(store, filing(report(3, waiting), key="3"))
    await file(store, filing(report(4, message(4, lane="S2")), key="4"))
    assert (offered, len(asked)) == (["ID4"], 2)


async def test_what_a_revision_sets_free_is_looked_for(store: Store, clock: Clock) -> None:
    """It replaces a message that waited for a person; others of its lane waited behind that."""
    waiting = replace(message(1, lane="S1"), waits="no patient is named")
    original = report(1, waiting)
    await file(store, filing(original, key="1"))
    await file(store, filing(report(2, message(2, lane="S1")), key="2"))
    offered: list[OutboxEntry] = []
    asked: list[bool] = []

    def take(entries: Sequence[OutboxEntry]) -> bool:
        offered.extend(entries)
        return True

    store.outbox.subscribe("ehr", lambda: asked.append(True), take)
    await file(store, filing(corrected(original, message(3, lane="S1")), key="3"))
    assert (offered, asked) == ([], [True])
    assert [one.control_id for one in await store.outbox.due("ehr", 9, clock())] == ["ID2", "ID3"]
