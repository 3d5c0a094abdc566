"""The archive's folders: parts in ``incoming``, finished files in one folder a day.

Names are ours: a day and a random token, never anything from a wire.  A folder is synced after a
file was moved into it; files that finish together share one sync.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Condition, Lock

INCOMING = "incoming"
PART = ".part"
SUFFIX = ".dcm"


class SharedSync:
    """One fsync for everybody whose change was made before it began.

    One that fails fails for everybody who waits: the system tells of a lost write once, so a second
    attempt would say that all is well.
    """

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._turn = Condition(Lock())
        self._asked = 0
        self._done = 0
        self._waiting: set[int] = set()
        self._lost: dict[int, OSError] = {}
        self._running = False

    def __call__(self) -> None:
        """Returns when everything done before the call is on disk.  OSError when it is not."""
        with self._turn:
            self._asked += 1
            mine = self._asked
            self._waiting.add(mine)
            while self._running and self._done < mine and mine not in self._lost:
                self._turn.wait()
            self._waiting.discard(mine)
            if (error := self._lost.pop(mine, None)) is not None:
                raise OSError(*error.args)
            if self._done >= mine:
                return
            self._running, upto = True, self._asked
        try:
            self._sync()
        except OSError as error:
            self._finished(0, error)
            raise
        self._finished(upto)

    def _finished(self, upto: int, error: OSError | None = None) -> None:
        with self._turn:
            self._running = False
            self._done = max(self._done, upto)
            if error is not None:
                self._lost |= {one: error for one in self._waiting if one > self._done}
            self._turn.notify_all()


class Shelf:
    """One day's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.sync = SharedSync(lambda: os.fsync(self.descriptor))
        self.users = 0

    def close(self) -> None:
        os.close(self.descriptor)


class Shelves:
    """All folders below ``directory``.  Methods block and may be called from any thread."""

    def __init__(
        self, directory: Path, clock: Callable[[], datetime], token: Callable[[], str]
    ) -> None:
        self.directory = directory
        self.incoming = directory / INCOMING
        self._clock = clock
        self._token = token
        self._lock = Lock()
        self._shelf: Shelf | None = None
        self._old: list[Shelf] = []  # a file is just moving into them

    def prepare(self) -> None:
        """Makes the folders that must be there."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.incoming.mkdir(exist_ok=True, mode=0o700)
        sync_folder(self.directory.parent)
        sync_folder(self.directory)

    def part(self) -> tuple[str, Path]:
        """A new token and the part file it is for."""
        token = self._token()
        return token, self.incoming / f"{token}{PART}"

    @contextmanager
    def today(self) -> Iterator[Shelf]:
        """Where files go now; it stays open as long as somebody is in there."""
        name = self._clock().strftime("%Y-%m-%d")
        with self._lock:
            shelf = self._shelf
            if shelf is None or shelf.name != name:
                shelf = self._open(self.directory / name)
                self._old += [self._shelf] if self._shelf is not None else []
                self._shelf = shelf
            shelf.users += 1
            self._tidy()
        try:
            yield shelf
        finally:
            with self._lock:
                shelf.users -= 1
                self._tidy()

    def parts(self) -> list[Path]:
        """What was being received when the gateway stopped."""
        return sorted(self.incoming.glob(f"*{PART}"))

    def files(self) -> list[Path]:
        """Every finished file."""
        return sorted(self.directory.glob(f"????-??-??/*{SUFFIX}"))

    def path(self, name: str) -> Path:
        """Of a name the index holds."""
        return self.directory / name

    def close(self) -> None:
        with self._lock:
            for shelf in (*self._old, *((self._shelf,) if self._shelf else ())):
                shelf.close()
            self._old, self._shelf = [], None

    def _tidy(self) -> None:
        for shelf in [one for one in self._old if not one.users]:
            self._old.remove(shelf)
            shelf.close()

    def _open(self, folder: Path) -> Shelf:
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self.directory)  # also when it is there: the last attempt may have ended here
        return Shelf(folder)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
