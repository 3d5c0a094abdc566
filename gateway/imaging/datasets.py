"""Identifiers and attribute lists (small data sets) as bytes and as pydicom data sets.

Implicit or Explicit VR Little Endian (what these services travel in), text by Specific Character
Set.  ``Unreadable`` for what breaks the rules of encoding or nests deeper than ``DEPTH``; odd
values are kept as they are.

pydicom with its dictionaries is 5 MiB, and a node that only takes images does without: it comes
with the first data set.  No other module of a running gateway imports it; whoever answers on an
association awaits ``ready`` before, so that no line waits while it is loaded.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Final

from gateway.errors import GatewayError
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset
    from pydicom.sequence import Sequence as Items

DEPTH: Final = 16
_LIBRARY: Final = "pydicom"
_BROKEN: Final = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    LookupError,
    EOFError,
    OSError,
    struct.error,
    RecursionError,
)


class Unreadable(GatewayError):
    """The data set makes no sense; says why, quotes nothing."""


async def ready() -> None:
    """Returns when data sets can be made and read without a delay."""
    if not hasattr(sys.modules.get(_LIBRARY), "Sequence"):  # its last import
        await asyncio.to_thread(import_module, _LIBRARY)


def new() -> Dataset:
    """An empty one."""
    from pydicom import Dataset

    return Dataset()


def element(tag: int, vr: str, value: object) -> DataElement:
    from pydicom import DataElement

    return DataElement(tag, vr, value)


def sequence(items: Iterable[Dataset] = ()) -> Items:
    """A sequence's value."""
    from pydicom.sequence import Sequence as Items

    return Items(items)


def unchecked() -> AbstractContextManager[None]:
    """Within, values are taken as they are."""
    from pydicom import config

    return config.disable_value_validation()


def read(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set, every element of it decoded."""
    from pydicom.filereader import read_dataset

    if transfer_syntax not in (IMPLICIT_LE, EXPLICIT_LE):
        raise Unreadable("no transfer syntax for this service")
    try:
        with unchecked():
            found = read_dataset(
                BytesIO(data), transfer_syntax == IMPLICIT_LE, is_little_endian=True
            )
            _settle(found, DEPTH)
    except _BROKEN as error:
        raise Unreadable(f"the data set cannot be read ({type(error).__name__})") from None
    return found


def write(data_set: Dataset, transfer_syntax: str) -> bytes:
    """Text must fit the data set's own Specific Character Set."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    target = DicomBytesIO()
    target.is_implicit_VR = transfer_syntax == IMPLICIT_LE
    target.is_little_endian = True
    with unchecked():
        write_dataset(target, data_set)
    return target.getvalue()


def element_of(data_set: Dataset, tag: int) -> DataElement | None:
    """The element, or None."""
    found: DataElement | None = data_set.get(tag, None)
    return found


def text(data_set: Dataset, keyword: str) -> str:
    """An element as text without padding; empty when absent; several joined by ``\\``."""
    return "\\".join(values(data_set, keyword))


def values(data_set: Dataset, keyword: str) -> tuple[str, ...]:
    """Each value of an element as text."""
    return plain(data_set.get(keyword))


def plain(value: object) -> tuple[str, ...]:
    """A pydicom value, one or several, as texts without padding; nothing for an empty one."""
    if value is None or value == "":
        return ()
    if isinstance(value, str | bytes | int | float) or not hasattr(value, "__iter__"):
        return (_stripped(value),)
    if hasattr(value, "components"):  # a person name iterates over its characters
        return (_stripped(value),)
    return tuple(_stripped(item) for item in value)


def _stripped(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1").strip("\0 ")
    original = getattr(value, "original_string", None)
    shown = original if isinstance(original, str) else str(value)
    return shown.strip("\0 ")


def items(data_set: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; none when it is absent, empty or no sequence."""
    from pydicom import Dataset

    found = data_set.get(keyword)
    if found is None or isinstance(found, str | bytes):
        return ()
    return tuple(item for item in found if isinstance(item, Dataset))


def _settle(data_set: Dataset, depth: int) -> None:
    """Decodes what pydicom would decode later, so that it fails here or never."""
    if depth == 0:
        raise Unreadable("sequences nest too deep")
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                _settle(item, depth - 1)
