"""A request of the peer on its way through a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.drivers.dicom.asking import Asking, Wire
from gateway.drivers.dicom.service import AssociationOver, Caller, Dialogue, Provider
from gateway.protocols.dicom import (
    AnyRequest,
    Context,
    Refusal,
    Sendable,
    Status,
    Unrecognized,
)
from gateway.protocols.dicom.message import RESPONSE_BIT


class OpenExchange:
    """The ``Exchange`` a provider gets."""

    def __init__(
        self,
        wire: Wire,
        caller: Caller,
        context: Context,
        request: AnyRequest,
        asking: Asking,
        settle: Callable[[], None],
    ) -> None:
        self.caller = caller
        self.context = context
        self.request = request
        self.dialogue: Dialogue = asking
        self.cancelled = asyncio.Event()
        self._wire = wire
        self._settle = settle

    async def respond(self, response: Sendable, data_set: bytes | None = None) -> None:
        if self._wire.over:
            raise AssociationOver("the association has ended")
        unit = self._wire.association.send(self.context.id, response, data_set)
        self._settle()
        await self._wire.write([unit])

    async def run(self, provider: Provider, data_set: bytes | None) -> str:
        """Has it answered, by the provider or else with 0110; what went wrong, for the log."""
        failure = ""
        try:
            await provider.provide(self, self.request, data_set)
        except AssociationOver:
            return ""
        except Exception as error:  # noqa: BLE001 - a service must not take the node along
            failure = type(error).__name__
        if not self._wire.over and self.request.message_id in self._wire.association.owed:
            failure = failure or "no final response"
            await self.respond(refusal(self.request, Status.PROCESSING_FAILURE))
        return failure


def refusal(request: AnyRequest | Unrecognized, status: Status) -> Refusal:
    """A failure without saying more, to any request."""
    if isinstance(request, Unrecognized):
        return request.response()
    return Refusal(
        command_field=request.command_field | RESPONSE_BIT,
        message_id_being_responded_to=request.message_id,
        status=status,
    )
