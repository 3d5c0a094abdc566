"""Sweeps find what changed, backups come back whole, purges forget only what is done with."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from store_samples import (
    UNKNOWN_TEST,
    Clock,
    append,
    file,
    filing,
    message,
    open_store,
    report,
    tamper,
)

from gateway.errors import StoreCorrupt, StoreError
from gateway.store import (
    Damage,
    Filing,
    HeldItem,
    HoldState,
    MessageState,
    OutboxEntry,
    Outcome,
    ReportState,
    Store,
    StoredTransmission,
    restore,
)
from gateway.store.migrate import package_steps
from gateway.store.sweep import TABLES, sweep

FLIPS = int(os.environ.get("GATEWAY_FLIPS", "150"))


async def fill(store: Store, count: int = 30) -> None:
    for n in range(count):
        held = report(f"{n}h", problems=(UNKNOWN_TEST,))
        await file(store, filing(report(n, message(n, lane=f"S{n}")), held))


def unheard(done: int, total: int) -> None:
    return None


async def test_a_sound_store_is_clean(store: Store) -> None:
    await fill(store)
    await append(store, store.open_transmission("open", "astm", ""), b"entry")
    heard: list[tuple[int, int]] = []
    result = await store.sweep(lambda done, total: heard.append((done, total)))
    assert result.clean
    assert heard[-1] == (result.rows, result.rows)
    assert result.rows >= 30 * 5


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        ("UPDATE transmissions SET raw = x'00' WHERE id = 3", Damage("transmissions", 3)),
        ("UPDATE transmissions SET duplicate_of = 1 WHERE id = 3", Damage("transmissions", 3)),
        ("UPDATE reports SET revision = 2 WHERE seq = 2", Damage("reports", 2)),
        ("UPDATE receipts SET items = 3 WHERE id = 2", Damage("receipts", 2)),
        ("UPDATE holds SET device = 'x' WHERE id = 1", Damage("holds", 1)),
        ("UPDATE holds SET state = 'gone' WHERE id = 1", Damage("holds", 1)),
        ("UPDATE outbox SET lane = NULL WHERE id = 5", Damage("outbox", 5)),
        ("UPDATE outbox SET state = 'queuee' WHERE id = 5", Damage("outbox", 5)),
    ],
)
async def test_a_changed_row_is_named(
    store: Store, directory: Path, change: str, damage: Damage
) -> None:
    await fill(store, 5)
    await store.aclose()
    tamper(directory, change)
    again = await open_store(directory)
    result = await again.sweep()
    assert result.damaged == (damage,)
    assert not result.clean
    await again.aclose()


async def contents(store: Store) -> Sequence[object]:
    """What a person or a destination is given; None where that is refused."""
    found: list[object] = []
    for number in range(1, 31):
        for get in (store.transmissions.get, store.outbox.get, store.holds.show):
            try:
                found.append(what_was_stored(await get(number)))
            except StoreError:
                found.append(None)
    return found


def what_was_stored(value: StoredTransmission | OutboxEntry | HeldItem | None) -> object:
    """Without what moves on: how a delivery or a decision went so far."""
    match value:
        case OutboxEntry():
            moving = ("attempts", "next_at", "first_try", "last_try", "finished_at", "answer")
            fixed: dict[str, object] = dict.fromkeys(moving)
            return replace(value, state=MessageState.QUEUED, **fixed)  # type: ignore[arg-type]
        case HeldItem(hold, transmission, held):
            hold = replace(hold, state=HoldState.OPEN, closed_at=None, actor=None, reason=None)
            assert held is not None
            return hold, transmission, replace(held, state=ReportState.HELD)
        case _:
            return value


async def test_no_flipped_bit_goes_unnoticed(store: Store, directory: Path, tmp_path: Path) -> None:
    await fill(store)
    await store.aclose()
    sound = await open_store(directory)
    expected = await contents(sound)
    await sound.aclose()
    bits = (directory / "gateway.db").stat().st_size * 8
    rng = random.Random(11)
    altered = noticed = 0
    for n in range(FLIPS):
        folder = tmp_path / f"flipped-{n}"
        shutil.copytree(directory, folder)
        flip(folder / "gateway.db", rng.randrange(bits))
        found, clean = await look(folder)
        altered += sum(1 for f, e in zip(found, expected, strict=True) if f is not None and f != e)
        noticed += not clean
        shutil.rmtree(folder)
    assert altered == 0
    assert noticed > 0


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ (1 << bit % 8)]))


async def look(folder: Path) -> tuple[Sequence[object], bool]:
    """What such a store still gives out, and whether its sweep is content."""
    try:
        store = await open_store(folder)
    except StoreError:
        return [None] * 90, False
    try:
        return await contents(store), (await store.sweep()).clean
    except StoreError:
        return [None] * 90, False
    finally:
        await store.aclose()


async def test_a_backup_made_under_load_comes_back_whole(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    await fill(store)
    number = store.open_transmission("chemistry", "astm", "")
    await append(store, number, b"entry")
    target = tmp_path / "copy.db"
    await fill_while(store, target)
    restored = tmp_path / "restored"
    restore(target, restored, unheard)
    again = await open_store(restored, clock)
    assert (await again.sweep()).clean
    assert again.unfinished()[0].entries == (b"entry",)
    assert len(await again.outbox.due("ehr", 1000, clock())) >= 30
    assert again.site_key == store.site_key
    await again.aclose()
    with pytest.raises(StoreError, match="holds a store already"):
        restore(target, restored, unheard)


async def fill_while(store: Store, target: Path) -> None:
    import asyncio

    backup = asyncio.create_task(store.back_up(target))
    n = 1000
    while not backup.done():
        await file(store, filing(report(n, message(n))))
        n += 1
    assert (await backup).clean
    with pytest.raises(StoreError, match="exists already"):
        await store.back_up(target)


def copies_in(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("copy.db*")]


async def test_a_damaged_store_gives_no_backup(store: Store, tmp_path: Path) -> None:
    await fill(store, 3)
    await store.engine.write(lambda c: c.execute("DROP TRIGGER reports_stay") and None)
    await store.engine.write(lambda c: c.execute("UPDATE reports SET body = 'x'") and None)
    with pytest.raises(StoreCorrupt, match="6 damaged rows"):
        await store.back_up(tmp_path / "copy.db")
    assert copies_in(tmp_path) == ["copy.db.part"]


async def test_a_damaged_backup_is_not_restored(store: Store, tmp_path: Path) -> None:
    await fill(store, 3)
    await store.back_up(tmp_path / "gateway.db")
    tamper(tmp_path, "UPDATE reports SET body = 'x' WHERE seq = 1")
    with pytest.raises(StoreCorrupt, match="1 damaged rows"):
        restore(tmp_path / "gateway.db", tmp_path / "restored", unheard)


async def test_a_purge_forgets_what_is_done_with(store: Store, clock: Clock) -> None:
    done = await file(store, filing(report(1, message(1))))
    waiting = await file(store, filing(report(2, message(2))))
    held = await file(store, filing(report(3, problems=(UNKNOWN_TEST,)), report(4)))
    cut_off = await file(store, None, outcome=Outcome.INCOMPLETE)
    repeat = await file(store, filing(report(1, message(1))))
    await store.outbox.mark_delivered(done.queued[0], "AA")
    (event,) = await store.outbox.enqueue([message("event", "events")])
    await store.outbox.mark_delivered(event, "")
    clock.pass_by(days=2)
    newest = await file(store, filing(report(5)))
    clock.pass_by(days=2)
    before = clock() - timedelta(days=3)
    assert await store.purge(before, actor="tech") == 3
    left = await store.transmissions.numbers()
    assert left == [waiting.transmission, held.transmission, newest.transmission]
    assert {done.transmission, cut_off.transmission, repeat.transmission}.isdisjoint(left)
    assert [m.control_id for m in await store.outbox.list()] == ["ID2"]
    assert await store.purge(clock(), actor="tech") == 0
    assert (await store.audit.list())[1].detail.startswith("3 transmissions")
    assert (await store.sweep()).clean


async def test_numbers_are_not_given_twice_after_a_purge(
    store: Store, directory: Path, clock: Clock
) -> None:
    filed = await file(store, filing(report(1, message(1))))
    last = await file(store, filing(report(2)))
    await store.outbox.mark_delivered(filed.queued[0], "AA")
    clock.pass_by(days=2)
    assert await store.purge(clock(), actor="tech") == 1
    await store.aclose()
    again = await open_store(directory, clock)
    new = await file(again, filing(report(3, message(3))))
    assert new.transmission > last.transmission
    assert new.queued[0] > filed.queued[0]
    await again.aclose()


async def test_a_damaged_transmission_is_not_purged(
    store: Store, directory: Path, clock: Clock
) -> None:
    await file(store, filing(report(1)))
    await file(store, filing(report(2)))
    await file(store, Filing(None))
    await store.aclose()
    tamper(directory, "UPDATE reports SET body = 'x' WHERE seq = 1")
    clock.pass_by(days=2)
    again = await open_store(directory, clock)
    assert await again.purge(clock(), actor="tech") == 1
    assert await again.transmissions.numbers() == [1, 3]
    await again.aclose()


# Here the hash is of a file or of one text, and is looked at by whoever reads that.
OF_CONTENT = {"instances", "quarantine", "commitments", "procedure_step_events"}


async def test_every_hashed_table_is_swept(store: Store) -> None:
    hashed = await store.engine.read(
        lambda c: {
            name
            for (name,) in c.execute(
                "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c "
                "WHERE m.type = 'table' AND c.name = 'sha256'"
            )
        }
    )
    assert hashed - OF_CONTENT == {table.name for table in TABLES}


async def test_the_sweep_works_without_the_store(store: Store, directory: Path) -> None:
    await fill(store, 3)
    await store.aclose()
    assert sweep(directory / "gateway.db", package_steps(), unheard).clean
