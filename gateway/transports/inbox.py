"""The files of a watched folder: which are whole, what is in them, where they go when taken.

A file is offered when its size and time have not changed for ``settle`` seconds, nobody holds a
lock on it and it looks whole; one that may be cut off waits ``LATE`` seconds more.  It is moved
only as it was read: one that grew meanwhile stays and is offered anew.  Links, hidden and
unfinished names are left alone.  What cannot be read is counted and said in words without its name,
which may be a patient's.  Everything here blocks and runs in a thread.
"""

from __future__ import annotations

import errno
import fcntl
import fnmatch
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.transports.folder import Folder

LARGEST: Final = 32 * 1024 * 1024
LATE: Final = 60.0
_DEEPEST: Final = 8
_MOST: Final = 20_000
_UNFINISHED: Final = (
    ".part",
    ".tmp",
    ".temp",
    ".filepart",
    ".crdownload",
    ".partial",
    ".lock",
    "~",
)

Stamp = tuple[int, int, int]
"""Inode, size, time of change: another one means another content."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole file.  ``digest`` is the SHA-256 of its content."""

    path: Path = field(repr=False)
    stamp: Stamp
    data: bytes = field(repr=False)
    digest: str


@dataclass(slots=True)
class Seen:
    """A file as it was, and since when it has been so."""

    stamp: Stamp
    since: float


class Inbox:
    """``whole`` judges a file's content; ``clock`` is monotonic seconds."""

    def __init__(
        self, folder: Folder, clock: Callable[[], float], whole: Callable[[bytes], bool]
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._whole = whole
        self._seen: dict[Path, Seen] = {}
        self._taken: dict[Path, Stamp] = {}
        self.troubles: dict[str, int] = {}

    def ready(self) -> list[Path]:
        """Files that have settled, the oldest first.  OSError when the folder cannot be listed."""
        self.troubles = {}
        now, found = self._clock(), dict(self._files())
        self._seen = {path: self._same(path, stamp, now) for path, stamp in found.items()}
        self._taken = {p: stamp for p, stamp in self._taken.items() if found.get(p) == stamp}
        settled = [path for path in found if now - self._seen[path].since >= self._folder.settle]
        return sorted(settled, key=lambda path: (found[path][2], path.name))

    def read(self, path: Path) -> Document | None:
        """The file, or None while it must wait."""
        seen = self._seen.get(path)
        data = None if seen is None else self._content(path, seen.stamp)
        if data is None or seen is None:
            return None
        late = self._clock() - seen.since >= self._folder.settle + LATE
        if not late and not self._whole(data):
            self._waits("perhaps not complete")
            return None
        return Document(path, seen.stamp, data, hashlib.sha256(data).hexdigest())

    def taken(self, path: Path) -> bool:
        """Whether this very file was taken before and could not be moved."""
        seen = self._seen.get(path)
        return seen is not None and self._taken.get(path) == seen.stamp

    def archive(self, document: Document) -> bool:
        """Moves a file whose content is on disk; False when it stays: changed, or not movable."""
        self._taken[document.path] = document.stamp
        try:
            if _stamp(document.path.stat()) != document.stamp:
                return False
            target = self._target(document)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _claimed(target) as place:
                return _move(document.path, place, document.stamp)
        except FileNotFoundError:
            return False
        except OSError as error:
            self._waits(f"taken but not movable: {(error.strerror or 'error').lower()}")
            return False

    def retry_move(self, path: Path) -> None:
        """Tries again for a file that was taken before."""
        stamp = self._taken.get(path)
        if stamp is not None:
            self.archive(Document(path, stamp, b"", ""))

    def _files(self) -> Iterator[tuple[Path, Stamp]]:
        entries = self._entries()
        for _, entry in zip(range(_MOST), entries, strict=False):
            if not self._wanted(entry):
                continue
            with suppress(FileNotFoundError):
                yield Path(entry.path), _stamp(entry.stat(follow_symlinks=False))
        if next(entries, None) is not None:
            self._waits(f"beyond {_MOST} files")

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        """Of the folder, whose errors are the caller's, and of those below."""
        waiting = [(self._folder.path, 0)]
        while waiting:
            folder, depth = waiting.pop()
            try:
                with os.scandir(folder) as found:
                    entries = list(found)
            except OSError as error:
                if depth == 0:
                    raise
                self._waits(f"a subfolder: {(error.strerror or 'cannot be read').lower()}")
                continue
            yield from entries
            if self._folder.subfolders and depth < _DEEPEST:
                waiting += [(Path(e.path), depth + 1) for e in entries if self._below(e)]

    def _below(self, entry: os.DirEntry[str]) -> bool:
        is_folder = entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
        return is_folder and Path(entry.path) != self._folder.archived

    def _wanted(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name
        finished = not name.startswith((".", "~$")) and not name.lower().endswith(_UNFINISHED)
        fits = fnmatch.fnmatch(name.lower(), self._folder.pattern.lower())
        return finished and fits and entry.is_file(follow_symlinks=False)

    def _same(self, path: Path, stamp: Stamp, now: float) -> Seen:
        before = self._seen.get(path)
        return before if before is not None and before.stamp == stamp else Seen(stamp, now)

    def _content(self, path: Path, stamp: Stamp) -> bytes | None:
        """All of it, and only if it is still the file that settled."""
        if not 0 < stamp[1] <= LARGEST:
            self._waits("empty" if stamp[1] == 0 else f"larger than {LARGEST >> 20} MiB")
            return None
        try:
            with path.open("rb") as file:
                if _locked(file.fileno()):
                    self._waits("locked by another program")
                    return None
                data = file.read(LARGEST + 1)
                after = _stamp(os.fstat(file.fileno()))
        except OSError as error:
            self._waits((error.strerror or "cannot be read").lower())
            return None
        return data if after == stamp and len(data) == stamp[1] else None

    def _waits(self, why: str) -> None:
        self.troubles[why] = self.troubles.get(why, 0) + 1

    def _target(self, document: Document) -> Path:
        with suppress(ValueError):
            return self._folder.archived / document.path.relative_to(self._folder.path)
        return self._folder.archived / document.path.name


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _locked(descriptor: int) -> bool:
    """Whether another program holds a lock of either kind; ours are let go at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(descriptor, fcntl.LOCK_UN)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    return False


@contextmanager
def _claimed(target: Path) -> Iterator[Path]:
    """A name nobody has, held by an empty file that may be replaced: archived files are never
    written over, and several devices may share an archive."""
    number, place = 1, target
    while (ours := _made(place)) is None:
        number += 1
        place = target.with_name(f"{target.stem}-{number}{target.suffix}")
    try:
        yield place
    finally:
        with suppress(FileNotFoundError):
            if place.stat().st_ino == ours:
                place.unlink()


def _made(path: Path) -> int | None:
    """The inode of a new empty file; None where there is something already."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return None
    try:
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def _move(source: Path, target: Path, stamp: Stamp) -> bool:
    """A rename; to another file system a copy that is on disk before the original goes.

    False when it was not the file of ``stamp`` any more: then it is where it was."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return _copied(source, target, stamp)
    if _stamp(target.stat()) == stamp:
        return True
    with _claimed(source) as place:
        target.rename(place)
    return False


def _copied(source: Path, target: Path, stamp: Stamp) -> bool:
    partial = target.with_name(f".{target.name}.part")
    with source.open("rb") as reading, partial.open("wb") as writing:
        while block := reading.read(1 << 20):
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
    if _stamp(source.stat()) != stamp:
        partial.unlink()
        return False
    partial.rename(target)
    source.unlink()
    return True
