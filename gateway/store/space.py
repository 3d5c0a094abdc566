"""Room on the disk: when to stop taking new work, and a reserve for finishing the old.

With less than a fixed reserve free (``most``, on small disks their ``share``), nothing new is
accepted: devices keep their results and ask again, and what is under way still fits.  A ballast
file is given up when SQLite says full, since by then even a DELETE needs room, and is made again
when room returns.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SpacePolicy:
    """Bytes; ``share`` is a fraction of the file system.  ``interval`` seconds between looks.

    Results are small: on a large disk ``most`` is enough, on a small one the share of it is.
    """

    share: float = 0.05
    most: int = 512 * MIB
    ballast: int = 64 * MIB
    interval: float = 5.0


@dataclass(frozen=True, slots=True)
class Room:
    free: int
    needed: int

    @property
    def enough(self) -> bool:
        return self.free >= self.needed


class Space:
    """The data directory's room.  Methods block on the file system for a moment."""

    def __init__(self, directory: Path, policy: SpacePolicy) -> None:
        self.policy = policy
        self._directory = directory
        self._ballast = directory / "ballast"

    def look(self) -> Room:
        found = os.statvfs(self._directory)
        size = found.f_blocks * found.f_frsize
        needed = min(int(size * self.policy.share), self.policy.most)
        return Room(found.f_bavail * found.f_frsize, needed)

    def release(self) -> bool:
        """Gives the ballast up; whether there was any."""
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def restore(self) -> bool:
        """Makes the ballast again when there is room for it and as much again."""
        if not self.policy.ballast or self._ballast.exists():
            return False
        room = self.look()
        if room.free < room.needed + 2 * self._size():
            return False
        return self._allocate()

    def _size(self) -> int:
        """Of the ballast: no more than a sixteenth of the file system."""
        found = os.statvfs(self._directory)
        return min(self.policy.ballast, found.f_blocks * found.f_frsize // 16)

    def _allocate(self) -> bool:
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size())
        except OSError:
            with suppress(OSError):
                self._ballast.unlink()
            return False
        finally:
            os.close(descriptor)
        return True
