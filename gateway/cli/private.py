"""Files that may name patients: their owner's from the first byte on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO


def new_private(path: Path) -> TextIO:
    """Open for writing, readable by its owner only.  FileExistsError when it is there already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")
