"""What a peer takes: asked of itself, one association after the other.

Every storage class is offered in each of its transfer syntaxes as a context of its own, the way
forwarding offers what is stored; commitment in both roles; C-ECHO is sent.  Nothing is stored.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gateway.drivers.dicom.client import Remote, associate
from gateway.drivers.dicom.service import AssociationOver, AssociationRefused
from gateway.drivers.dicom.services import reporter
from gateway.drivers.dicom.services.proposing import PLAIN
from gateway.protocols.dicom import CEchoRQ, Negotiation, RoleSelection, Settings, Timers
from gateway.protocols.dicom.items import MAX_CONTEXTS
from gateway.protocols.dicom.sop_classes import STORAGE_CLASSES, STORAGE_COMMITMENT, VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from gateway.protocols.dicom.user_information import UserInformation

Contexts = Sequence[tuple[str, Sequence[str]]]
BASIC: Final[Contexts] = ((VERIFICATION, PLAIN), (STORAGE_COMMITMENT, PLAIN))


class Unconnected(Exception):
    """No TCP connection; the cause is the ``OSError`` or ``TimeoutError``."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One association: what became of it.  ``refused`` when there was none, or no context of it.

    ``echo``: the status of C-ECHO where it was sent.
    """

    negotiation: Negotiation | None = None
    peer: UserInformation | None = None
    refused: AssociationRefused | None = None
    echo: int | None = None


def storage_contexts() -> Iterator[Contexts]:
    """Every class in every syntax it may travel in, in portions that fit an association."""
    portion: list[tuple[str, Sequence[str]]] = []
    for sop in STORAGE_CLASSES:
        here = [uid for uid in TRANSFER_SYNTAXES if uid in sop.transfer_syntaxes]
        if len(portion) + len(here) > MAX_CONTEXTS:
            yield portion
            portion = []
        portion.extend((sop.uid, (uid,)) for uid in here)
    yield portion


async def connect(remote: Remote, seconds: float) -> None:
    """Whether anybody listens there at all.  ``Unconnected``."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(remote.host, remote.port)
    except (OSError, TimeoutError) as error:
        raise Unconnected from error
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


async def ask(
    remote: Remote,
    calling: str,
    contexts: Contexts,
    *,
    seconds: float,
    roles: Sequence[RoleSelection] = (),
) -> Answered:
    """Offers these; where verification was accepted, sends a C-ECHO."""
    waits = replace(Timers(), associate=seconds, reply=seconds, closing=min(1.0, seconds))
    settings = Settings(timers=waits)
    try:
        async with associate(remote, calling, contexts, roles=roles, settings=settings) as called:
            echo = None
            for context in called.dialogue.contexts_of(VERIFICATION):
                request = CEchoRQ(message_id=called.dialogue.next_message_id())
                echo = (await called.dialogue.ask(context, request)).message.status
            return Answered(called.negotiation, called.peer, None, echo)
    except AssociationRefused as error:
        return Answered(error.negotiation, None, error)
    except AssociationOver as error:
        return Answered(refused=AssociationRefused(str(error) or "it hung up"))


async def ask_for_reports(remote: Remote, calling: str, *, seconds: float) -> Answered:
    """Whether it takes commitment reports on an association of ours."""
    return await ask(remote, calling, reporter.CONTEXTS, seconds=seconds, roles=reporter.ROLES)


def is_unknown_name(error: BaseException | None) -> bool:
    """Whether a connection failed because the host's name leads nowhere."""
    return isinstance(error, socket.gaierror)
