"""Where the pixels of a stored data set begin: what is before them can be rewritten, what is behind
goes out as it lies (PS3.5 7.1: elements come in the order of their tags)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

from gateway.archive.elements import UNDEFINED, Encoding, Unreadable, Walker
from gateway.archive.reception import Window
from gateway.protocols.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_BE

_PIXELS: Final = 0x7FE00008  # Float Pixel Data, the first of its kind


class Head(NamedTuple):
    """``length``: bytes of the data set before its pixels, all of it when it has none.  A deflated
    data set counts as a whole.  ``encoding`` is that of its elements."""

    length: int
    encoding: Encoding
    deflated: bool


def head_of(path: Path, start: int, transfer_syntax: str) -> Head:
    """Blocks.  ``Unreadable`` when the elements make no sense; OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        length = os.fstat(descriptor).st_size - start
        if transfer_syntax == DEFLATED_LE:
            return Head(length, Encoding("little", explicit=True), deflated=True)
        source = Window(descriptor, start)
        vr = source.read(4, 2)
        order = "big" if transfer_syntax == EXPLICIT_BE else "little"
        # Some writers say one and write the other; the first element shows it.
        encoding = Encoding(order, explicit=len(vr) == 2 and vr.isalpha() and vr.isupper())
        return Head(_before_pixels(Walker(source, length, encoding), length), encoding, False)
    finally:
        os.close(descriptor)


def _before_pixels(walker: Walker, length: int) -> int:
    at = 0
    while at < length:
        place = walker.element(at, walker.encoding)
        if place.tag >= _PIXELS:
            return at
        if place.length != UNDEFINED and place.at + place.length > length:
            raise Unreadable(f"an element at byte {at} goes beyond the end")
        at = walker.behind(place, walker.encoding)
    return length
