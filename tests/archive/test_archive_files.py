"""File meta, folders and shared syncs."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pydicom
import pytest

from gateway.archive import Archive, Filed, Index, Offered, Reception
from gateway.archive import reception as archive_reception
from gateway.archive.file_meta import file_meta, read_file_meta
from gateway.archive.reception import Arrived
from gateway.archive.room import Room
from gateway.archive.shelves import SharedSync, Shelves
from gateway.errors import StoreFailed, StoreFull
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE
from gateway.store import SpacePolicy, Store

NOW = datetime(2026, 1, 5, 23, 59, tzinfo=UTC)


def test_file_meta_is_read_back(tmp_path: Path) -> None:
    head = file_meta("1.2.840.10008.5.1.4.1.1.6.1", "1.2.3", EXPLICIT_LE, "VOLUSON")
    found, start = read_file_meta(head + b"data")
    assert start == len(head)
    assert (found[0x0003], found[0x0010], found[0x0016]) == ("1.2.3", EXPLICIT_LE, "VOLUSON")
    path = tmp_path / "one.dcm"
    path.write_bytes(head)
    read = pydicom.dcmread(path)
    assert read.file_meta.MediaStorageSOPInstanceUID == "1.2.3"
    assert read.file_meta.FileMetaInformationGroupLength == len(head) - 144


@pytest.mark.parametrize("cut", [0, 10, 131, 140, 150])
def test_no_file_of_ours(cut: int) -> None:
    head = file_meta("1.2", "1.3", EXPLICIT_LE, "A")
    with pytest.raises(ValueError, match=r"archive|cut off"):
        read_file_meta(head[:cut])


def test_one_sync_serves_all_who_came_before_it_began() -> None:
    entered, go = threading.Event(), threading.Event()
    calls = count(1)
    made: list[int] = []

    def sync() -> None:
        made.append(next(calls))
        entered.set()
        assert go.wait(10)

    shared = SharedSync(sync)
    first = threading.Thread(target=shared)
    first.start()
    assert entered.wait(10)
    others = [threading.Thread(target=shared) for _ in range(5)]
    for thread in others:
        thread.start()
    waiting = threading.Event()
    while shared._asked < 6:
        waiting.wait(0.001)
    go.set()
    for thread in (first, *others):
        thread.join(10)
    assert made == [1, 2]


def test_a_sync_that_fails_fails_for_all_who_wait() -> None:
    """The system tells of a lost write once: asking again would say that all is well."""
    entered, go = threading.Event(), threading.Event()
    outcomes: list[str] = []
    made: list[int] = []

    def sync() -> None:
        made.append(1)
        entered.set()
        assert go.wait(10)
        if len(made) == 1:
            raise OSError(5, "I/O error")

    shared = SharedSync(sync)

    def ask() -> None:
        try:
            shared()
            outcomes.append("on disk")
        except OSError:
            outcomes.append("not")

    first = threading.Thread(target=ask)
    first.start()
    assert entered.wait(10)
    others = [threading.Thread(target=ask) for _ in range(3)]
    for thread in others:
        thread.start()
    waiting = threading.Event()
    while shared._asked < 4:
        waiting.wait(0.001)
    go.set()
    for thread in (first, *others):
        thread.join(10)
    assert (outcomes, len(made)) == (["not"] * 4, 1)
    shared()


def test_a_sync_that_fails_fails_for_its_caller_and_not_for_ever() -> None:
    outcomes = iter([OSError(5, "I/O error"), None])

    def sync() -> None:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome

    shared = SharedSync(sync)
    with pytest.raises(OSError, match="I/O"):
        shared()
    shared()


def shelves(folder: Path, clock: Callable[[], datetime] = lambda: NOW) -> Shelves:
    tokens = count(1)
    made = Shelves(folder / "archive", clock, lambda: f"{next(tokens):032x}")
    made.prepare()
    return made


def test_a_day_is_a_folder(tmp_path: Path) -> None:
    moments = iter([NOW, NOW, datetime(2026, 1, 6, tzinfo=UTC)])
    made = shelves(tmp_path, lambda: next(moments))
    try:
        with made.today() as one, made.today() as other:
            assert one is other
        with made.today() as next_day:
            assert next_day.folder.name == "2026-01-06"
    finally:
        made.close()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_folder_of_long_ago_is_not_kept_open(tmp_path: Path) -> None:
    """One for each day would be too many after some years."""
    day = NOW
    made = shelves(tmp_path, lambda: day)
    try:
        with made.today() as slow:  # a file is moving into it all the time
            before = descriptors()
            for _ in range(50):
                day += timedelta(days=1)
                with made.today() as shelf:
                    shelf.sync()
            assert descriptors() == before + 1
            slow.sync()
        assert descriptors() == before
        with made.today() as shelf:
            shelf.sync()
    finally:
        made.close()
    assert descriptors() == before - 1


def reception(made: Shelves) -> Reception:
    offered = Offered("1.2", "1.3", EXPLICIT_LE, None, "A")
    return Reception(offered, made, lambda: NOW, lambda: None)


def name_of(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of what is synced, in order."""
    names: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        names.append(name_of(descriptor))
        fsync(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", noted)
        yield names


def received(made: Shelves) -> None:
    one = reception(made)
    one.write([memoryview(b"x")])
    one.put_in_place()
    one.arrived()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc names open files")
def test_every_name_on_the_way_to_a_file_is_synced(tmp_path: Path, synced: list[str]) -> None:
    made = shelves(tmp_path)
    try:
        assert synced == [tmp_path.name, "archive"]
        received(made)
        assert synced[2:] == ["archive", f"{1:032x}.part", "2026-01-05"]
        received(made)
        assert synced[5:] == [f"{2:032x}.part", "2026-01-05"]
    finally:
        made.close()


def test_a_day_whose_name_could_not_be_synced_is_synced_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is there by then, and may not be after a power cut."""
    made = shelves(tmp_path)
    fsync, troubles = os.fsync, [OSError(28, "No space left on device")]
    calls: list[int] = []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        if troubles:
            raise troubles.pop()
        fsync(descriptor)

    try:
        monkeypatch.setattr(os, "fsync", failing)
        with pytest.raises(StoreFull):
            received(made)
        assert len(calls) == 1
        received(made)
        assert len(calls) == 4  # the archive, the file, the day
    finally:
        made.close()


@pytest.mark.parametrize("step", [0, 1, 2])  # the archive, the file, the day
def test_what_could_not_be_synced_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """It is not acknowledged: the sender sends it again."""
    made = shelves(tmp_path)
    fsync, steps = os.fsync, count()

    def failing(descriptor: int) -> None:
        if next(steps) == step:
            raise OSError(5, "Input/output error")
        fsync(descriptor)

    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", failing)
            with pytest.raises(StoreFailed, match="cannot be written: Input/output error"):
                received(made)
        assert (made.parts(), made.files()) == ([], [])
    finally:
        made.close()


def test_room_is_looked_for_again_while_much_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_reception, "LOOK", 1_000)
    made = shelves(tmp_path)
    looks = count(1)

    def check_room() -> None:
        if next(looks) == 4:
            raise StoreFull("no room for images")

    try:
        offered = Offered("1.2", "1.3", EXPLICIT_LE, None, "A")
        one = Reception(offered, made, lambda: NOW, check_room)
        for _ in range(5):  # at 0, 1000 and 2000 bytes
            one.write([memoryview(bytes(499)), memoryview(b"x")])
        assert len(made.parts()) == 1
        with pytest.raises(StoreFull):
            one.write([memoryview(bytes(500))])
        assert made.parts() == []
    finally:
        made.close()


def test_ten_thousand_small_pieces(tmp_path: Path) -> None:
    made = shelves(tmp_path)
    try:
        one = reception(made)
        pieces = [memoryview(b"%05d" % number) for number in range(10_000)]
        one.write(pieces)
        one.digest(pieces)
        one.complete()
        arrived = one.arrived()
        raw = made.path(arrived.path).read_bytes()
        assert raw[arrived.offset :] == b"".join(pieces)
        assert arrived.header is None
        assert not made.parts()
    finally:
        made.close()


def test_a_folder_that_is_gone_is_a_failure(tmp_path: Path) -> None:
    made = shelves(tmp_path)
    made.incoming.rmdir()
    with pytest.raises(StoreFailed):
        reception(made).write([memoryview(b"x")])


def test_room_is_less_for_images_than_for_results(tmp_path: Path) -> None:
    Room(tmp_path, SpacePolicy(share=0.0, most=0)).check()
    with pytest.raises(StoreFull):
        Room(tmp_path, SpacePolicy(share=1.0, most=1 << 60)).check()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a niceness is the process's")
async def test_the_archives_threads_give_way_to_the_lines(tmp_path: Path) -> None:
    space = SpacePolicy(share=0.0, most=0, ballast=0)
    store = await Store.open(tmp_path, clock=lambda: NOW, space=space, post=lambda _: None)
    archive = await Archive.open(
        tmp_path / "archive", store, clock=lambda: NOW, token=lambda: "t", space=space
    )

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    try:
        assert await archive.run(niceness) == max(10, niceness())
    finally:
        await archive.aclose()
        await store.aclose()


SPACE = SpacePolicy(share=0.0, most=0, ballast=0)
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


async def opened(folder: Path, store: Store) -> Archive:
    tokens = count(1)
    return await Archive.open(
        folder / "archive", store, clock=lambda: NOW, token=lambda: f"{next(tokens)}", space=SPACE
    )


def finished(folder: Path, name: str) -> Path:
    """A file in its place without a row."""
    place = folder / "archive" / "2026-01-05" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(file_meta(ULTRASOUND, "1.2.3", EXPLICIT_LE, "A") + b"no data set")
    return place


async def test_a_file_without_a_row_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row may have been lost with the store: it was acknowledged then."""
    place = finished(tmp_path, "one.dcm")
    store = await Store.open(tmp_path, clock=lambda: NOW, space=SPACE, post=lambda _: None)

    async def full(_index: Index, _arrived: Arrived) -> Filed:
        raise StoreFull("no room")

    try:
        with monkeypatch.context() as patched:
            patched.setattr(Index, "file", full)
            await (await opened(tmp_path, store)).aclose()
        assert place.is_file()
        archive = await opened(tmp_path, store)
        assert [case.path for case in await archive.index.quarantined()] == ["2026-01-05/one.dcm"]
        await archive.aclose()
    finally:
        await store.aclose()


async def test_one_file_that_cannot_be_read_keeps_nothing_from_starting(tmp_path: Path) -> None:
    finished(tmp_path, "two.dcm")
    (tmp_path / "archive" / "2026-01-05" / "gone.dcm").symlink_to(tmp_path / "nowhere")
    (tmp_path / "archive" / "2026-01-05" / "folder.dcm").mkdir()
    store = await Store.open(tmp_path, clock=lambda: NOW, space=SPACE, post=lambda _: None)
    try:
        archive = await opened(tmp_path, store)
        assert [case.path for case in await archive.index.quarantined()] == ["2026-01-05/two.dcm"]
        await archive.aclose()
    finally:
        await store.aclose()
