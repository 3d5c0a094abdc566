"""Identifiers and attribute lists (small data sets) as bytes and as pydicom data sets.

Implicit or Explicit VR Little Endian (what these services travel in), text by Specific Character
Set.  ``Unreadable`` for what breaks the rules of encoding or nests deeper than ``DEPTH``; odd
values are kept as they are.
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

from pydicom import DataElement, Dataset, config
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from gateway.errors import GatewayError
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

DEPTH: Final = 16
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


def read(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set, every element of it decoded."""
    if transfer_syntax not in (IMPLICIT_LE, EXPLICIT_LE):
        raise Unreadable("no transfer syntax for this service")
    try:
        with config.disable_value_validation():
            found = read_dataset(
                BytesIO(data), transfer_syntax == IMPLICIT_LE, is_little_endian=True
            )
            _settle(found, DEPTH)
    except _BROKEN as error:
        raise Unreadable(f"the data set cannot be read ({type(error).__name__})") from None
    return found


def write(data_set: Dataset, transfer_syntax: str) -> bytes:
    """Text must fit the data set's own Specific Character Set."""
    target = DicomBytesIO()
    target.is_implicit_VR = transfer_syntax == IMPLICIT_LE
    target.is_little_endian = True
    with config.disable_value_validation():
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
