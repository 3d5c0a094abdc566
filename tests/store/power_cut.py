"""A disk whose power can be cut: only what was synced is sure to be there afterwards.

A VFS that remembers, for every file SQLite writes, what the last sync made durable and what was
written since.  ``cut`` builds what a power cut might leave: everything durable, and of the rest
any subset, in 512-byte sectors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import apsw

SECTOR = 512


class Platter:
    """One file: durable bytes, and sectors written since the last sync in the order of writing."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.loose: list[tuple[int, bytes]] = []

    def write(self, data: bytes, offset: int) -> None:
        for start in range(0, len(data), SECTOR):
            self.loose.append((offset + start, bytes(data[start : start + SECTOR])))

    def sync(self) -> None:
        apply(self.durable, self.loose)
        self.loose.clear()

    def truncate(self, size: int) -> None:
        self.sync()
        del self.durable[size:]

    def after_a_cut(self, rng: random.Random, share: float) -> bytes:
        content = bytearray(self.durable)
        apply(content, [write for write in self.loose if rng.random() < share])
        return bytes(content)


def apply(content: bytearray, writes: list[tuple[int, bytes]]) -> None:
    for offset, data in writes:
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data


class Power:
    def __init__(self) -> None:
        self.platters: dict[str, Platter] = {}
        self.lock = Lock()

    def platter(self, path: str) -> Platter:
        return self.platters.setdefault(path, Platter())

    def cut(self, target: Path, rng: random.Random) -> Path:
        """What the disk might hold if the power went now."""
        target.mkdir()
        share = rng.choice([0.0, 0.5, 1.0])
        with self.lock:
            for path, platter in self.platters.items():
                (target / Path(path).name).write_bytes(platter.after_a_cut(rng, share))
        return target


@contextmanager
def power() -> Iterator[Power]:
    """While the block runs every SQLite file lies on this disk."""
    supply = Power()
    base = apsw.vfs_names()[0]

    class File(apsw.VFSFile):
        def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
            path = name.filename() if isinstance(name, apsw.URIFilename) else name
            self._path = path or ""
            super().__init__(base, name, flags)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
            with supply.lock:
                supply.platter(self._path).write(data, offset)
            super().xWrite(data, offset)

        def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
            super().xSync(flags)
            with supply.lock:
                supply.platter(self._path).sync()

        def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
            super().xTruncate(size)
            with supply.lock:
                supply.platter(self._path).truncate(size)

    class Vfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("power", base, makedefault=True)

        def xOpen(  # noqa: N802 - SQLite's name
            self, name: str | apsw.URIFilename | None, flags: list[int]
        ) -> apsw.VFSFile:
            return File(name, flags)

        def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802 - SQLite's name
            super().xDelete(name, sync)
            with supply.lock:
                supply.platters.pop(name, None)

    vfs = Vfs()
    try:
        yield supply
    finally:
        vfs.unregister()
