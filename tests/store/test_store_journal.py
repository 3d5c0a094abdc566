"""Entries are on disk before anybody is told, and come back after a crash."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest
from store_samples import (
    Clock,
    append,
    crashed_copy,
    file,
    filing,
    message,
    open_store,
    report,
    tamper,
)

from gateway.errors import StoreError
from gateway.store import Evidence, NotOpen, Outcome, Store, journal


def pages_in(directory: Path) -> int:
    connection = apsw.Connection(str(directory / "gateway.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        count = connection.execute("SELECT COUNT(*) FROM pages").get
        assert isinstance(count, int)
        return count
    finally:
        connection.close()


async def test_answers_come_later_and_in_order(store: Store) -> None:
    links = [store.open_transmission(f"device-{n}", "astm", "") for n in range(5)]
    heard: list[int] = []
    over = asyncio.Event()
    for n in range(200):
        store.append(links[n % 5], b"entry %d" % n, lambda error, n=n: heard.append(n))
    store.append(links[0], b"last", lambda error: over.set())
    assert heard == []
    await over.wait()
    assert heard == list(range(200))


async def test_the_closed_transmission_has_entries_and_evidence_in_order(store: Store) -> None:
    number = store.open_transmission("haematology", "astm", "127.0.0.1:4001")
    await append(store, number, b"one", b"")
    store.evidence(number, b"damaged")
    await append(store, number, b"two")
    store.evidence(number, b"noise")
    filed = await store.close_transmission(
        number, Outcome.INCOMPLETE, "line lost", None, profile="erba-xl"
    )
    assert filed.transmission == number
    stored = await store.transmissions.get(number)
    assert stored is not None
    assert stored.entries == (b"one", b"", b"two")
    assert stored.raw == b"onetwo"
    assert stored.evidence == (Evidence(2, b"damaged"), Evidence(3, b"noise"))
    assert (stored.outcome, stored.reason) == (Outcome.INCOMPLETE, "line lost")
    assert (stored.device, stored.profile, stored.peer) == (
        "haematology",
        "erba-xl",
        "127.0.0.1:4001",
    )


async def test_the_device_may_be_known_only_at_the_end(store: Store) -> None:
    number = store.open_transmission("listener", "astm", "")
    await append(store, number, b"H|\\^&")
    await store.close_transmission(number, Outcome.COMPLETE, device="chemistry")
    stored = await store.transmissions.get(number)
    assert stored is not None
    assert stored.device == "chemistry"


async def test_a_crash_leaves_what_was_acknowledged(store: Store, tmp_path: Path) -> None:
    done = await file(store, filing(report(1)))
    number = store.open_transmission("chemistry", "astm", "10.0.0.7:1025")
    await append(store, number, b"one", b"two")
    store.evidence(number, b"noise")
    await append(store, number, b"three")
    again = await open_store(crashed_copy(store, tmp_path / "crashed"))
    try:
        (left,) = again.unfinished()
        assert (left.id, left.device, left.protocol, left.peer) == (
            number,
            "chemistry",
            "astm",
            "10.0.0.7:1025",
        )
        assert left.entries == (b"one", b"two", b"three")
        assert left.evidence == (Evidence(2, b"noise"),)
        assert left.opened_at == store.engine.clock()
        assert not left.damaged
        assert again.open_transmission("x", "astm", "") > number > done.transmission
    finally:
        await again.aclose()


async def test_what_a_crash_left_is_filed_like_any_other(store: Store, tmp_path: Path) -> None:
    number = store.open_transmission("haematology", "astm", "")
    await append(store, number, b"one")
    again = await open_store(crashed_copy(store, tmp_path / "crashed"))
    try:
        filed = await again.close_transmission(
            number, Outcome.COMPLETE, "recovered", filing(report(1, message(1)))
        )
        assert filed.reports == ("report-1",)
        assert again.unfinished() == []
        assert [e.body for e in await again.outbox.due("ehr", 9, Clock()())]
    finally:
        await again.aclose()
    once_more = await open_store(tmp_path / "crashed")
    assert once_more.unfinished() == []
    await once_more.aclose()


async def test_pages_stay_while_anybody_needs_them(store: Store, directory: Path) -> None:
    slow = store.open_transmission("slow", "astm", "")
    await append(store, slow, b"first")
    for n in range(200):
        await file(store, filing(report(n)), entries=[b"x"])
    assert pages_in(directory) >= 201
    await store.close_transmission(slow, Outcome.INCOMPLETE)
    await file(store, filing(report("last")))
    assert pages_in(directory) < 70


async def test_pages_of_what_a_crash_left_stay_too(store: Store, tmp_path: Path) -> None:
    left = store.open_transmission("slow", "astm", "")
    await append(store, left, b"first")
    again = await open_store(crashed_copy(store, tmp_path / "crashed"))
    for n in range(200):
        await file(again, filing(report(n)), entries=[b"x"])
    once_more = await open_store(crashed_copy(again, tmp_path / "once-more"))
    try:
        assert [(t.id, t.entries) for t in once_more.unfinished()] == [(left, (b"first",))]
    finally:
        await again.aclose()
        await once_more.aclose()


async def test_closing_gives_pages_back(store: Store, directory: Path) -> None:
    for n in range(300):
        await file(store, filing(report(n)), entries=[b"x"])
    assert pages_in(directory) < 130
    await store.aclose()
    assert pages_in(directory) == 0


async def test_a_heartbeat_leaves_nothing(store: Store, tmp_path: Path) -> None:
    number = store.open_transmission("poct", "astm", "")
    store.forget_transmission(number)
    again = await open_store(crashed_copy(store, tmp_path / "crashed"))
    assert again.unfinished() == store.unfinished() == []
    assert await again.transmissions.numbers() == []
    await again.aclose()


async def test_nothing_is_added_to_what_is_closed(store: Store) -> None:
    filed = await file(store, None)
    with pytest.raises(NotOpen):
        await append(store, filed.transmission, b"late")
    with pytest.raises(NotOpen):
        await store.close_transmission(filed.transmission, Outcome.COMPLETE)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_one_failing_callback_does_not_silence_the_others(store: Store) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(str(context["exception"])))
    number = store.open_transmission("haematology", "astm", "")
    over = asyncio.Event()
    store.append(number, b"one", lambda error: 1 / 0)  # type: ignore[arg-type, return-value]
    store.append(number, b"two", lambda error: over.set())
    await over.wait()
    assert complaints == ["division by zero"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pages SET entries = CAST(replace(entries, 'two', 'tvo') AS BLOB) WHERE page = 2",
        "UPDATE pages SET entries = x'ff' WHERE page = 2",
        "UPDATE pages SET sha256 = zeroblob(32) WHERE page = 2",
        "DELETE FROM pages WHERE page = 2",
    ],
)
async def test_a_damaged_page_marks_what_may_have_stood_in_it(
    store: Store, tmp_path: Path, damage: str
) -> None:
    first = store.open_transmission("haematology", "astm", "")
    await append(store, first, b"one")
    await append(store, first, b"two")
    later = store.open_transmission("chemistry", "astm", "")
    await append(store, later, b"three")
    crashed = crashed_copy(store, tmp_path / "crashed")
    tamper(crashed, damage)
    again = await open_store(crashed)
    try:
        assert again.damaged_pages == (2,)
        assert [(t.id, t.damaged) for t in again.unfinished()] == [(first, True), (later, False)]
        kept = await again.engine.read(lambda c: c.execute("SELECT page FROM damaged_pages").get)
        assert kept == 2
    finally:
        await again.aclose()


async def test_entries_without_their_opening_are_kept(store: Store, tmp_path: Path) -> None:
    number = store.open_transmission("haematology", "astm", "")
    await append(store, number, b"one")
    await append(store, number, b"two")
    crashed = crashed_copy(store, tmp_path / "crashed")
    tamper(crashed, "UPDATE pages SET entries = x'00' WHERE page = 1")
    again = await open_store(crashed)
    (left,) = again.unfinished()
    assert (left.id, left.device, left.entries, left.damaged) == (
        number,
        "unknown",
        (b"two",),
        True,
    )
    await again.aclose()


async def test_a_transmission_has_its_limits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "ENTRIES_LIMIT", 10)
    monkeypatch.setattr(journal, "EVIDENCE_LIMIT", 10)
    number = store.open_transmission("haematology", "astm", "")
    store.evidence(number, b"12345678")
    store.evidence(number, b"123")
    await append(store, number, b"12345678")
    with pytest.raises(StoreError, match="too long"):
        await append(store, number, b"123")
    await store.close_transmission(number, Outcome.INCOMPLETE)
    stored = await store.transmissions.get(number)
    assert stored is not None
    assert stored.entries == (b"12345678",)
    assert [e.data for e in stored.evidence] == [b"12345678"]
