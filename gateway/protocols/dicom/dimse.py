"""Command set to typed message and back, for every DIMSE message the gateway speaks.

A request that cannot be read becomes ``Unrecognized`` and is still answered; a response or a cancel
that cannot be read is a ``Violation``, because nothing could be concluded from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gateway.protocols.dicom.command_set import (
    DATA_SET,
    NO_DATA_SET,
    CommandSet,
    Element,
    write_value,
)
from gateway.protocols.dicom.composite import (
    CCancelRQ,
    CEchoRQ,
    CEchoRSP,
    CFindRQ,
    CFindRSP,
    CGetRQ,
    CGetRSP,
    CMoveRQ,
    CMoveRSP,
    CStoreRQ,
    CStoreRSP,
)
from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.message import (
    RESPONSE_BIT,
    CommandField,
    Priority,
    Refusal,
    Request,
    Response,
    Unrecognized,
)
from gateway.protocols.dicom.normalized import (
    NActionRQ,
    NActionRSP,
    NCreateRQ,
    NCreateRSP,
    NEventReportRQ,
    NEventReportRSP,
    NGetRQ,
    NGetRSP,
    NSetRQ,
    NSetRSP,
)
from gateway.protocols.dicom.status import Status

AnyRequest = (
    CEchoRQ
    | CStoreRQ
    | CFindRQ
    | CMoveRQ
    | CGetRQ
    | NEventReportRQ
    | NGetRQ
    | NSetRQ
    | NActionRQ
    | NCreateRQ
)
AnyResponse = (
    CEchoRSP
    | CStoreRSP
    | CFindRSP
    | CMoveRSP
    | CGetRSP
    | NEventReportRSP
    | NGetRSP
    | NSetRSP
    | NActionRSP
    | NCreateRSP
)
Message = AnyRequest | AnyResponse | CCancelRQ
Received = Message | Unrecognized
Sendable = Message | Refusal

_CLASSES: Final[tuple[type[Message], ...]] = (
    CEchoRQ,
    CEchoRSP,
    CStoreRQ,
    CStoreRSP,
    CFindRQ,
    CFindRSP,
    CMoveRQ,
    CMoveRSP,
    CGetRQ,
    CGetRSP,
    CCancelRQ,
    NEventReportRQ,
    NEventReportRSP,
    NGetRQ,
    NGetRSP,
    NSetRQ,
    NSetRSP,
    NActionRQ,
    NActionRSP,
    NCreateRQ,
    NCreateRSP,
)
MESSAGES: Final[Mapping[int, type[Message]]] = MappingProxyType(
    {cls.command_field: cls for cls in _CLASSES}
)


class _Slot(NamedTuple):
    name: str
    element: Element
    required: bool


def _layout(cls: type[Sendable]) -> tuple[_Slot, ...]:
    return tuple(
        _Slot(one.name, Element[one.name.upper()], one.default is MISSING)
        for one in fields(cls)
        if one.name != "command_field"
    )


_LAYOUTS: Final[Mapping[type, tuple[_Slot, ...]]] = MappingProxyType(
    {cls: _layout(cls) for cls in (*_CLASSES, Refusal)}
)
"""Which element fills which field: they have the same names."""


def write_message(message: Sendable, *, has_data: bool) -> CommandSet:
    """The command set of a message; ``has_data`` says whether a data set follows it."""
    elements: dict[int, bytes] = {
        slot.element: write_value(slot.element, value)
        for slot in _LAYOUTS[type(message)]
        if (value := getattr(message, slot.name)) is not None
    }
    field, kind = Element.COMMAND_FIELD, Element.COMMAND_DATA_SET_TYPE
    elements[field] = write_value(field, int(message.command_field))
    elements[kind] = write_value(kind, DATA_SET if has_data else NO_DATA_SET)
    return CommandSet(elements)


def has_data_set(command: CommandSet) -> bool:
    """Whether a data set follows.  Without the element there is no telling: ``Violation``."""
    kind = command.number(Element.COMMAND_DATA_SET_TYPE)
    if kind is None:
        raise Violation("a command does not say whether a data set follows")
    return kind != NO_DATA_SET


def read_message(command: CommandSet) -> Received:
    """The typed message of a command set."""
    number = command.number(Element.COMMAND_FIELD)
    if number is None:
        raise Violation("a command without its command field")
    cls = MESSAGES.get(number)
    if cls is None:
        reason = f"command field {number:04X} is unknown"
        return _unrecognized(number, command, Status.UNRECOGNIZED_OPERATION, reason)
    try:
        return cls(**_read_fields(cls, command))
    except Violation as violation:
        return _unrecognized(number, command, Status.MISTYPED_ARGUMENT, violation.detail)


def _read_fields(cls: type[Message], command: CommandSet) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for slot in _LAYOUTS[cls]:
        value = command.get(slot.element)
        if value is not None:
            values[slot.name] = value
        elif slot.required:
            name = CommandField(cls.command_field).name.replace("_", "-")
            raise Violation(f"{name} lacks element 0000,{slot.element:04X}")
    if "priority" in values:
        values["priority"] = _priority(values["priority"])
    return values


def _priority(number: int) -> Priority:
    return Priority(number) if number <= max(Priority) else Priority.MEDIUM


def _unrecognized(number: int, command: CommandSet, status: Status, reason: str) -> Unrecognized:
    message_id = command.number(Element.MESSAGE_ID)
    if message_id is None or number & RESPONSE_BIT or number == CommandField.C_CANCEL_RQ:
        raise Violation(reason)
    return Unrecognized(
        command_field=number, message_id=message_id, status=status, reason=reason, command=command
    )


def message_id_of(message: Received | Refusal) -> int:
    """The id of the exchange a message belongs to."""
    if isinstance(message, Request | Unrecognized):
        return message.message_id
    return message.message_id_being_responded_to


def is_response(message: Sendable | Received) -> bool:
    """Whether it answers a request."""
    return isinstance(message, Response | Refusal)
