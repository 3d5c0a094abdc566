"""A file with another beginning: bytes of ours, then the rest of a file from some place on."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Spliced(io.RawIOBase):
    """Reads ``head`` and then the file from ``rest`` to its end.  OSError when it cannot."""

    def __init__(self, head: bytes, path: Path, rest: int) -> None:
        super().__init__()
        self.name = str(path)  # pydicom wants one of whatever is buffered
        self._head = head
        self._rest = rest
        self._file = path.open("rb", buffering=0)
        self._length = len(head) + max(0, os.fstat(self._file.fileno()).st_size - rest)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        if self._at < len(self._head):
            piece = self._head[self._at : self._at + len(room)]
            room[: len(piece)] = piece
            count = len(piece)
        else:
            self._file.seek(self._rest + self._at - len(self._head))
            count = self._file.readinto(room) or 0
        self._at += count
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def spliced(head: bytes, path: Path, rest: int) -> io.BufferedReader:
    """The same, with reads that give all that was asked for."""
    return io.BufferedReader(Spliced(head, path, rest))
