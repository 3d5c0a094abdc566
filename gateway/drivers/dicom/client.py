"""Associations we ask for: C-ECHO, forwarding, reports, C-MOVE's sub-operations.

::

    async with associate(remote, "GATEWAY", [(ULTRASOUND_IMAGE, [EXPLICIT_LE])]) as called:
        (context,) = called.dialogue.contexts_of(ULTRASOUND_IMAGE)
        answer = await called.dialogue.ask(context, CStoreRQ(...), Payload(...))

Left in order, the association is released; by an exception, aborted.  What the peer may ask of us
on it (its commitment report, its C-GET stores) is answered by ``routing``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.drivers.dicom.blocks import Blocks
from gateway.drivers.dicom.line import Line
from gateway.drivers.dicom.routing import Routing
from gateway.drivers.dicom.service import (
    Answer,
    AssociationRefused,
    Caller,
    Dialogue,
)
from gateway.protocols.dicom import (
    AssociateRQ,
    Association,
    AssociationAccepted,
    AssociationRejected,
    AssociationRequested,
    CEchoRQ,
    Negotiation,
    Role,
    RoleSelection,
    Settings,
    propose,
)
from gateway.protocols.dicom.sop_classes import VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE
from gateway.protocols.dicom.user_information import UserInformation

CONNECT: Final = 15.0
NOTHING: Final = Settings()


@dataclass(frozen=True, slots=True)
class Remote:
    """A peer to call.  ``device``: the section's name, if it is a configured one."""

    ae_title: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None
    device: str | None = None

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Called:
    """An established association of ours; ``negotiation`` explains itself, ``peer`` is what the
    other side announced."""

    dialogue: Dialogue
    negotiation: Negotiation
    peer: UserInformation


class Calling:
    """The owner of one outgoing line."""

    def __init__(self, request: AssociateRQ) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self.answer: asyncio.Future[AssociationAccepted] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()

    def opened(self, line: Line) -> None:
        line.put(line.association.associate(self._request))

    def establishing(
        self,
        line: Line,
        event: AssociationRequested | AssociationAccepted | AssociationRejected,
    ) -> None:
        if self.answer.done():
            return
        match event:
            case AssociationAccepted():
                self.answer.set_result(event)
            case AssociationRejected(rejection=rejection):
                text, permanent = f"rejected: {rejection.text}", rejection.permanent
                refused = AssociationRefused(text, permanent=permanent, rejection=rejection)
                self.answer.set_exception(refused)
            case _:
                pass

    def forget(self) -> None:
        """Nobody asks for the answer any more."""
        if not self.answer.cancel() and not self.answer.cancelled():
            self.answer.exception()

    def ended(self, line: Line, reason: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(AssociationRefused(reason or "it hung up"))
        if not self.closed.done():
            self.closed.set_result(None)


@asynccontextmanager
async def associate(
    remote: Remote,
    calling: str,
    contexts: Iterable[tuple[str, Sequence[str]]],
    *,
    roles: Iterable[RoleSelection] = (),
    routing: Routing | None = None,
    settings: Settings = NOTHING,
) -> AsyncIterator[Called]:
    """``AssociationRefused`` when there is none, or without a single accepted context."""
    request = propose(remote.ae_title, calling, contexts, roles=roles, settings=settings)
    owner = Calling(request)
    answering = routing or Routing((), None, Blocks(0))
    line = Line(Association(Role.REQUESTOR, settings), answering, owner)
    line.caller = Caller(remote.device, remote.ae_title, calling, remote.host)
    try:
        await _connect(remote, line)
        accepted = await owner.answer
        negotiation = accepted.negotiation
        if not negotiation.accepted:
            text = "no presentation context was accepted"
            raise AssociationRefused(text, permanent=True, negotiation=negotiation)
        yield Called(line.asking, negotiation, accepted.answer.user)
        await _release(line)
    finally:
        line.abort()
        await line.finished()
        if line.connected:
            await owner.closed
        owner.forget()


async def echo(remote: Remote, calling: str) -> Answer:
    """C-ECHO, on an association of its own."""
    syntaxes = [IMPLICIT_LE, EXPLICIT_LE]
    async with associate(remote, calling, [(VERIFICATION, syntaxes)]) as called:
        dialogue = called.dialogue
        (context,) = dialogue.contexts_of(VERIFICATION)
        return await dialogue.ask(context, CEchoRQ(message_id=dialogue.next_message_id()))


async def _connect(remote: Remote, line: Line) -> None:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT):
            await loop.create_connection(
                lambda: line,
                remote.host,
                remote.port,
                ssl=remote.tls,
                server_hostname=remote.host if remote.tls else None,
            )
    except (OSError, TimeoutError, ssl.SSLError) as error:
        raise AssociationRefused(f"cannot connect: {_text(error)}") from None


async def _release(line: Line) -> None:
    """In order if the peer lets us; the association's own timer bounds the wait."""
    await line.finished()
    if line.over:
        return
    line.put(line.association.release())
    line.settle()
    await line.left.wait()


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
