"""A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 9.3.2 and 9.3.3) as values.

``decode`` takes the body behind the six-byte header; ``encode`` gives the whole unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from gateway.protocols.dicom.errors import Violation
from gateway.protocols.dicom.framing import PduType, unit
from gateway.protocols.dicom.items import (
    AnsweredContext,
    ItemType,
    ProposedContext,
    check_contexts,
    read_answered,
    read_items,
    read_proposed,
    write_answered,
    write_item,
    write_proposed,
)
from gateway.protocols.dicom.uid import (
    APPLICATION_CONTEXT,
    read_ae_title,
    read_uid,
    write_ae_title,
)
from gateway.protocols.dicom.user_information import (
    UserInformation,
    read_user_information,
    write_user_information,
)

_FIXED: Final = 68  # bytes before the items
_TITLES: Final = slice(4, _FIXED)


def _associate(version: int, titles: bytes, context: str, rest: list[bytes]) -> bytes:
    application = write_item(ItemType.APPLICATION_CONTEXT, context.encode("latin-1"))
    return b"".join((version.to_bytes(2, "big"), b"\0\0", titles, application, *rest))


def _titles(called: str, calling: str) -> bytes:
    return write_ae_title(called) + write_ae_title(calling) + bytes(32)


@dataclass(frozen=True, slots=True)
class AssociateRQ:
    """A-ASSOCIATE-RQ.  ``titles``: the 64 bytes an acceptor must send back as they came."""

    kind: ClassVar[PduType] = PduType.ASSOCIATE_RQ
    called: str
    calling: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = APPLICATION_CONTEXT
    version: int = 1
    titles: bytes = field(default=b"", repr=False, compare=False)

    def encode(self) -> bytes:
        """The whole unit."""
        titles = self.titles or _titles(self.called, self.calling)
        items = [write_proposed(context) for context in self.contexts]
        items.append(write_item(ItemType.USER_INFORMATION, write_user_information(self.user)))
        body = _associate(self.version, titles, self.application_context, items)
        return unit(self.kind, body)

    @classmethod
    def decode(cls, body: bytes) -> AssociateRQ:
        """Reads the body; unknown items are passed over."""
        contexts, application, user = [], "", UserInformation()
        for kind, value in read_items(_variable(body)):
            if kind == ItemType.PROPOSED_CONTEXT:
                contexts.append(read_proposed(value))
            elif kind == ItemType.APPLICATION_CONTEXT:
                application = read_uid(value)
            elif kind == ItemType.USER_INFORMATION:
                user = read_user_information(value)
        check_contexts([context.id for context in contexts])
        called, calling = read_ae_title(body[4:20]), read_ae_title(body[20:36])
        version = int.from_bytes(body[:2], "big")
        return cls(
            called, calling, tuple(contexts), user, application, version, bytes(body[_TITLES])
        )


@dataclass(frozen=True, slots=True)
class AssociateAC:
    """A-ASSOCIATE-AC.  Its titles repeat the request's and are not to be tested."""

    kind: ClassVar[PduType] = PduType.ASSOCIATE_AC
    contexts: tuple[AnsweredContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    titles: bytes = field(default=bytes(64), repr=False)
    application_context: str = APPLICATION_CONTEXT
    version: int = 1

    def encode(self) -> bytes:
        """The whole unit."""
        items = [write_answered(context) for context in self.contexts]
        items.append(write_item(ItemType.USER_INFORMATION, write_user_information(self.user)))
        body = _associate(self.version, self.titles, self.application_context, items)
        return unit(self.kind, body)

    @classmethod
    def decode(cls, body: bytes) -> AssociateAC:
        """Reads the body; unknown items are passed over."""
        contexts, application, user = [], "", UserInformation()
        for kind, value in read_items(_variable(body)):
            if kind == ItemType.ANSWERED_CONTEXT:
                contexts.append(read_answered(value))
            elif kind == ItemType.APPLICATION_CONTEXT:
                application = read_uid(value)
            elif kind == ItemType.USER_INFORMATION:
                user = read_user_information(value)
        check_contexts([context.id for context in contexts])
        version = int.from_bytes(body[:2], "big")
        return cls(tuple(contexts), user, bytes(body[_TITLES]), application, version)


def _variable(body: bytes) -> bytes:
    if len(body) < _FIXED:
        raise Violation(f"association PDU of {len(body)} bytes")
    return body[_FIXED:]
