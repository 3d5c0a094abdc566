"""Brings a database file to today's schema: ``schema/0001.sql``, ``0002.sql``, ... in order.

Each step is one transaction together with its version number, so a process killed midway leaves
the old schema or the new one, never half.  A file that already holds data is copied to
``backups/`` first.  A file written by newer software is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import apsw

from gateway.errors import StoreCorrupt, StoreError
from gateway.store.connection import sync_directory
from gateway.store.rows import DAMAGE


def package_steps() -> tuple[str, ...]:
    """The SQL of every step; step ``n`` (from 1) makes schema version ``n``."""
    folder = files("gateway.store") / "schema"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple((folder / name).read_text(encoding="utf-8") for name in names)


def version_of(connection: apsw.Connection) -> int:
    version = connection.pragma("user_version")
    return version if isinstance(version, int) else 0


def migrate(connection: apsw.Connection, backups: Path, steps: Sequence[str]) -> None:
    """Runs the steps the file lacks, with a copy of it first."""
    version = version_of(connection)
    check_not_newer(version, steps)
    if version == len(steps):
        return
    if version:
        copy_file(connection, backups / f"before-schema-{len(steps)}-was-{version}.db")
    for number, step in enumerate(steps[version:], start=version + 1):
        _run(connection, number, step)


def check_current(connection: apsw.Connection, steps: Sequence[str]) -> None:
    """For readers, who cannot migrate: ``StoreError`` unless the schema is today's."""
    version = version_of(connection)
    check_not_newer(version, steps)
    if version < len(steps):
        raise StoreError(
            f"the store has schema {version}, this program needs {len(steps)}; "
            "starting the gateway once brings it up to date"
        )


def check_not_newer(version: int, steps: Sequence[str]) -> None:
    if version > len(steps):
        raise StoreError(
            f"the store has schema {version}, this program knows only {len(steps)}: "
            "it was written by a newer version"
        )


def altered_objects(connection: apsw.Connection, steps: Sequence[str]) -> tuple[str, ...]:
    """Names of tables, indexes, views and triggers that are not what the steps made.  Their
    definitions are text in the file like any other, and a flipped bit changes what they mean."""
    expected = apsw.Connection(":memory:")
    try:
        for step in steps[: version_of(connection)]:
            expected.execute(step)
        found = _objects(connection)
        return tuple(name for name, sql in _objects(expected).items() if found.get(name) != sql)
    finally:
        expected.close()


def _objects(connection: apsw.Connection) -> dict[str, object]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return {f"{kind} {name}": (table, sql) for kind, name, table, sql in rows}


def check_schema(connection: apsw.Connection, steps: Sequence[str]) -> None:
    """``StoreCorrupt`` unless everything is defined as the steps define it."""
    try:
        altered = altered_objects(connection, steps)
    except DAMAGE:
        altered = ("some definition",)
    if altered:
        raise StoreCorrupt(f"the store's {', '.join(altered)} is not what this program made")


def _run(connection: apsw.Connection, number: int, step: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(step)
        connection.execute(f"PRAGMA user_version = {number:d}")
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def copy_file(source: apsw.Connection, target: Path) -> None:
    """A consistent copy of the whole database, on disk when this returns."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    part = target.with_suffix(".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    destination = apsw.Connection(str(part))
    with destination.backup("main", source, "main") as backup:
        backup.step(-1)
    destination.pragma("journal_mode", "delete")
    destination.close()
    part.replace(target)
    sync_directory(target.parent)
