"""What a DICOM service sees of an association, and what the node expects of a service.

A ``Provider`` is a service class provider (PS3.4): it says which services it stands for, and
answers one request at a time through an ``Exchange``.  Its data sets come in one piece, at most
``data_set_limit`` bytes of them (a longer one ends the association), encoded in the transfer syntax
of ``exchange.context``.  C-STORE is not among them: the node streams it into the archive.

::

    class Worklist:
        services = frozenset({Service.WORKLIST})
        data_set_limit = 65536

        async def provide(self, exchange, request, data_set):
            match request:
                case CFindRQ():
                    async for match in self.matches(data_set, exchange.caller):
                        if exchange.cancelled.is_set():
                            await exchange.respond(request.response(Status.CANCEL))
                            return
                        await exchange.respond(request.response(Status.PENDING), match)
                    await exchange.respond(request.response(Status.SUCCESS))

A provider that raises, or returns without a final response, has 0110 answered for it.  When the
association ends, ``provide`` is cancelled; what must be finished belongs into the store before.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from gateway.errors import GatewayError
from gateway.protocols.dicom import (
    AnyRequest,
    AnyResponse,
    Context,
    Negotiation,
    Sendable,
    Service,
)
from gateway.protocols.dicom.rejection import Rejection


class AssociationOver(GatewayError):
    """The association ended before the answer; nothing more can be said on it."""


class AssociationRefused(GatewayError):
    """The peer cannot be reached or takes no association, or no context of it.

    ``rejection``: it said no to the association; ``negotiation``: it took none of the contexts.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        rejection: Rejection | None = None,
        negotiation: Negotiation | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.rejection = rejection
        self.negotiation = negotiation


_TITLE: Final = re.compile("[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked for the association.  ``device`` is the section's name; None is a stranger."""

    device: str | None
    ae_title: str
    called: str
    host: str

    def __str__(self) -> str:
        known = self.device is not None  # then it is the configuration's own
        return f"{self.ae_title if known else _sayable(self.ae_title)}@{self.host}"

    @property
    def calls(self) -> str:
        """The called title, as far as it may be told."""
        return _sayable(self.called)


def _sayable(title: str) -> str:
    """A title as logs and status topics may have it: somebody may have typed a patient's name or
    number where one belongs."""
    return title if _TITLE.fullmatch(title) else "(an odd title)"


@dataclass(frozen=True, slots=True)
class Payload:
    """A data set that is sent from a file, piece by piece: ``length`` bytes from ``offset`` on.

    ``open`` is called in a thread; the file is closed when the data set is out or cannot be sent.
    """

    open: Callable[[], BinaryIO]
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the peer to a request of ours."""

    message: AnyResponse
    data_set: bytes | None = None


class Dialogue(Protocol):
    """An established association, either end: requests of our own go out here.

    One request is under way at a time; a second caller waits for its turn.
    """

    @property
    def over(self) -> bool:
        """Whether it has ended."""

    def contexts_of(self, abstract_syntax: str) -> Sequence[Context]:
        """The accepted contexts of a class, with the roles we may play."""

    def next_message_id(self) -> int:
        """For our next request."""

    async def ask(
        self,
        context: Context,
        request: AnyRequest,
        data_set: bytes | Payload | None = None,
        *,
        patience: float | None = None,
    ) -> Answer:
        """Sends a request and gives its final response (pending ones are passed over).

        ``AssociationOver`` when it ended first; ``TimeoutError`` when the peer took no more of it,
        or did not answer, for ``patience`` seconds.
        """

    def ask_all(
        self, context: Context, request: AnyRequest, data_set: bytes | None = None
    ) -> AsyncIterator[Answer]:
        """Every response, the pending ones as they come, the final one last (C-FIND, C-MOVE)."""

    async def cancel(self, context: Context, request: AnyRequest) -> None:
        """C-CANCEL for a request under way."""


class Exchange(Protocol):
    """One request of the peer, until its final response."""

    @property
    def caller(self) -> Caller:
        """Who is asking; ``device`` names the configured unit."""

    @property
    def context(self) -> Context:
        """The presentation context of the request: class, transfer syntax, roles."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the peer sent C-CANCEL for this request."""

    @property
    def dialogue(self) -> Dialogue:
        """The same association for requests of our own: C-GET's stores, a commitment's report."""

    async def respond(self, response: Sendable, data_set: bytes | None = None) -> None:
        """Sends a response, pending or final; waits while the peer does not read.

        ``AssociationOver`` when there is nobody to hear it.
        """


class Provider(Protocol):
    """A service class provider."""

    @property
    def services(self) -> frozenset[Service]:
        """What is negotiated because of it; its classes' requests come to ``provide``."""

    @property
    def data_set_limit(self) -> int:
        """Bytes of the longest data set it takes."""

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        """Answers one request."""
