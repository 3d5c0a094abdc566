"""Optional halves of libraries that a running gateway can do without.

A library that finds a package imports it whether anybody needs it or not: pydicom numpy and Pillow
(15 MiB, and decoders in a process that must never decode), structlog rich.  What needs them runs in
a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final, cast

PIXELS: Final = ("numpy", "PIL", "jpeg_ls", "gdcm", "pylibjpeg")
COLOURS: Final = ("rich",)


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Libraries imported within find these packages not installed, unless they are loaded."""
    hidden = [name for name in names if name not in sys.modules]
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del modules[name]
