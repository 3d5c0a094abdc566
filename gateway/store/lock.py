"""One process at a time owns a data directory.

An advisory ``flock`` on ``gateway.lock``: it goes with the process however that ends, so nothing
has to be cleaned up after a kill.  The owner's process id stands in the file for the message.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from gateway.errors import StoreInUse
from gateway.store.connection import sync_directory


class DirectoryLock:
    """Held from construction to ``release()``.  ``StoreInUse`` when another process has it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "gateway.lock"
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise StoreInUse(
                f"{directory} is in use by another gateway (process {owner}); stop it first"
            ) from error
        with suppress(OSError):  # a full disk: the store has room put by, and says what is wrong
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def take_directory(directory: Path) -> DirectoryLock:
    """Makes the data directory if need be, for its owner's eyes only, and locks it."""
    if not directory.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory.parent)
    return DirectoryLock(directory)
