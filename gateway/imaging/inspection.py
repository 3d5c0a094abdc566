"""Whether an instance is safe: in the index, of the class asked for, its file read and hashed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gateway.archive import Archive, Instance
from gateway.archive.recovery import digest_of
from gateway.archive.sweep import GONE
from gateway.errors import StoreError
from gateway.imaging.commitment import Failure, Reference


class Inspector:
    """Looks at files; what it finds damaged is marked so in the index, and can be sent again."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def reason(self, reference: Reference, calling: str) -> Failure | None:
        """Why the instance is not safe; None when it is.  StoreError: it cannot be said now."""
        instance = await self._archive.index.instance(reference.uid)
        if instance is None or instance.state in GONE:
            return Failure.NO_SUCH_INSTANCE
        if instance.sop_class != reference.sop_class:
            return Failure.CLASS_CONFLICT
        if await self._archive.index.disputed(reference.uid, calling):
            return Failure.PROCESSING  # what the sender holds is not what we hold
        return None if await self.sound(instance) else Failure.PROCESSING

    async def sound(self, instance: Instance) -> bool:
        """Reads the whole file."""
        path = self._archive.shelves.path(instance.path)
        sound = await self._archive.run(_sound, path, instance.start, instance.sha256)
        if not sound or instance.state != "stored":
            await self._archive.index.checked(instance, sound=sound)
        return sound


def _sound(path: Path, start: int, sha256: bytes) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _PASSING:
            raise StoreError("files cannot be opened now") from None
        return False
    try:
        return digest_of(descriptor, start) == sha256
    except OSError:
        return False
    finally:
        os.close(descriptor)


_PASSING = frozenset({errno.ENFILE, errno.EMFILE, errno.ENOMEM})
