"""A serial cable without hardware: two pseudo terminals joined in raw mode."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_CHUNK = 4096


@contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """The paths of both ends; bytes written to one can be read from the other.

    Needs a running event loop, which carries the bytes; the cable exists until the block ends.
    """
    loop = asyncio.get_running_loop()
    near, near_end = os.openpty()
    far, far_end = os.openpty()
    for end in (near_end, far_end):
        tty.setraw(end)
    for master, other in ((near, far), (far, near)):
        os.set_blocking(master, False)
        loop.add_reader(master, _carry, master, other)
    try:
        yield os.ttyname(near_end), os.ttyname(far_end)
    finally:
        for master in (near, far):
            loop.remove_reader(master)
        for descriptor in (near, far, near_end, far_end):
            with suppress(OSError):
                os.close(descriptor)


def _carry(source: int, sink: int) -> None:
    with suppress(BlockingIOError, OSError):
        os.write(sink, os.read(source, _CHUNK))
