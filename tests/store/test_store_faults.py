"""The disk fails or fills up: nothing more is acknowledged, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest
from faulty_disk import FaultyDisk, faulty_disk
from store_oracle import Promises, check
from store_samples import Clock, append, eventually, file, filing, message, open_store, report

from gateway.errors import StoreError, StoreFailed, StoreFull
from gateway.notices import Notice, StoreAlarm
from gateway.store import Condition, Outcome, SpacePolicy, Store

HERE = Path(__file__).parent
MIB = 1024 * 1024


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


@contextmanager
def failing_writes(disk: FaultyDisk, error: Exception) -> Iterator[None]:
    disk.always("write", error)
    yield
    disk.mend()


@pytest.mark.parametrize("verb", ["write", "sync"])
async def test_after_an_io_error_nothing_is_acknowledged(
    disk: FaultyDisk, directory: Path, clock: Clock, verb: str
) -> None:
    notices: list[Notice] = []
    store = await open_store(directory, clock, notices.append)
    first = await file(store, filing(report(1, message(1))))
    number = store.open_transmission("chemistry", "astm", "")
    await append(store, number, b"one")
    disk.once(verb, "log", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await append(store, number, b"two")
    assert (store.condition, store.healthy, store.accepting) == (Condition.FAILED, False, False)
    assert {number} <= store.in_doubt <= {first.transmission, number}
    assert [type(n) for n in notices] == [StoreAlarm]
    synced = len(disk.calls)
    with pytest.raises(StoreFailed):
        await append(store, number, b"three")
    with pytest.raises(StoreFailed):
        await store.close_transmission(number, Outcome.COMPLETE)
    with pytest.raises(StoreFailed):
        await store.outbox.mark_delivered(first.queued[0], "AA")
    assert len(disk.calls) == synced, "the disk was tried again"
    await store.reopen()
    assert (store.condition, store.healthy, store.accepting) == (Condition.WELL, True, True)
    assert [n.well for n in notices if isinstance(n, StoreAlarm)] == [False, True]
    (left,) = store.unfinished()
    assert left.id == number
    assert left.entries[:1] == (b"one",)
    assert b"three" not in left.entries
    await file(store, filing(report(2)))
    await store.aclose()


async def test_links_of_before_may_not_write_after_reopening(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    store = await open_store(directory, clock)
    number = store.open_transmission("chemistry", "astm", "")
    disk.once("sync", "log", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await append(store, number, b"one")
    await store.reopen()
    with pytest.raises(StoreError, match="not open"):
        await append(store, number, b"two")
    assert store.open_transmission("chemistry", "astm", "") > number
    await store.aclose()


async def test_a_checkpoint_that_fails_is_a_failure(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    store = await open_store(directory, clock)
    disk.once("sync", "database", apsw.IOError("injected"))
    acknowledged: dict[int, int] = {}
    with pytest.raises(StoreFailed):
        await fill_up(store, acknowledged, 3000)
    assert len(acknowledged) > 5
    await store.reopen()
    left = {t.id: len(t.entries) for t in store.unfinished()}
    assert all(left[number] >= count for number, count in acknowledged.items())
    await store.aclose()


async def test_reopening_fails_while_the_disk_does(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    store = await open_store(directory, clock)
    number = store.open_transmission("chemistry", "astm", "")
    await append(store, number, b"one")
    disk.always("sync", apsw.IOError("injected"))
    with pytest.raises(StoreFailed):
        await append(store, number, b"two")
    for _ in range(2):
        with pytest.raises(StoreError):
            await store.reopen()
        assert store.condition is Condition.FAILED
    disk.mend()
    await store.reopen()
    assert store.healthy
    assert store.unfinished()[0].entries[0] == b"one"
    await store.aclose()


@pytest.mark.parametrize("after", range(12))
async def test_every_write_of_a_commit_may_fail(
    disk: FaultyDisk, directory: Path, clock: Clock, after: int
) -> None:
    store = await open_store(directory, clock)
    filed = await file(store, filing(report(1, message(1))))
    number = store.open_transmission("chemistry", "astm", "")
    await append(store, number, b"one")
    disk.once("write", "log", apsw.IOError("injected"), after=after)
    acknowledged = {number}
    with pytest.raises(StoreFailed):
        await close_and_open(store, acknowledged)
    await store.reopen()
    assert (await store.sweep()).clean
    assert {t.id for t in store.unfinished()} <= acknowledged
    for number in acknowledged - {t.id for t in store.unfinished()}:
        assert await store.transmissions.get(number)
    assert await store.transmissions.get(filed.transmission)
    await store.aclose()


async def close_and_open(store: Store, acknowledged: set[int]) -> None:
    """One transmission after the other; ``acknowledged`` are those with an entry on disk."""
    for n in range(20):
        what = filing(report(f"x{n}", message(n)))
        await store.close_transmission(max(acknowledged), Outcome.COMPLETE, "", what)
        number = store.open_transmission("chemistry", "astm", "")
        await append(store, number, b"one")
        acknowledged.add(number)


async def test_a_full_disk_is_full_until_there_is_room(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    notices: list[Notice] = []
    space = SpacePolicy(share=0, most=0, ballast=0, interval=0.02)
    store = await Store.open(directory, clock=clock, space=space, post=notices.append)
    number = store.open_transmission("chemistry", "astm", "")
    await append(store, number, b"one")
    with failing_writes(disk, apsw.FullError("injected")):
        with pytest.raises(StoreFull):
            await append(store, number, b"two")
        assert (store.condition, store.healthy, store.accepting) == (Condition.FULL, False, False)
        with pytest.raises(StoreFull):
            await store.close_transmission(number, Outcome.COMPLETE, "", filing(report(1)))
        assert [t.entries for t in store.unfinished()] == [(b"one",)]
    await eventually(lambda: store.accepting)
    assert [n.well for n in notices if isinstance(n, StoreAlarm)] == [False, True]
    filed = await store.close_transmission(number, Outcome.COMPLETE, "", filing(report(1)))
    assert filed.reports == ("report-1",)
    stored = await store.transmissions.get(number)
    assert stored is not None
    assert stored.entries == (b"one",)
    assert store.unfinished() == []
    await store.aclose()


async def test_the_ballast_saves_what_is_under_way(
    disk: FaultyDisk, directory: Path, clock: Clock
) -> None:
    space = SpacePolicy(share=0, most=0, ballast=MIB, interval=0.02)
    store = await Store.open(directory, clock=clock, space=space)
    ballast = directory / "ballast"
    await eventually(lambda: exists(ballast))
    disk.plan = lambda verb, kind: apsw.FullError("injected") if exists(ballast) else None
    await file(store, filing(report(1, message(1))))
    assert not exists(ballast)
    assert store.healthy
    assert [r.id for r in await store.reports.list()] == ["report-1"]
    disk.mend()
    await eventually(lambda: exists(ballast))
    assert size(ballast) == MIB
    await store.aclose()


def exists(path: Path) -> bool:
    return path.exists()


def size(path: Path) -> int:
    return path.stat().st_blocks * 512


async def test_little_room_refuses_new_work_and_finishes_the_old(
    directory: Path, clock: Clock
) -> None:
    notices: list[Notice] = []
    space = SpacePolicy(share=1, most=2**62, ballast=MIB, interval=3600)
    store = await Store.open(directory, clock=clock, space=space, post=notices.append)
    assert (store.condition, store.healthy, store.accepting) == (Condition.LOW, True, False)
    assert "bytes free" in store.reason
    assert [n.well for n in notices if isinstance(n, StoreAlarm)] == [False]
    await file(store, filing(report(1)))
    assert not exists(directory / "ballast")
    await store.aclose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here; the injected faults cover the same rules")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.peer
async def test_a_disk_that_is_really_full(small_disk: Path, clock: Clock) -> None:
    space = SpacePolicy(share=1, most=MIB, ballast=2 * MIB, interval=0.02)
    store = await Store.open(small_disk / "data", clock=clock, space=space)
    await eventually(lambda: exists(small_disk / "data" / "ballast"))
    acknowledged: dict[int, int] = {}
    with pytest.raises(StoreFull):
        await fill_up(store, acknowledged, 20_000)
    assert not store.accepting
    assert not exists(small_disk / "data" / "ballast")
    await store.aclose()
    filler = small_disk / "filler"
    crowd(filler)
    again = await Store.open(small_disk / "data", clock=clock, space=space)
    assert {t.id: len(t.entries) for t in again.unfinished()} == acknowledged
    assert not again.accepting
    drop(filler)
    await again.aclose()


async def fill_up(store: Store, acknowledged: dict[int, int], size: int) -> None:
    while True:
        number = store.open_transmission("chemistry", "astm", "")
        for n in range(20):
            await append(store, number, os.urandom(size))
            acknowledged[number] = n + 1


def crowd(filler: Path) -> None:
    """Somebody else takes most of what closing the store set free."""
    free = shutil.disk_usage(filler.parent).free
    filler.write_bytes(bytes(max(0, free - MIB // 2)))


def drop(filler: Path) -> None:
    filler.unlink()


@pytest.mark.peer
@pytest.mark.parametrize("when", [60, 120, 240])
def test_a_failing_fdatasync_of_the_kernel(tmp_path: Path, when: int) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    directory = tmp_path / "data"
    inject = f"--inject=fdatasync:error=EIO:when={when}"
    command = [strace, "-f", "-qq", "-o", os.devnull, "--trace=fdatasync", inject]
    victim = [sys.executable, str(HERE / "store_victim.py"), str(directory), "reopen"]
    ended = subprocess.run([*command, *victim], stdout=subprocess.PIPE, check=True, timeout=60)
    promises = Promises()
    promises.hear(ended.stdout.splitlines(keepends=True))
    assert "reopened well" in promises.other
    assert promises.other.count("failed StoreFailed") >= 1
    condition = next(line for line in promises.other if line.startswith("condition"))
    assert condition.startswith("condition failed in doubt")
    asyncio.run(check(directory, promises))
