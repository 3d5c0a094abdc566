"""A watched folder: whole files only, moved only as they were read, never written over."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.transports import Folder, InvalidAddress, StreamAddress, anchored, configured, inbox
from gateway.transports.inbox import LATE, Inbox


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Watched:
    folder: Folder
    clock: Clock
    inbox: Inbox

    def after(self, seconds: float) -> list[str]:
        """Names that are ready when so much time has passed since the last look."""
        self.clock.now += seconds
        return [path.name for path in self.inbox.ready()]

    def content(self, name: str) -> bytes | None:
        found = self.inbox.read(self.folder.path / name)
        return None if found is None else found.data


def watched(path: Path, **settings: object) -> Watched:
    folder = Folder(path, **settings)  # type: ignore[arg-type]
    clock = Clock()
    inbox = Inbox(folder, clock, lambda data: data.endswith(b"\n"))
    inbox.ready()
    return Watched(folder, clock, inbox)


def test_a_file_is_ready_when_it_has_stayed_the_same(tmp_path: Path) -> None:
    here = watched(tmp_path, settle=5)
    (tmp_path / "a.csv").write_bytes(b"1\n")
    assert here.after(1) == []
    assert here.after(4) == []
    with (tmp_path / "a.csv").open("ab") as file:
        file.write(b"2\n")
    assert here.after(4) == []
    assert here.after(5) == ["a.csv"]
    assert here.content("a.csv") == b"1\n2\n"


def test_what_may_be_cut_off_waits_longer(tmp_path: Path) -> None:
    here = watched(tmp_path)
    (tmp_path / "half.csv").write_bytes(b"1,2")
    here.after(0)
    assert here.after(5) == ["half.csv"]
    assert here.content("half.csv") is None
    assert here.inbox.troubles == {"perhaps not complete": 1}
    here.after(LATE)
    assert here.content("half.csv") == b"1,2"


@pytest.mark.parametrize("name", [".hidden.csv", "a.csv.part", "a.tmp", "~$a.xlsx", "b.txt"])
def test_names_that_are_left_alone(tmp_path: Path, name: str) -> None:
    here = watched(tmp_path, pattern="*.csv")
    (tmp_path / name).write_bytes(b"1\n")
    here.after(0)
    assert here.after(50) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "secret.csv"
    inside.mkdir()
    outside.write_bytes(b"1\n")
    (inside / "a.csv").symlink_to(outside)
    here = watched(inside)
    here.after(0)
    assert here.after(50) == []


def test_subfolders_when_asked_and_never_the_archive(tmp_path: Path) -> None:
    for name in ("sub/deep", "archive/old"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{name[:3]}.csv").write_bytes(b"1\n")
    flat, deep = watched(tmp_path), watched(tmp_path, subfolders=True)
    for here, expected in ((flat, []), (deep, ["sub.csv"])):
        here.after(0)
        assert here.after(50) == expected


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_a_locked_file_waits(tmp_path: Path, lock: object) -> None:
    here = watched(tmp_path)
    path = tmp_path / "a.csv"
    path.write_bytes(b"1\n")
    here.after(0)
    here.after(9)
    ready, ending = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:  # locks of the second kind belong to a process
        descriptor = os.open(path, os.O_RDWR)
        lock(descriptor, fcntl.LOCK_EX)  # type: ignore[operator]
        os.write(ready[1], b"x")
        os.read(ending[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert here.content("a.csv") is None
    assert here.inbox.troubles == {"locked by another program": 1}
    os.write(ending[1], b"x")
    os.waitpid(child, 0)
    assert here.content("a.csv") == b"1\n"
    for descriptor in (*ready, *ending):
        os.close(descriptor)


def test_a_taken_file_is_moved_and_nothing_is_written_over(tmp_path: Path) -> None:
    here = watched(tmp_path)
    for content in (b"1\n", b"2\n"):
        (tmp_path / "a.csv").write_bytes(content)
        here.after(0)
        here.after(9)
        document = here.inbox.read(tmp_path / "a.csv")
        assert document is not None
        assert here.inbox.archive(document)
    assert not (tmp_path / "a.csv").exists()
    assert (tmp_path / "archive/a.csv").read_bytes() == b"1\n"
    assert (tmp_path / "archive/a-2.csv").read_bytes() == b"2\n"
    assert (tmp_path / "archive").stat().st_mode & 0o777 == 0o700


def test_a_file_that_grew_after_it_was_read_stays(tmp_path: Path) -> None:
    here = watched(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"1\n")
    here.after(0)
    here.after(9)
    document = here.inbox.read(tmp_path / "a.csv")
    assert document is not None
    with (tmp_path / "a.csv").open("ab") as file:
        file.write(b"2\n")
    assert not here.inbox.archive(document)
    here.after(0)
    assert not here.inbox.taken(tmp_path / "a.csv")
    assert here.after(9) == ["a.csv"]
    assert here.content("a.csv") == b"1\n2\n"


def test_a_file_that_cannot_be_moved_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_bytes(b"a file where the archive should be")
    here = watched(tmp_path, pattern="*.csv", archive=tmp_path / "blocked")
    (tmp_path / "a.csv").write_bytes(b"1\n")
    here.after(0)
    here.after(9)
    document = here.inbox.read(tmp_path / "a.csv")
    assert document is not None
    assert not here.inbox.archive(document)
    assert here.after(9) == ["a.csv"]
    assert here.inbox.taken(tmp_path / "a.csv")
    (tmp_path / "blocked").unlink()
    here.inbox.retry_move(tmp_path / "a.csv")
    assert (tmp_path / "blocked/a.csv").read_bytes() == b"1\n"


def test_an_empty_file_and_a_giant_one_wait_and_are_counted(tmp_path: Path) -> None:
    here = watched(tmp_path)
    (tmp_path / "empty.csv").touch()
    with (tmp_path / "giant.csv").open("wb") as file:
        file.truncate(64 << 20)
    here.after(0)
    assert here.after(99) == ["empty.csv", "giant.csv"]
    assert here.content("empty.csv") is here.content("giant.csv") is None
    assert here.inbox.troubles == {"empty": 1, "larger than 32 MiB": 1}


def test_a_folder_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        watched(tmp_path / "nowhere")


def test_forms_of_a_folder() -> None:
    text = "file:/in?pattern=*.csv&settle=9&subfolders=yes&archive=/done"
    folder = configured(text)
    assert folder == Folder(Path("/in"), "*.csv", 9, True, Path("/done"))
    assert str(folder) == text
    assert configured("file:./in") == Folder(Path("in"))
    assert anchored("file:./in?archive=done", Path("/site")) == "file:/site/in?archive=/site/done"
    assert anchored("tcp:127.0.0.1:1", Path("/site")) == "tcp:127.0.0.1:1"
    assert configured("tcp:127.0.0.1:1") == StreamAddress.parse("tcp:127.0.0.1:1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file:", "needs a folder"),
        ("file:x?patern=*", "did you mean pattern="),
        ("file:x?settle=0", "1 to 9999"),
        ("file:x?settle=1&settle=2", "given twice"),
        ("file:x?subfolders=1", "yes, no"),
        ("file:x\n", "one line"),
    ],
)
def test_mistakes_in_a_folder(text: str, says: str) -> None:
    with pytest.raises(InvalidAddress, match=says):
        configured(text)


def test_a_folder_is_no_line() -> None:
    with pytest.raises(InvalidAddress, match="no line"):
        StreamAddress.parse("file:./incoming")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_file_that_is_replaced_while_it_is_moved_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    """``elsewhere``: the archive is on another file system, and it is replaced during the copy."""
    here = watched(tmp_path)
    path = tmp_path / "last.csv"
    path.write_bytes(b"1\n")
    here.after(0)
    here.after(5)
    document = here.inbox.read(path)
    assert document is not None

    def replace(*_: object) -> None:
        (tmp_path / ".new").write_bytes(b"2\n")
        (tmp_path / ".new").replace(path)

    claimed = inbox._claimed

    @contextmanager
    def claiming(target: Path) -> Iterator[Path]:
        with claimed(target) as place:
            if target.parent != tmp_path and not elsewhere:
                replace()
            yield place

    rename = Path.rename

    def renamed(source: Path, target: Path) -> Path:
        if elsewhere and source == path:
            raise OSError(errno.EXDEV, "another file system")
        return rename(source, target)

    monkeypatch.setattr(inbox, "_claimed", claiming)
    monkeypatch.setattr(Path, "rename", renamed)
    if elsewhere:
        monkeypatch.setattr(os, "fsync", replace)
    assert not here.inbox.archive(document)
    monkeypatch.undo()
    assert path.read_bytes() == b"2\n"
    assert list((tmp_path / "archive").iterdir()) == []
    here.after(0)
    assert here.after(5) == ["last.csv"]
    assert not here.inbox.taken(path)
    assert here.content("last.csv") == b"2\n"


def test_devices_that_share_an_archive_do_not_write_over_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have chosen a name before either moves its file."""
    chosen, move = threading.Barrier(2, timeout=10), inbox._move

    def moved(source: Path, target: Path, stamp: inbox.Stamp) -> bool:
        chosen.wait()
        return move(source, target, stamp)

    monkeypatch.setattr(inbox, "_move", moved)
    shared, folders = tmp_path / "taken", [tmp_path / "one", tmp_path / "two"]
    watching = []
    for folder in folders:
        folder.mkdir()
        (folder / "result.csv").write_text(f"{folder.name}\n")
        here = watched(folder, archive=shared)
        here.after(0)
        here.after(5)
        document = here.inbox.read(folder / "result.csv")
        assert document is not None
        watching.append((here.inbox, document))
    with ThreadPoolExecutor(2) as threads:
        done = [threads.submit(one.archive, document) for one, document in watching]
        assert [one.result() for one in done] == [True, True]
    assert sorted(path.read_text() for path in shared.iterdir()) == ["one\n", "two\n"]
    assert [list(folder.iterdir()) for folder in folders] == [[], []]


def test_a_name_that_was_held_for_nothing_is_given_free(tmp_path: Path) -> None:
    here = watched(tmp_path)
    path = tmp_path / "a.csv"
    path.write_bytes(b"1\n")
    here.after(0)
    here.after(5)
    document = here.inbox.read(path)
    assert document is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inbox, "_move", _refused)
        assert not here.inbox.archive(document)
    assert list((tmp_path / "archive").iterdir()) == []
    assert path.read_bytes() == b"1\n"


def _refused(*_: object) -> bool:
    raise PermissionError(errno.EACCES, "no")


def test_what_a_power_cut_left_of_a_copy_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = watched(tmp_path)
    path = tmp_path / "a.csv"
    path.write_bytes(b"1\n")
    here.after(0)
    here.after(5)
    document = here.inbox.read(path)
    assert document is not None
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/.a.csv.part").write_bytes(b"half of it")
    rename = Path.rename

    def renamed(source: Path, target: Path) -> Path:
        if source == path:
            raise OSError(errno.EXDEV, "another file system")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", renamed)
    assert here.inbox.archive(document)
    assert [one.name for one in (tmp_path / "archive").iterdir()] == ["a.csv"]
    assert (tmp_path / "archive/a.csv").read_bytes() == b"1\n"
