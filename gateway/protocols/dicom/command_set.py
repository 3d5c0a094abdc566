"""The command set of a DIMSE message: group 0000, always Implicit VR Little Endian (PS3.7 6.3.1).

Raw values by element number, with the one reading each value representation has.  Elements nobody
knows are kept; a group length that lies is passed over, since the end of the command is known from
its last fragment.  Anything that is not a list of group 0000 elements is a ``Violation``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final

from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.uid import read_ae_title, read_uid

MAX_ELEMENTS: Final = 256
MAX_COMMENT: Final = 64  # bytes of an error comment
NO_DATA_SET: Final = 0x0101
DATA_SET: Final = 0x0001

_ELEMENT: Final = struct.Struct("<HHL")

Value = str | int | tuple[int, ...]


class Representation(Enum):
    """Value representations a command uses."""

    AE = "AE"
    AT = "AT"
    LO = "LO"
    UI = "UI"
    UL = "UL"
    US = "US"


class Element(IntEnum):
    """Element numbers within group 0000 (PS3.7 annex E)."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    OFFENDING_ELEMENT = 0x0901
    ERROR_COMMENT = 0x0902
    ERROR_ID = 0x0903
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ATTRIBUTE_IDENTIFIER_LIST = 0x1005
    ACTION_TYPE_ID = 0x1008
    NUMBER_OF_REMAINING_SUBOPERATIONS = 0x1020
    NUMBER_OF_COMPLETED_SUBOPERATIONS = 0x1021
    NUMBER_OF_FAILED_SUBOPERATIONS = 0x1022
    NUMBER_OF_WARNING_SUBOPERATIONS = 0x1023
    MOVE_ORIGINATOR_AE_TITLE = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


_OTHERS: Final = {
    Element.GROUP_LENGTH: Representation.UL,
    Element.AFFECTED_SOP_CLASS_UID: Representation.UI,
    Element.REQUESTED_SOP_CLASS_UID: Representation.UI,
    Element.MOVE_DESTINATION: Representation.AE,
    Element.OFFENDING_ELEMENT: Representation.AT,
    Element.ERROR_COMMENT: Representation.LO,
    Element.AFFECTED_SOP_INSTANCE_UID: Representation.UI,
    Element.REQUESTED_SOP_INSTANCE_UID: Representation.UI,
    Element.ATTRIBUTE_IDENTIFIER_LIST: Representation.AT,
    Element.MOVE_ORIGINATOR_AE_TITLE: Representation.AE,
}
REPRESENTATIONS: Final[Mapping[int, Representation]] = MappingProxyType(
    {element: _OTHERS.get(element, Representation.US) for element in Element}
)


def _write_tags(tags: tuple[int, ...]) -> bytes:
    return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in tags)


def _read_tags(value: bytes) -> tuple[int, ...]:
    if len(value) % 4:
        raise Violation(f"a list of attribute tags of {len(value)} bytes")
    return tuple(group << 16 | element for group, element in struct.iter_unpack("<HH", value))


def _read_number(value: bytes, size: int) -> int:
    if len(value) != size:
        raise Violation(f"a {size * 8}-bit number of {len(value)} bytes")
    return int.from_bytes(value, "little")


def write_value(element: Element, value: Value) -> bytes:
    """The value in bytes, padded to even length as its representation asks."""
    if isinstance(value, int):
        size = 4 if REPRESENTATIONS[element] is Representation.UL else 2
        return value.to_bytes(size, "little")
    if isinstance(value, tuple):
        return _write_tags(value)
    data = value.encode("latin-1", "replace")
    if REPRESENTATIONS[element] is Representation.LO:
        data = data[:MAX_COMMENT]
    pad = b"\0" if REPRESENTATIONS[element] is Representation.UI else b" "
    return data + pad * (len(data) % 2)


def read_value(element: Element, value: bytes) -> Value:
    """The inverse.  ``Violation`` when the length fits no such value."""
    match REPRESENTATIONS[element]:
        case Representation.US:
            return _read_number(value, 2)
        case Representation.UL:
            return _read_number(value, 4)
        case Representation.UI:
            return read_uid(value)
        case Representation.AT:
            return _read_tags(value)
        case Representation.AE:
            return read_ae_title(value)
        case Representation.LO:
            return value.strip(b"\0 ").decode("latin-1")


@dataclass(frozen=True, slots=True)
class CommandSet:
    """Raw values by element number.  Its ``repr`` shows none: a comment may name a patient."""

    elements: Mapping[int, bytes] = field(repr=False)

    def get(self, element: Element) -> Value | None:
        """The value, or None when absent or empty."""
        raw = self.elements.get(element)
        return read_value(element, raw) if raw else None

    def number(self, element: Element) -> int | None:
        """The value where it is a number of the right length, else None; never raises."""
        raw = self.elements.get(element)
        return int.from_bytes(raw, "little") if raw and len(raw) == 2 else None

    def encode(self) -> bytes:
        """All elements in order, with a fresh group length."""
        body = b"".join(
            _ELEMENT.pack(0, number, len(value)) + value
            for number, value in sorted(self.elements.items())
            if number != Element.GROUP_LENGTH
        )
        return _ELEMENT.pack(0, Element.GROUP_LENGTH, 4) + len(body).to_bytes(4, "little") + body

    @classmethod
    def decode(cls, data: bytes) -> CommandSet:
        """Reads a whole command."""
        elements: dict[int, bytes] = {}
        position, end = 0, len(data)
        while position < end:
            if end - position < _ELEMENT.size:
                raise Violation("a command ends within an element header")
            group, number, length = _ELEMENT.unpack_from(data, position)
            position += _ELEMENT.size
            _check_element(group, number, length, end - position, elements)
            elements[number] = data[position : position + length]
            position += length
        return cls(MappingProxyType(elements))


def _check_element(group: int, number: int, length: int, left: int, seen: dict[int, bytes]) -> None:
    if group:
        raise Violation(f"an element of group {group:04X} in a command")
    if length > left:
        raise Violation(f"element 0000,{number:04X} announces {length} bytes, {left} are left")
    if number in seen:
        raise Violation(f"element 0000,{number:04X} comes twice")
    if len(seen) == MAX_ELEMENTS:
        raise Violation(f"more than {MAX_ELEMENTS} elements in a command")
