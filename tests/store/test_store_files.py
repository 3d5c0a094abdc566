"""One owner, the right SQLite, the right schema, and a way in for readers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from store_samples import Clock, crashed_copy, file, filing, message, open_store, report

from gateway.errors import StoreError
from gateway.store import Store
from gateway.store.connection import check_version
from gateway.store.migrate import package_steps


def open_to_others(directory: Path) -> list[str]:
    paths = [directory, *directory.iterdir()]
    return [path.name for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077]


def write_nonsense(directory: Path) -> None:
    directory.mkdir()
    (directory / "gateway.db").write_bytes(b"not a database at all" * 100)


async def test_a_second_owner_is_refused(store: Store, directory: Path) -> None:
    with pytest.raises(StoreError, match=f"in use by another gateway .process {os.getpid()}"):
        await open_store(directory)


async def test_the_lock_goes_with_the_owner(store: Store, directory: Path) -> None:
    await store.aclose()
    await store.aclose()
    again = await open_store(directory)
    await again.aclose()


async def test_readers_see_what_is_committed_and_cannot_write(
    store: Store, directory: Path, clock: Clock
) -> None:
    await file(store, filing(report(1, message(1))))
    reader = await Store.open(directory, clock=clock, read_only=True)
    assert [r.id for r in await reader.reports.list()] == ["report-1"]
    await file(store, filing(report(2)))
    assert [r.id for r in await reader.reports.list()] == ["report-2", "report-1"]
    assert reader.site_key == store.site_key
    with pytest.raises(StoreError, match="not open for writing"):
        await reader.outbox.park(1, "no")
    with pytest.raises(StoreError):
        await reader.engine.read(lambda c: c.execute("DELETE FROM outbox").fetchall())
    await reader.aclose()


async def test_readers_see_what_a_killed_owner_left(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    await file(store, filing(report(1)))
    reader = await Store.open(
        crashed_copy(store, tmp_path / "crashed"), clock=clock, read_only=True
    )
    assert [r.id for r in await reader.reports.list()] == ["report-1"]
    await reader.aclose()


async def test_there_is_nothing_to_read_before_the_first_start(
    directory: Path, clock: Clock
) -> None:
    with pytest.raises(StoreError, match="no store"):
        await Store.open(directory, clock=clock, read_only=True)


async def test_only_the_owner_of_the_files_may_look(store: Store, directory: Path) -> None:
    assert open_to_others(directory) == []


async def test_it_writes_through_to_the_disk(store: Store) -> None:
    connection = store._lifecycle.opened.writing
    assert connection is not None
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("foreign_keys") == 1


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.51.2"])
def test_a_sqlite_that_corrupts_is_refused(version: str) -> None:
    with pytest.raises(StoreError, match="WAL-reset"):
        check_version(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.54.1", "4.0.0"])
def test_a_sound_sqlite_is_taken(version: str) -> None:
    check_version(version)


STEP = "CREATE TABLE novelties (uid TEXT PRIMARY KEY); INSERT INTO novelties VALUES ('1.2.3');"


async def test_an_older_store_is_brought_up_to_date_with_a_copy_first(
    store: Store, directory: Path, clock: Clock
) -> None:
    await file(store, filing(report(1)))
    await store.aclose()
    steps = (*package_steps(), STEP)
    newer = await Store.open(directory, clock=clock, steps=steps)
    assert [r.id for r in await newer.reports.list()] == ["report-1"]
    assert await newer.engine.read(lambda c: c.execute("SELECT uid FROM novelties").get) == "1.2.3"
    await newer.aclose()
    (copy,) = (directory / "backups").iterdir()
    connection = apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.pragma("user_version") == len(steps) - 1
    assert connection.execute("SELECT id FROM reports").get == "report-1"
    connection.close()


async def test_a_newer_store_is_refused(store: Store, directory: Path, clock: Clock) -> None:
    await store.aclose()
    newer = await Store.open(directory, clock=clock, steps=(*package_steps(), STEP))
    await newer.aclose()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="newer version"):
            await Store.open(directory, clock=clock, read_only=read_only)


async def test_a_reader_does_not_migrate(store: Store, directory: Path, clock: Clock) -> None:
    await store.aclose()
    with pytest.raises(StoreError, match="starting the gateway once"):
        await Store.open(directory, clock=clock, read_only=True, steps=(*package_steps(), STEP))


async def test_a_failing_step_changes_nothing(store: Store, directory: Path, clock: Clock) -> None:
    await file(store, filing(report(1)))
    await store.aclose()
    broken = (*package_steps(), STEP + "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StoreError, match="nowhere"):
        await Store.open(directory, clock=clock, steps=broken)
    again = await open_store(directory)
    assert [r.id for r in await again.reports.list()] == ["report-1"]
    await again.aclose()


async def test_not_a_database(directory: Path, clock: Clock) -> None:
    write_nonsense(directory)
    with pytest.raises(StoreError):
        await Store.open(directory, clock=clock)


async def test_the_site_key_is_made_once(store: Store, directory: Path) -> None:
    key = store.site_key
    assert len(key) == 32
    await store.aclose()
    again = await open_store(directory)
    assert again.site_key == key
    await again.aclose()


async def test_counters_never_go_back(store: Store, directory: Path) -> None:
    assert [await store.counters.next("haematology") for _ in range(3)] == [1, 2, 3]
    assert await store.counters.next("chemistry") == 1
    await store.aclose()
    again = await open_store(directory)
    assert await again.counters.next("haematology") == 4
    await again.aclose()


def test_the_store_is_imported_without_effects() -> None:
    code = (
        "import threading, gateway.store, sys; "
        "assert threading.active_count() == 1; assert 'logging' not in sys.argv"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
