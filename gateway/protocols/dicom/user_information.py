"""The user information item of A-ASSOCIATE-RQ and -AC (PS3.7 annex D.3.3, PS3.8 annex D).

Every sub-item of the standard is understood; one that nobody knows is kept as bytes.  Credentials
of a user identity never show in a ``repr``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.items import read_items, write_item
from gateway.protocols.dicom.uid import read_uid

MAX_SUB_ITEMS: Final = 1024

_LENGTH: Final = struct.Struct(">H")
_MAX_LENGTH: Final = struct.Struct(">L")
_WINDOW: Final = struct.Struct(">HH")


class SubItem(IntEnum):
    """Sub-items of the user information item."""

    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS = 0x52
    ASYNCHRONOUS_OPERATIONS = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION = 0x55
    EXTENDED_NEGOTIATION = 0x56
    COMMON_EXTENDED_NEGOTIATION = 0x57
    USER_IDENTITY = 0x58
    USER_IDENTITY_ANSWER = 0x59


@dataclass(frozen=True, slots=True)
class AsynchronousOperations:
    """How many operations may be outstanding; 0 is unlimited."""

    invoked: int = 1
    performed: int = 1


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """Roles the association requestor wants (RQ) or may play (AC) for one class."""

    sop_class: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """Service-class application information of one class, uninterpreted."""

    sop_class: str
    information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """A class's service class and the general classes it specialises."""

    sop_class: str
    service_class: str
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """``kind`` 1 user name, 2 with passcode, 3 Kerberos, 4 SAML, 5 JWT."""

    kind: int
    answer_wanted: bool
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class UserInformation:
    """``max_length`` is the largest P-DATA-TF this side takes: 0 unlimited, None not said."""

    max_length: int | None = None
    implementation_class_uid: str = ""
    implementation_version: str = ""
    asynchronous: AsynchronousOperations | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_answer: bytes | None = field(default=None, repr=False)
    others: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)


def _counted(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _counted_uid(uid: str) -> bytes:
    return _counted(uid.encode("latin-1"))


def _take(body: bytes, position: int) -> tuple[bytes, int]:
    """A value with a 16-bit length before it, and where the next begins."""
    start = position + 2
    if start > len(body):
        raise Violation("a user information sub-item ends within a length")
    end = start + int.from_bytes(body[position:start], "big")
    if end > len(body):
        raise Violation("a length within a user information sub-item is too large")
    return body[start:end], end


def _role(body: bytes) -> RoleSelection:
    uid, end = _take(body, 0)
    if len(body) - end < 2:
        raise Violation("role selection without roles")
    return RoleSelection(read_uid(uid), body[end] == 1, body[end + 1] == 1)


def _extended(body: bytes) -> ExtendedNegotiation:
    uid, end = _take(body, 0)
    return ExtendedNegotiation(read_uid(uid), body[end:])


def _common_extended(body: bytes) -> CommonExtendedNegotiation:
    uid, position = _take(body, 0)
    service, position = _take(body, position)
    list_of_related, _ = _take(body, position)
    related, position = [], 0
    while position < len(list_of_related):
        value, position = _take(list_of_related, position)
        related.append(read_uid(value))
    return CommonExtendedNegotiation(read_uid(uid), read_uid(service), tuple(related))


def _identity(body: bytes) -> UserIdentity:
    if len(body) < 2:
        raise Violation("user identity without a type")
    primary, position = _take(body, 2)
    secondary, _ = _take(body, position)
    return UserIdentity(body[0], body[1] == 1, primary, secondary)


def _window(body: bytes) -> AsynchronousOperations:
    if len(body) != _WINDOW.size:
        raise Violation(f"asynchronous operations window of {len(body)} bytes")
    return AsynchronousOperations(*_WINDOW.unpack(body))


def _max_length(body: bytes) -> int:
    if len(body) != _MAX_LENGTH.size:
        raise Violation(f"maximum length sub-item of {len(body)} bytes")
    return int.from_bytes(body, "big")


def _version(body: bytes) -> str:
    return body.strip(b"\0 ").decode("latin-1")


_ONCE: Final[dict[int, tuple[str, Callable[[bytes], object]]]] = {
    SubItem.MAXIMUM_LENGTH: ("max_length", _max_length),
    SubItem.IMPLEMENTATION_CLASS: ("implementation_class_uid", read_uid),
    SubItem.ASYNCHRONOUS_OPERATIONS: ("asynchronous", _window),
    SubItem.IMPLEMENTATION_VERSION: ("implementation_version", _version),
    SubItem.USER_IDENTITY: ("identity", _identity),
    SubItem.USER_IDENTITY_ANSWER: ("identity_answer", lambda body: _take(body, 0)[0]),
}
_MANY: Final[dict[int, tuple[str, Callable[[bytes], object]]]] = {
    SubItem.ROLE_SELECTION: ("roles", _role),
    SubItem.EXTENDED_NEGOTIATION: ("extended", _extended),
    SubItem.COMMON_EXTENDED_NEGOTIATION: ("common_extended", _common_extended),
}


def read_user_information(body: bytes) -> UserInformation:
    """The item's body as a value; of a sub-item that may come once, the first counts."""
    values: dict[str, Any] = {}
    for count, (kind, data) in enumerate(read_items(body)):
        if count == MAX_SUB_ITEMS:
            raise Violation(f"more than {MAX_SUB_ITEMS} user information sub-items")
        if once := _ONCE.get(kind):
            values.setdefault(once[0], once[1](data))
        elif many := _MANY.get(kind):
            values.setdefault(many[0], []).append(many[1](data))
        else:
            values.setdefault("others", []).append((kind, data))
    many_of = {name: tuple(values[name]) for name in values if isinstance(values[name], list)}
    values.update(many_of)
    return UserInformation(**values)


def write_user_information(user: UserInformation) -> bytes:
    """The item's body, sub-items in the order of their types."""
    return b"".join(write_item(kind, body) for kind, body in _sub_items(user))


def _sub_items(user: UserInformation) -> Iterator[tuple[int, bytes]]:
    if user.max_length is not None:
        yield SubItem.MAXIMUM_LENGTH, _MAX_LENGTH.pack(user.max_length)
    if user.implementation_class_uid:
        yield SubItem.IMPLEMENTATION_CLASS, user.implementation_class_uid.encode("latin-1")
    if window := user.asynchronous:
        yield SubItem.ASYNCHRONOUS_OPERATIONS, _WINDOW.pack(window.invoked, window.performed)
    for role in user.roles:
        roles = bytes((role.scu, role.scp))
        yield SubItem.ROLE_SELECTION, _counted_uid(role.sop_class) + roles
    if user.implementation_version:
        yield SubItem.IMPLEMENTATION_VERSION, user.implementation_version.encode("latin-1")
    yield from _negotiations(user)
    yield from user.others


def _negotiations(user: UserInformation) -> Iterator[tuple[int, bytes]]:
    for one in user.extended:
        yield SubItem.EXTENDED_NEGOTIATION, _counted_uid(one.sop_class) + one.information
    for common in user.common_extended:
        related = _counted(b"".join(_counted_uid(uid) for uid in common.related))
        uids = _counted_uid(common.sop_class) + _counted_uid(common.service_class)
        yield SubItem.COMMON_EXTENDED_NEGOTIATION, uids + related
    if who := user.identity:
        head = bytes((who.kind, who.answer_wanted))
        yield SubItem.USER_IDENTITY, head + _counted(who.primary) + _counted(who.secondary)
    if user.identity_answer is not None:
        yield SubItem.USER_IDENTITY_ANSWER, _counted(user.identity_answer)
