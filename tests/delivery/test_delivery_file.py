from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivery_bench import Witness, an_entry, enqueue, message, oru, running, states

from gateway.delivery.file import FileDrop
from gateway.errors import Refused, Unreachable
from gateway.store import MessageState, Store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "outgoing"
    path.mkdir()
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_message_becomes_a_file_of_the_same_bytes(folder: Path) -> None:
    receipt = await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert receipt.answer == "written"
    assert names(folder) == ["ABC234.hl7"]
    assert (folder / "ABC234.hl7").read_bytes() == oru("ABC234")


async def test_the_extension_can_be_chosen(folder: Path) -> None:
    await FileDrop(folder, extension=".txt").deliver(an_entry(control_id="ABC234"))
    assert names(folder) == ["ABC234.txt"]


async def test_a_file_written_before_a_crash_is_not_written_twice(folder: Path) -> None:
    drop = FileDrop(folder)
    await drop.deliver(an_entry(control_id="ABC234"))
    before = (folder / "ABC234.hl7").stat().st_ino
    assert (await drop.deliver(an_entry(control_id="ABC234"))).answer == "written before"
    assert names(folder) == ["ABC234.hl7"]
    assert (folder / "ABC234.hl7").stat().st_ino == before


async def test_nothing_is_ever_overwritten(folder: Path) -> None:
    (folder / "ABC234.hl7").write_bytes(b"somebody else's")
    (folder / "ABC234.2.hl7").symlink_to(folder / "ABC234.hl7")
    await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert names(folder) == ["ABC234.2.hl7", "ABC234.3.hl7", "ABC234.hl7"]
    assert (folder / "ABC234.hl7").read_bytes() == b"somebody else's"
    assert (folder / "ABC234.3.hl7").read_bytes() == oru("ABC234")


async def test_what_a_crash_left_half_written_is_replaced(folder: Path) -> None:
    (folder / ".ABC234.part").write_bytes(b"MSH|half")
    await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert names(folder) == ["ABC234.hl7"]


async def test_a_file_system_without_hard_links(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, "")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (folder / "ABC234.hl7").write_bytes(b"somebody else's")
    drop = FileDrop(folder)
    await drop.deliver(an_entry(control_id="ABC234"))
    await drop.deliver(an_entry(control_id="DEF567"))
    assert names(folder) == ["ABC234.2.hl7", "ABC234.hl7", "DEF567.hl7"]
    assert (folder / "ABC234.hl7").read_bytes() == b"somebody else's"


@pytest.mark.parametrize("control_id", ["", "../x", "a/b", ".hidden", "a.b", "a b", "x" * 65, "ä"])
async def test_a_control_id_that_is_no_file_name(control_id: str, folder: Path) -> None:
    with pytest.raises(Refused):
        await FileDrop(folder).deliver(an_entry(control_id=control_id))
    assert names(folder) == []


async def test_the_order_of_syncs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is on disk before it has its name, and the name before it is delivered."""
    seen: list[str] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        seen.append(f"{kind} {names(folder)}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert seen == ["file ['.ABC234.part']", "folder ['ABC234.hl7']"]


async def test_a_missing_directory_is_said_and_not_made(tmp_path: Path) -> None:
    drop = FileDrop(tmp_path / "absent")
    for attempt in (drop.open(), drop.deliver(an_entry())):
        with pytest.raises(Unreachable, match="the directory does not exist"):
            await attempt
    assert not (tmp_path / "absent").exists()


async def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unreachable, match="not a directory"):
        await FileDrop(tmp_path / "file").open()


async def test_a_directory_nobody_may_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(Unreachable, match="may not write there"):
        await FileDrop(folder).open()


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no room left"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "the disk reports an error"),
        (errno.ESTALE, "network file system"),
        (errno.EBUSY, os.strerror(errno.EBUSY)),
    ],
)
async def test_faults_of_the_disk(
    number: int, sentence: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Unreachable, match=sentence):
        await FileDrop(folder).deliver(an_entry())
    assert names(folder) == []


@contextmanager
def small_files() -> Iterator[None]:
    """The limit is the process's: it must be over before the test runner writes its own output."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_stops_in_the_middle_leaves_nothing(folder: Path) -> None:
    with small_files(), pytest.raises(Unreachable, match="larger than files may be"):
        await FileDrop(folder).deliver(an_entry(body=b"x" * 5_000))
    assert names(folder) == []


async def test_a_directory_that_comes_and_goes_gets_everything(
    tmp_path: Path, store: Store, witness: Witness
) -> None:
    folder = tmp_path / "outgoing"
    expected = [f"M{number:05d}" for number in range(30)]
    await enqueue(store, [message(name, lane=name) for name in expected])
    async with running(store, FileDrop(folder), witness):
        assert "does not exist" in (await witness.became(up=False)).detail
        folder.mkdir()
        await witness.delivered(30)
    assert names(folder) == [f"{name}.hl7" for name in expected]
    assert set((await states(store)).values()) == {MessageState.DELIVERED}


async def test_a_stop_waits_for_the_file(folder: Path, store: Store, witness: Witness) -> None:
    await enqueue(store, [message(f"M{number:05d}") for number in range(50)])
    async with running(store, FileDrop(folder), witness):
        await witness.delivered(1)
    written = {name.removesuffix(".hl7") for name in names(folder)}
    delivered = {n for n, s in (await states(store)).items() if s is MessageState.DELIVERED}
    assert delivered <= written
    assert len(written - delivered) <= 1


async def test_a_link_in_the_folder_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    """Whoever may write there must not write elsewhere through us."""
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    (folder / ".ABC234.part").symlink_to(other)
    (folder / "ABC234.hl7").symlink_to(other)
    await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert other.read_bytes() == b"mine"
    assert (folder / "ABC234.2.hl7").read_bytes() == oru("ABC234")
    assert not (folder / "ABC234.2.hl7").is_symlink()


async def test_a_file_is_not_everybodys(folder: Path) -> None:
    await FileDrop(folder).deliver(an_entry(control_id="ABC234"))
    assert (folder / "ABC234.hl7").stat().st_mode & 0o137 == 0
