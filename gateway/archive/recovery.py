"""After a start: parts of broken transfers go, files without a row are filed.

A part was never acknowledged.  A finished file without a row was not acknowledged either, or its
row is gone; both times keeping it loses nothing.  A file that is not ours is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway import logs
from gateway.archive.elements import Unreadable
from gateway.archive.file_meta import read_file_meta
from gateway.archive.header import scan
from gateway.archive.reception import Arrived, Offered, Window
from gateway.archive.shelves import Shelves

_HEAD = 4096
_CHUNK = 1024 * 1024
_CLASS, _INSTANCE, _SYNTAX, _SOURCE = 0x0002, 0x0003, 0x0010, 0x0016


def discard_parts(shelves: Shelves) -> None:
    """Removes what broken transfers left."""
    for part in shelves.parts():
        with suppress(OSError):
            part.unlink()


def unfiled(shelves: Shelves, known: Set[str]) -> Sequence[tuple[Path, str]]:
    """Finished files that no row names, with the names they have in the index."""
    named = ((path, f"{path.parent.name}/{path.name}") for path in shelves.files())
    return [(path, name) for path, name in named if name not in known]


def reread(path: Path, name: str) -> Arrived | None:
    """What is known of a finished file from itself; None when it is none of ours, or cannot be
    read now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _reread(descriptor, name)
        finally:
            os.close(descriptor)
    except OSError as error:  # one bad file keeps nothing from starting
        logs.get().warning("archive.unfiled", reason=error.strerror)
    except ValueError:
        pass
    return None


def _reread(descriptor: int, name: str) -> Arrived:
    meta, start = read_file_meta(os.pread(descriptor, _HEAD, 0))
    found = os.fstat(descriptor)
    size = found.st_size - start
    offered = Offered(
        meta.get(_CLASS, ""),
        meta.get(_INSTANCE, ""),
        meta.get(_SYNTAX, ""),
        None,
        meta.get(_SOURCE, ""),
    )
    try:
        header, problem = scan(Window(descriptor, start), size, offered.transfer_syntax), ""
    except Unreadable as error:
        header, problem = None, str(error)
    received = datetime.fromtimestamp(found.st_mtime, UTC)
    digest = digest_of(descriptor, start)
    return Arrived(offered, header, problem, digest, size, start, name, received)


def digest_of(descriptor: int, start: int) -> bytes:
    """SHA-256 of the data set of an open file."""
    engine, at = hashlib.sha256(), start
    while chunk := os.pread(descriptor, _CHUNK, at):
        engine.update(chunk)
        at += len(chunk)
    return engine.digest()
