"""A study as a ZIP with a DICOMDIR (PS3.10), made while it is read: no copy, no memory of its size.

Each file is hashed on the way; one that is not what was received ends the export.  With an identity
correction the files carry it, and so does the DICOMDIR.  Entries are stored, not compressed: images
are compressed already, and every reader takes them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
import zipfile
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.imaging.outgoing import Content, Stored, corrected
from gateway.rendering.process import Renderer

CHUNK: Final = 256 * 1024
SECONDS: Final = 600.0  # for the DICOMDIR of a study of many thousand images
_FILE: Final = 64 * 1024 * 1024
_LARGE: Final = 1 << 31


class ExportFailed(GatewayError):
    """A file is not what was received, or cannot be read; what was made of the ZIP is no ZIP."""


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """One instance's file; ``sha256`` and ``size`` are of its data set."""

    stored: Stored
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Packing:
    """What goes into the ZIP.  ``instruction``: the correction and its number; ``day`` (YYYYMMDD)
    stands in the DICOMDIR where an image has no date."""

    items: tuple[Item, ...]
    instruction: Mapping[str, Any] | None
    number: int
    day: str

    @property
    def size(self) -> int:
        """Of all data sets, for a progress bar."""
        return sum(item.size for item in self.items)


async def zipped(packing: Packing) -> AsyncIterator[bytes]:
    """The ZIP piece by piece.  ``Unrenderable``, ``ExportFailed``."""
    renderer = Renderer(seconds=SECONDS, file=_FILE)
    names, dicomdir = await _directory(renderer, packing)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as target:
        target.writestr(zipfile.ZipInfo("DICOMDIR"), dicomdir)
        yield sink.take()
        for name, item in zip(names, packing.items, strict=True):
            content = await _content(renderer, packing, item)
            with closing(_written(target, name, item, content)) as pieces:
                while await asyncio.to_thread(next, pieces, None) is not None:
                    yield sink.take()
    yield sink.take()


async def _directory(renderer: Renderer, packing: Packing) -> tuple[list[str], bytes]:
    """Where each file goes, and the DICOMDIR that says so."""
    with tempfile.TemporaryDirectory(prefix="dicomdir-") as scratch:
        asked = {
            "verb": "directory",
            "paths": [str(item.stored.path) for item in packing.items],
            "correction": packing.instruction,
            "day": packing.day,
            "scratch": scratch,
        }
        dicomdir, ids = await renderer.look(asked)
    names: list[str | None] = json.loads(ids)
    return [name or f"OTHER/OT{at:06}" for at, name in enumerate(names)], dicomdir


async def _content(renderer: Renderer, packing: Packing, item: Item) -> Content:
    if packing.instruction is None:
        return Content(item.stored, item.size)
    try:
        return await corrected(renderer, item.stored, packing.instruction, packing.number)
    except OSError as error:
        raise ExportFailed(f"a file cannot be read ({error.strerror})") from None


def _written(
    target: zipfile.ZipFile, name: str, item: Item, content: Content
) -> Generator[int, None, None]:
    """Writes one entry, a chunk at each step.  Blocks."""
    if content.correction is not None:
        _check(item)
    info = zipfile.ZipInfo(name)
    length = content.start + content.size
    digest = hashlib.sha256()
    try:
        with (
            content.open() as source,
            target.open(info, "w", force_zip64=length >= _LARGE) as entry,
        ):
            skip = content.start
            while chunk := source.read(CHUNK):
                digest.update(memoryview(chunk)[min(skip, len(chunk)) :])
                skip -= min(skip, len(chunk))
                entry.write(chunk)
                yield len(chunk)
    except OSError as error:
        raise ExportFailed(f"a file cannot be read ({error.strerror})") from None
    if content.correction is None and digest.digest() != item.sha256:
        raise ExportFailed("a stored file is not what was received; see 'gateway status'")


def _check(item: Item) -> None:
    """Before a file goes out changed: is it what was received?"""
    digest = hashlib.sha256()
    with item.stored.path.open("rb") as source:
        source.seek(item.stored.start)
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    if digest.digest() != item.sha256:
        raise ExportFailed("a stored file is not what was received; see 'gateway status'")


class _Sink:
    """Where the ZIP is written: forward only, taken away piece by piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing to flush."""

    def close(self) -> None:
        """Nor to close."""

    def take(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def packing_of(answer: Mapping[str, Any], folder: Path) -> Packing:
    """From what the desk says; ``folder`` is the archive's."""
    files: Sequence[Mapping[str, Any]] = answer["files"]
    items = tuple(
        Item(
            Stored(folder / file["path"], file["start"], file["transfer_syntax"]),
            file["size"],
            bytes.fromhex(file["sha256"]),
        )
        for file in files
    )
    correction = answer["correction"]
    day = min(str(file["received_at"]) for file in files)[:10].replace("-", "")
    return Packing(items, correction, correction["number"] if correction else 0, day)
