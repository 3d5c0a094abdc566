"""Optional halves of libraries that a running gateway can do without.

A library that finds a package imports it whether anybody needs it or not: pydicom numpy and Pillow
(15 MiB, and decoders in a process that must never decode), structlog rich.  What needs them runs in
a process of its own.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Final, cast

PIXELS: Final = ("numpy", "PIL", "jpeg_ls", "gdcm", "pylibjpeg")
COLOURS: Final = ("rich",)


def leave_out(*names: str) -> None:
    """From now on this process finds these packages not installed, unless they are loaded."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    for name in names:
        modules.setdefault(name, None)
