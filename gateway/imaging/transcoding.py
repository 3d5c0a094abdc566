"""A stored instance in Explicit VR Little Endian, for a peer that cannot take it as it is; in
Implicit VR for one that knows nothing else.

Pixels are decoded as a viewer would decode them; ``Untranslatable`` where no decoder is at hand or
the result would be larger than ``LARGEST``.

As a program, ``python -m gateway.imaging.transcoding FILE STORED WANTED``, it writes the data set
to stdout; ``MISTAKE`` is its exit status for ``Untranslatable``, whose text is on stderr.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.errors import GatewayError
from gateway.imaging import datasets
from gateway.protocols.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    TRANSFER_SYNTAXES,
    Encoding,
)

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset, FileDataset

LARGEST: Final = 1024 * 1024 * 1024
MEMORY: Final = 4 * LARGEST  # of the program
MISTAKE: Final = 3
_PLAIN: Final = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})
_WORDS: Final[Mapping[str, int]] = MappingProxyType({"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8})
_BROKEN: Final = (
    ValueError,
    AttributeError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    TypeError,
)


class Untranslatable(GatewayError):
    """It cannot be sent otherwise than it was stored."""


def little_endian(path: Path, transfer_syntax: str, wanted: str = EXPLICIT_LE) -> bytes:
    """The data set of a Part 10 file.  Blocks, and holds it in memory."""
    from pydicom import Dataset, dcmread

    try:
        with datasets.unchecked():
            found = dcmread(path)
            _check_size(found)
            if transfer_syntax == EXPLICIT_BE:
                _swap(found)
            elif _is_encapsulated(transfer_syntax):
                if "PixelData" not in found:  # cut off: pydicom warns and leaves them out
                    raise Untranslatable("its pixels are incomplete")
                found.decompress(generate_instance_uid=False)
            return datasets.write(Dataset(found), wanted)
    except _BROKEN as error:
        raise Untranslatable(f"it cannot be decoded ({type(error).__name__})") from None


def _is_encapsulated(transfer_syntax: str) -> bool:
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    return known is None or known.encoding is Encoding.ENCAPSULATED


def _check_size(data_set: FileDataset) -> None:
    """Before anything is decoded."""
    size = 1
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"):
        size *= int(data_set.get(keyword, 1) or 1)
    if size * (int(data_set.get("BitsAllocated", 8) or 8) // 8 or 1) > LARGEST:
        raise Untranslatable(f"decoded it would be larger than {LARGEST} bytes")


def _swap(data_set: Dataset) -> None:
    """Words of binary values from big to little endian; pydicom leaves them as they were."""
    for element in _binary(data_set):
        width, value = _WORDS[str(element.VR)], bytes(element.value or b"")
        turned = bytearray(len(value))
        for at in range(width):
            turned[at::width] = value[width - 1 - at :: width]
        element.value = bytes(turned)


def _binary(data_set: Dataset) -> Iterator[DataElement]:
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                yield from _binary(item)
        elif element.VR in _WORDS:
            yield element


def main(path: str, stored: str, wanted: str) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(10)
    try:
        made = little_endian(Path(path), stored, wanted)
    except Untranslatable as error:
        print(error, file=sys.stderr)
        return MISTAKE
    except MemoryError:
        print("decoding it takes too much memory", file=sys.stderr)
        return MISTAKE
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
