"""Opening and closing the files of a data directory: blocking work, done off the loop.

Opening brings the schema up to date, makes the site key, reads the journal back and, after an I/O
error, writes the log's bytes once more: a failed fsync may have left pages that look written and
are not, and only writing them again makes the kernel try.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import apsw

from gateway.errors import StoreFailed
from gateway.store.connection import open_reader, open_writer, sync_directory, translated
from gateway.store.engine import highest_number
from gateway.store.journal import Journal
from gateway.store.migrate import check_current, check_schema, migrate
from gateway.store.site import site_key

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Opened:
    """``writing`` and ``journal`` are None for a store opened for reading."""

    reading: apsw.Connection
    browsing: apsw.Connection
    writing: apsw.Connection | None
    journal: Journal | None
    site_key: bytes
    last_transmission: int
    damaged_pages: tuple[int, ...] = ()


def open_for_writing(
    database: Path,
    steps: Sequence[str],
    now: datetime,
    randomness: Callable[[int], bytes],
) -> Opened:
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # never wider
    database.chmod(0o600)
    connection = open_writer(database)
    sync_directory(database.parent)
    try:
        with translated("opening the store"):
            migrate(connection, database.parent / "backups", steps)
            check_schema(connection, steps)
            return _recover(connection, database, now, randomness)
    except BaseException:
        connection.close(True)
        raise


def _recover(
    connection: apsw.Connection,
    database: Path,
    now: datetime,
    randomness: Callable[[int], bytes],
) -> Opened:
    journal = Journal()
    connection.execute("BEGIN IMMEDIATE")
    key = site_key(connection, randomness)
    damaged = journal.recover(connection, now)
    connection.execute("COMMIT")
    _empty_log(connection, journal)
    last = max(highest_number(connection, "transmissions"), *journal.open, 0)
    reading, browsing = open_reader(database), open_reader(database)
    return Opened(reading, browsing, connection, journal, key, last, damaged)


def open_for_reading(database: Path, steps: Sequence[str]) -> Opened:
    connection = open_reader(database)
    try:
        with translated("opening the store for reading"):
            check_current(connection, steps)
            check_schema(connection, steps)
            key = site_key(connection, None)
            return Opened(connection, open_reader(database), None, None, key, 0)
    except BaseException:
        connection.close(True)
        raise


def close_files(opened: Opened, *, clean: bool) -> None:
    """``clean`` empties the log into the database; after an I/O error that must not be tried.
    Without room for that everything stays in the log, which is as good."""
    with translated("closing the store"):
        opened.reading.close(True)
        opened.browsing.close(True)
        if opened.writing is None:
            return
        opened.writing.set_wal_hook(None)
        try:
            if clean and opened.journal is not None:
                _empty_log(opened.writing, opened.journal)
        finally:
            opened.writing.close(True)


def _empty_log(connection: apsw.Connection, journal: Journal) -> None:
    with suppress(apsw.FullError, apsw.BusyError):
        journal.reclaimed(journal.reclaim(connection, at_least=1))
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def rewrite_log(database: Path) -> None:
    """Writes the log's bytes over themselves and syncs.  ``StoreFailed`` when even that fails."""
    log = database.with_name(database.name + "-wal")
    try:
        descriptor = os.open(log, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        at = 0
        while chunk := os.pread(descriptor, _CHUNK, at):
            at += os.pwrite(descriptor, chunk, at)
        os.fsync(descriptor)
    except OSError as error:
        raise StoreFailed(f"the log cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)
