"""SQLite connections as the store wants them, and SQLite's errors in the gateway's words.

One writing connection (WAL, ``synchronous=FULL``, foreign keys, checkpoints only when the writer
says so: SQLite's automatic checkpoint would swallow a failed fsync) and reading connections that
cannot write.  Refuses SQLite versions with the WAL-reset corruption bug (before 3.51.3).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from gateway.errors import StoreCorrupt, StoreError, StoreFailed, StoreFull

DATABASE = "gateway.db"
OLDEST_SQLITE = (3, 51, 3)
BUSY_MILLISECONDS = 5_000


def check_version(version: str) -> None:
    """``StoreError`` for a SQLite that can corrupt a WAL database."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        raise StoreError(
            f"SQLite {version} has the WAL-reset corruption bug; "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or newer is needed"
        )


def open_writer(path: Path, vfs: str | None = None) -> apsw.Connection:
    check_version(apsw.sqlite_lib_version())
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated("opening the store"):
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("foreign_keys", True)
        connection.wal_autocheckpoint(0)
    return connection


def open_reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that can only read; the database must exist."""
    check_version(apsw.sqlite_lib_version())
    if not path.exists():
        raise StoreError(f"there is no store in {path.parent} yet")
    with translated("opening the store for reading"):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.wal_autocheckpoint(0)
        connection.pragma("query_only", True)
    return connection


def fatal(error: BaseException | None) -> bool:
    """Whether the whole transaction is lost, not only the statement that failed."""
    return isinstance(error, apsw.FullError | apsw.IOError | apsw.NoMemError | apsw.CantOpenError)


def translate(error: apsw.Error, doing: str) -> StoreError:
    """SQLite's error by who must act.  Never quotes data, only SQLite's own wording."""
    detail = f"{doing}: {type(error).__name__} ({error})"
    match error:
        case apsw.FullError():
            return StoreFull(f"no room left while {detail}")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreCorrupt(detail)
        case apsw.IOError() | apsw.NoMemError() | apsw.CantOpenError() | apsw.ReadOnlyError():
            return StoreFailed(detail)
        case _:
            return StoreError(detail)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """``with translated("opening the store"):`` turns SQLite's errors into ``StoreError``."""
    try:
        yield
    except apsw.Error as error:
        raise translate(error, doing) from error


def sync_directory(directory: Path) -> None:
    """Makes file creations, renames and removals in ``directory`` survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
