"""Drops each message as a file for another program to collect.

A file appears under its name complete and on disk, or not at all: temporary name in the same
directory, fsync, then the name, then fsync of the directory.  Names come from control ids alone.
A file that exists is never overwritten: the same bytes mean it was delivered before a crash, other
bytes get the next free number.  The directory is never made here: a missing one is a mount that
went away.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.delivery.base import Receipt
from gateway.errors import Refused, Unreachable
from gateway.store.messages import OutboxEntry

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
_SENTENCES = {
    errno.ENOENT: "the directory does not exist; is its file system mounted?",
    errno.ENOTDIR: "it is not a directory",
    errno.EACCES: "the gateway may not write there",
    errno.EPERM: "the gateway may not write there",
    errno.EROFS: "its file system is read-only",
    errno.ENOSPC: "no room left",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "the message is larger than files may be there",
    errno.EIO: "the disk reports an error",
    errno.ESTALE: "the network file system lost it",
    errno.ENOTCONN: "the network file system is not connected",
    errno.EHOSTDOWN: "the file server is down",
    errno.ETIMEDOUT: "the file server does not answer",
}


class FileDrop:
    """``directory`` must exist; ``extension`` begins with a dot."""

    concurrency = 1

    def __init__(self, directory: Path, *, extension: str = ".hl7") -> None:
        self._directory = directory
        self._extension = extension

    async def open(self) -> None:
        await asyncio.to_thread(self._look)

    async def deliver(self, entry: OutboxEntry) -> Receipt:
        if not _NAME.fullmatch(entry.control_id):
            raise Refused("the control id cannot be a file name")
        return await asyncio.to_thread(self._drop, entry.control_id, entry.body)

    async def serve(self, lost: Callable[[str], None]) -> None:
        await asyncio.get_running_loop().create_future()

    def expect(self, entry: OutboxEntry) -> None:
        """A directory gives no second answer."""

    def _look(self) -> None:
        with self._sentences():
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
            os.close(descriptor)
            if not os.access(self._directory, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, "")

    def _drop(self, control_id: str, body: bytes) -> Receipt:
        with self._sentences():
            temporary = self._directory / f".{control_id}.part"
            try:
                _write_through(temporary, body)
                answer = self._publish(temporary, control_id, body)
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
            _sync_directory(self._directory)
            return Receipt(answer)

    def _publish(self, temporary: Path, control_id: str, body: bytes) -> str:
        for name in self._names(control_id):
            try:
                _give_name(temporary, name)
            except FileExistsError:
                if _holds(name, body):
                    return "written before"
            else:
                return "written"
        raise Refused("too many files with this control id and other contents")

    def _names(self, control_id: str) -> Iterator[Path]:
        yield self._directory / f"{control_id}{self._extension}"
        for number in range(2, 100):
            yield self._directory / f"{control_id}.{number}{self._extension}"

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = _SENTENCES.get(error.errno or 0) or os.strerror(error.errno or errno.EIO)
            raise Unreachable(f"cannot write to {self._directory}: {why}") from error


def _write_through(path: Path, body: bytes) -> None:
    """A new file, never one that a link of that name leads to; its group may read it."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())


def _give_name(temporary: Path, name: Path) -> None:
    """Like rename, but fails when ``name`` exists; FileExistsError then."""
    try:
        name.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError as error:  # FAT and some network shares know no hard links
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, "") from None
        temporary.rename(name)


def _holds(path: Path, body: bytes) -> bool:
    """Whether ``path`` is a file of exactly these bytes, and on disk."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != len(body):
        return False
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return file.read() == body


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
