"""A disk that fails when told: a VFS between SQLite and the file system.

Installed as the default VFS while the ``with`` block runs, so the store opens its files on it
without knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import apsw


@dataclass
class FaultyDisk:
    """``plan`` is asked before every write and sync of a file (``database`` or ``log``); what it
    returns is raised.  ``calls`` counts them."""

    plan: Callable[[str, str], Exception | None] = lambda verb, name: None
    calls: list[tuple[str, str]] = field(default_factory=list)

    def strike(self, verb: str, name: str) -> None:
        kind = "log" if name.endswith("-wal") else "database"
        self.calls.append((verb, kind))
        error = self.plan(verb, kind)
        if error is not None:
            raise error

    def once(self, verb: str, kind: str, error: Exception, *, after: int = 0) -> None:
        """The next such call but ``after`` fails; the ones behind it do not."""
        left = [after]

        def plan(found_verb: str, found_kind: str) -> Exception | None:
            if (found_verb, found_kind) != (verb, kind):
                return None
            left[0] -= 1
            return error if left[0] == -1 else None

        self.plan = plan

    def always(self, verb: str, error: Exception) -> None:
        self.plan = lambda found, kind: error if found == verb else None

    def mend(self) -> None:
        self.plan = lambda verb, kind: None


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    disk = FaultyDisk()
    base = apsw.vfs_names()[0]

    class File(apsw.VFSFile):
        def __init__(self, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
            path = name.filename() if isinstance(name, apsw.URIFilename) else name
            self._name = path or ""
            super().__init__(base, name, flags)

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
            disk.strike("write", self._name)
            super().xWrite(data, offset)

        def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
            disk.strike("sync", self._name)
            super().xSync(flags)

    class Vfs(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("faulty", base, makedefault=True)

        def xOpen(  # noqa: N802 - SQLite's name
            self, name: str | apsw.URIFilename | None, flags: list[int]
        ) -> apsw.VFSFile:
            return File(name, flags)

    vfs = Vfs()
    try:
        yield disk
    finally:
        vfs.unregister()
