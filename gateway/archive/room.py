"""Room for images: they stop earlier than results, so they can never starve them.

Where archive and store share a file system, images end while twice of what the store wants free
is left.
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.errors import StoreFull
from gateway.store import SpacePolicy

_TIMES = 2


class Room:
    """Blocks on the file system for a moment; callable from any thread."""

    def __init__(self, directory: Path, policy: SpacePolicy) -> None:
        self._directory = directory
        self._policy = policy

    def check(self) -> None:
        """StoreFull when no image may begin or go on."""
        found = os.statvfs(self._directory)
        size = found.f_blocks * found.f_frsize
        needed = _TIMES * min(int(size * self._policy.share), self._policy.most)
        if found.f_bavail * found.f_frsize < needed or (found.f_files and not found.f_favail):
            raise StoreFull("no room for images")
