"""Copies of the whole store, made while it runs, and getting one back.

A backup is one file: a consistent snapshot, on disk and swept through before it gets its name.
Restoring puts it into an empty data directory after sweeping it again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import StoreCorrupt, StoreError
from gateway.store.connection import DATABASE, open_reader, sync_directory, translated
from gateway.store.lock import take_directory
from gateway.store.migrate import copy_file, package_steps
from gateway.store.sweep import Progress, SweepResult, sweep


def back_up(database: Path, target: Path, steps: Sequence[str], progress: Progress) -> SweepResult:
    """Blocks.  ``target`` must not exist.  ``StoreCorrupt`` when the copy is not sound; it is
    then left beside ``target`` as ``.part`` for whoever has to repair."""
    if target.exists():
        raise StoreError(f"{target} exists already")
    part = target.with_name(target.name + ".part")
    connection = open_reader(database)
    try:
        with translated("copying the store"):
            copy_file(connection, part)
    finally:
        connection.close(True)
    result = sweep(part, steps, progress)
    if not result.clean:
        raise StoreCorrupt(f"the copy has {len(result.damaged)} damaged rows; see {part}")
    part.replace(target)
    sync_directory(target.parent)
    return result


def restore(backup: Path, directory: Path, progress: Progress) -> SweepResult:
    """Blocks.  ``StoreError`` when ``directory`` holds a store already or is in use."""
    result = sweep(backup, package_steps(), progress)
    if not result.clean:
        raise StoreCorrupt(f"{backup} has {len(result.damaged)} damaged rows")
    lock = take_directory(directory)
    try:
        if (directory / DATABASE).exists():
            raise StoreError(f"{directory} holds a store already")
        part = directory / (DATABASE + ".part")
        shutil.copyfile(backup, part)
        _sync(part)
        part.replace(directory / DATABASE)
        sync_directory(directory)
    finally:
        lock.release()
    return result


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
