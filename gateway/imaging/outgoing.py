"""An instance as it leaves: as it was received, or with its study's identity correction.

Of a corrected one only the elements before the pixels are written anew, in the encoding they had
and in a process that may be killed; the pixels follow from the file, so a cine of any size costs
no memory.  The file stays as it came.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gateway.archive import Archive, Instance, Unreadable
from gateway.archive.pixels import Head, head_of
from gateway.imaging.correction import correction_of_series
from gateway.imaging.spliced import spliced
from gateway.rendering.process import Renderer, Unrenderable
from gateway.store import Engine


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """A file of the archive; the data set begins at ``start``."""

    path: Path
    start: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """A Part 10 file to be sent: ``size`` bytes of data set from ``start`` on.

    ``head`` stands instead of the stored file's bytes before ``rest``.  ``correction`` is its
    number; None: as received.
    """

    stored: Stored
    size: int
    head: bytes = b""
    rest: int = 0
    correction: int | None = None

    @property
    def start(self) -> int:
        return self.stored.start

    def open(self) -> BinaryIO:
        """The whole file from its preamble on.  Blocks; OSError."""
        if self.correction is None:
            return self.stored.path.open("rb")
        return spliced(self.head, self.stored.path, self.rest)


class Outgoing:
    """``content`` is asked for just before an instance is sent."""

    def __init__(self, archive: Archive, engine: Engine, renderer: Renderer) -> None:
        self._archive = archive
        self._engine = engine
        self._renderer = renderer

    async def content(self, instance: Instance) -> Content:
        """``Unrenderable`` when its correction cannot be applied: then it must not leave.  OSError
        when the file is not there, or not as long as it was: that is seen before any of it is out.
        """
        stored = self._stored(instance)
        if await self._archive.run(_length, stored) != instance.size:
            raise OSError(errno.EIO, "it is not as long as it was")
        found = await self._engine.read(lambda c: correction_of_series(c, instance.series))
        if found is None:
            return Content(stored, instance.size)
        return await corrected(self._renderer, stored, found.instruction(), found.id)

    async def whole(self, instance: Instance) -> bool:
        """Whether its file is there, in its length."""
        try:
            return await self._archive.run(_length, self._stored(instance)) == instance.size
        except OSError:
            return False

    def _stored(self, instance: Instance) -> Stored:
        path = self._archive.shelves.path(instance.path)
        return Stored(path, instance.start, instance.transfer_syntax)


async def corrected(
    renderer: Renderer, stored: Stored, instruction: Mapping[str, Any], number: int
) -> Content:
    """The file with a correction.  ``Unrenderable``, OSError."""
    try:
        head, length = await asyncio.to_thread(_read, stored)
    except Unreadable as error:
        raise Unrenderable(f"its head cannot be read ({error})") from None
    asked = {
        "verb": "corrected",
        "path": str(stored.path),
        "start": stored.start,
        "length": head.length,
        "big": head.encoding.order == "big",
        "implicit": not head.encoding.explicit,
        "deflated": head.deflated,
        "correction": instruction,
    }
    [beginning] = await renderer.look(asked)
    rest = stored.start + head.length
    size = len(beginning) - stored.start + length - head.length
    return Content(stored, size, beginning, rest, number)


def _read(stored: Stored) -> tuple[Head, int]:
    return head_of(stored.path, stored.start, stored.transfer_syntax), _length(stored)


def _length(stored: Stored) -> int:
    """Of the data set."""
    return stored.path.stat().st_size - stored.start
