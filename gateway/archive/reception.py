"""One instance on its way to disk: part file, hash on the way, sync, rename, folder sync.

The methods block and are called in any thread, one after the other; only ``digest`` goes beside
``write`` and ``put_in_place``, on the same pieces in the same order, and when all are written
``read_header`` beside ``put_in_place``.  Room is asked about before
anything is written and again every ``LOOK`` bytes; without it, or when the disk says so,
``StoreFull``; any other trouble of the disk is ``StoreFailed``.  Either way the part is gone.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.archive.elements import Unreadable
from gateway.archive.file_meta import file_meta
from gateway.archive.header import Header, scan
from gateway.archive.shelves import SUFFIX, Shelves
from gateway.errors import StoreError, StoreFailed, StoreFull

LOOK: Final = 32 * 1024 * 1024
AHEAD: Final = 512 * 1024  # no more at once, so that the sync of an analyzer's frame comes between
WINDOW: Final = 64 * 1024
_VECTORS: Final = 1000  # buffers of one writev
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Offered:
    """What a sender says it sends, and who it is."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    device: str | None
    calling: str
    called: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file in its place, on disk, not yet in the index.  ``path`` is below the archive.

    ``sha256`` and ``size`` are of the data set alone, which begins at ``offset``.  Without a
    ``header`` it could not be read; ``problem`` says why.
    """

    offered: Offered
    header: Header | None
    problem: str
    sha256: bytes
    size: int
    offset: int
    path: str
    received_at: datetime


class Window:
    """A file as a source: reads ahead a little."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._at = 0
        self._data = b""

    def read(self, at: int, count: int) -> bytes:
        start = at - self._at
        if start < 0 or start + count > len(self._data):
            self._data = os.pread(self._descriptor, max(count, WINDOW), self._offset + at)
            self._at, start = at, 0
        return self._data[start : start + count]


class Reception:
    """Nothing is on disk before ``begin``, which the first ``write`` does unless it was done."""

    def __init__(
        self,
        offered: Offered,
        shelves: Shelves,
        clock: Callable[[], datetime],
        check_room: Callable[[], None],
    ) -> None:
        self.offered = offered
        self._shelves = shelves
        self._clock = clock
        self._check_room = check_room
        self._hash = hashlib.sha256()
        self._descriptor = -1
        self._token = ""
        self._part: Path | None = None
        self._offset = 0
        self._head: list[memoryview] = []
        self._size = 0
        self._looked = 0
        self._started = 0
        self._scanned: tuple[Header | None, str] = (None, "")
        self._name = ""

    def digest(self, pieces: Sequence[memoryview]) -> None:
        """Takes the next bytes into the hash."""
        for piece in pieces:
            self._hash.update(piece)

    def begin(self) -> None:
        """Asks for room and makes the part file, while the first bytes still arrive."""
        try:
            self._begin()
        except (OSError, StoreError) as error:
            self.discard()
            raise _translated(error) from None

    def write(self, pieces: Sequence[memoryview], *, hasten: bool = False) -> None:
        """The next bytes of the data set; ``hasten``: the disk begins with them at once.

        StoreError: nothing of it is left.
        """
        try:
            if self._part is None:
                self._begin()
            self._write_all(pieces)
            if hasten:
                self._start_writeback()
        except (OSError, StoreError) as error:
            self.discard()
            raise _translated(error) from None

    def complete(self) -> None:
        """When all is written: the header is read and the file is in its place."""
        self.read_header()
        self.put_in_place()

    def read_header(self) -> None:
        """Finds out what it is."""
        source = Window(self._descriptor, self._offset)
        try:
            header = scan(source, self._size, self.offered.transfer_syntax)
            self._scanned = (header, "")
        except Unreadable as error:
            self._scanned = (None, str(error))
        except OSError as error:
            raise _translated(error) from None

    def put_in_place(self) -> None:
        """Syncs the file, moves it to its place, syncs the folder."""
        try:
            self._put_in_place()
        except OSError as error:
            self.discard()
            raise _translated(error) from None

    def arrived(self) -> Arrived:
        """After everything else."""
        self._close()
        header, problem = self._scanned
        return Arrived(
            self.offered,
            header,
            problem,
            self._hash.digest(),
            self._size,
            self._offset,
            self._name,
            self._clock(),
        )

    def discard(self) -> None:
        """Removes what was written so far.  Harmless when there is nothing."""
        self._close()
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink()
        self._part = None

    def _begin(self) -> None:
        self._check_room()
        self._token, self._part = self._shelves.part()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._part, flags, 0o600)
        offered = self.offered
        meta = file_meta(
            offered.sop_class_uid,
            offered.sop_instance_uid,
            offered.transfer_syntax,
            offered.calling,
        )
        self._offset = len(meta)
        self._head = [memoryview(meta)]

    def _write_all(self, pieces: Sequence[memoryview]) -> None:
        head, self._head = self._head, []  # written with the first bytes
        _write(self._descriptor, [*head, *pieces[:_VECTORS]])
        for start in range(_VECTORS, len(pieces), _VECTORS):
            _write(self._descriptor, list(pieces[start : start + _VECTORS]))
        self._size += sum(map(len, pieces))
        if self._size - self._started >= AHEAD:
            self._start_writeback()
        if self._size - self._looked >= LOOK:
            self._looked = self._size
            self._check_room()

    def _start_writeback(self) -> None:
        count = self._size - self._started
        os.posix_fadvise(
            self._descriptor, self._offset + self._started, count, os.POSIX_FADV_DONTNEED
        )
        self._started = self._size

    def _put_in_place(self) -> None:
        if self._part is None:
            raise StoreFailed("there is nothing to put in its place")
        with self._shelves.today() as shelf:
            name = f"{self._token}{SUFFIX}"
            place = shelf.folder / name
            os.fsync(self._descriptor)
            self._part.rename(place)
            self._part = place
            self._name = f"{shelf.name}/{name}"
            shelf.sync()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _write(descriptor: int, pieces: list[memoryview]) -> None:
    """All of them, however little the system takes at once."""
    while pieces:
        count = os.writev(descriptor, pieces)
        if count == sum(map(len, pieces)):
            return
        while pieces and count >= len(pieces[0]):
            count -= len(pieces.pop(0))
        if pieces and count:
            pieces[0] = pieces[0][count:]


def _translated(error: OSError | StoreError) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if error.errno in _NO_ROOM:
        return StoreFull("no room for images")
    return StoreFailed(f"the archive cannot be written: {error.strerror}")
