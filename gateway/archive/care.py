"""Reads everything back now and then: a file that is not what was received is told at once.

A damaged or missing file is marked, so that the sender's repetition mends it, commitment says so
and nothing is purged on its strength.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from gateway.archive.archive import Archive
from gateway.archive.recovery import digest_of
from gateway.archive.rows import Instance

_BATCH = 100


@dataclass(frozen=True, slots=True)
class CareResult:
    checked: int
    damaged: tuple[str, ...]  # SOP instance UIDs


async def verify(archive: Archive, instance: Instance) -> bool:
    """Whether the file holds what was received; the index remembers the answer."""
    sound = await archive.run(_sound, archive, instance)
    if not sound or instance.state != "stored":
        await archive.index.checked(instance, sound=sound)
    return sound


async def verify_all(archive: Archive) -> CareResult:
    """Every instance, one after the other; takes as long as reading the archive."""
    checked, last, damaged = 0, 0, []
    while batch := await archive.index.after(last, _BATCH):
        for instance in batch:
            checked, last = checked + 1, instance.id
            if not await verify(archive, instance):
                damaged.append(instance.uid)
    return CareResult(checked, tuple(damaged))


def _sound(archive: Archive, instance: Instance) -> bool:
    with suppress(OSError):
        path = archive.shelves.path(instance.path)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size - instance.start
            return size == instance.size and (
                digest_of(descriptor, instance.start) == instance.sha256
            )
        finally:
            os.close(descriptor)
    return False
