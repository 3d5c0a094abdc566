"""What the DICOM tests share: readable literal bytes, two associations joined in memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gateway.protocols.dicom import (
    Association,
    AssociationAccepted,
    AssociationRequested,
    DataReceived,
    Event,
    Policy,
    Role,
    RoleSelection,
    Service,
    Settings,
    negotiate,
    propose,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE, VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE

EVERYTHING = Policy.offering(Service)
ECHO = (VERIFICATION, [IMPLICIT_LE])
STILL = (ULTRASOUND_IMAGE, [EXPLICIT_LE, IMPLICIT_LE])

_TOKEN = re.compile(r"'([^']*)'|([0-9A-Fa-f]+)|\s+|#[^\n]*")


def wire(text: str) -> bytes:
    """Hex digits, 'quoted ASCII', blanks and # comments."""
    out, position = bytearray(), 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token, text[position : position + 20]
        quoted, digits = token.groups()
        if quoted is not None:
            out += quoted.encode("ascii")
        elif digits:
            out += bytes.fromhex(digits)
        position = token.end()
    return bytes(out)


def events(association: Association) -> list[Event]:
    """All that is there; views are turned into bytes of their own."""
    found: list[Event] = []
    while (event := association.next_event()) is not None:
        if isinstance(event, DataReceived):
            event = DataReceived(
                event.context_id, event.message_id, memoryview(bytes(event.data)), event.last
            )
        found.append(event)
    return found


def joined(found: Iterable[Event]) -> list[Event]:
    """The same with the pieces of each data set put together: how they were cut is no matter."""
    out: list[Event] = []
    for event in found:
        before = out[-1] if out else None
        if isinstance(event, DataReceived) and isinstance(before, DataReceived) and not before.last:
            data = memoryview(bytes(before.data) + bytes(event.data))
            out[-1] = DataReceived(event.context_id, event.message_id, data, event.last)
        else:
            out.append(event)
    return out


class Pair:
    """A requestor and an acceptor; what one sends is at once what the other received."""

    def __init__(
        self,
        contexts: Sequence[tuple[str, Sequence[str]]] = (ECHO, STILL),
        *,
        policy: Policy = EVERYTHING,
        roles: Sequence[RoleSelection] = (),
        requestor: Settings | None = None,
        acceptor: Settings | None = None,
    ) -> None:
        self.requestor = Association(Role.REQUESTOR, requestor)
        self.acceptor = Association(Role.ACCEPTOR, acceptor)
        request = propose("GATEWAY", "VOLUSON", contexts, roles=roles, settings=requestor)
        (asked,) = self.to_acceptor(self.requestor.associate(request))
        assert isinstance(asked, AssociationRequested)
        negotiation = negotiate(asked.request, policy)
        (answered,) = self.to_requestor(self.acceptor.accept(negotiation))
        assert isinstance(answered, AssociationAccepted)
        self.answered = answered

    def to_acceptor(self, data: bytes) -> list[Event]:
        self.acceptor.receive_data(data)
        return events(self.acceptor)

    def to_requestor(self, data: bytes) -> list[Event]:
        self.requestor.receive_data(data)
        return events(self.requestor)


def join(units: Iterable[Sequence[bytes | bytearray | memoryview]]) -> bytes:
    """All units of a stream in one piece."""
    return b"".join(bytes(buffer) for unit in units for buffer in unit)
