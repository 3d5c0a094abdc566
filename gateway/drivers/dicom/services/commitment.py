"""Storage Commitment Push Model SCP (PS3.4 annex J).

N-ACTION is answered when the request is on disk; the report follows from the ``Reporter``, which
survives a restart.  What was already owed to the asking device is tried again at once.
"""

from __future__ import annotations

import asyncio

from gateway.drivers.dicom.exchange import refusal
from gateway.drivers.dicom.service import Exchange
from gateway.drivers.dicom.services.reporter import Reporter
from gateway.errors import StoreError
from gateway.imaging import datasets
from gateway.imaging.commitment import MOST, REQUEST_COMMITMENT, Request, read_request
from gateway.imaging.commitments import Commitments
from gateway.imaging.procedure_steps import Sender
from gateway.protocols.dicom import (
    STORAGE_COMMITMENT_INSTANCE,
    AnyRequest,
    NActionRQ,
    Service,
    Status,
)


class StorageCommitment:
    """A provider."""

    services = frozenset({Service.COMMITMENT})
    statuses = (
        Status.SUCCESS,
        Status.NO_SUCH_ACTION_TYPE,
        Status.NO_SUCH_SOP_INSTANCE,
        Status.INVALID_ARGUMENT_VALUE,
        Status.RESOURCE_LIMITATION,
        Status.UNRECOGNIZED_OPERATION,
    )
    data_set_limit = MOST * 200

    def __init__(self, commitments: Commitments, reporter: Reporter) -> None:
        self._commitments = commitments
        self._reporter = reporter

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if not isinstance(request, NActionRQ):
            await exchange.respond(refusal(request, Status.UNRECOGNIZED_OPERATION))
            return
        number, status, comment = await self._filed(exchange, request, data_set or b"")
        try:
            await exchange.respond(request.response(status, error_comment=comment))
        finally:
            if number is not None:
                calling = exchange.caller.ae_title
                self._reporter.owed(number, exchange.dialogue, exchange.context, calling)

    async def _filed(
        self, exchange: Exchange, request: NActionRQ, data_set: bytes
    ) -> tuple[int | None, Status, str | None]:
        if request.action_type_id != REQUEST_COMMITMENT:
            return None, Status.NO_SUCH_ACTION_TYPE, None
        if request.requested_sop_instance_uid != STORAGE_COMMITMENT_INSTANCE:
            return None, Status.NO_SUCH_SOP_INSTANCE, None
        caller = exchange.caller
        sender = Sender(caller.device, caller.ae_title, caller.host)
        await datasets.ready()
        try:
            read = read_request(datasets.read(data_set, exchange.context.transfer_syntax))
            await self._commitments.call_again(caller.ae_title)
            number = await self._asked(read, sender, caller.called)
        except datasets.Unreadable as error:
            return None, Status.INVALID_ARGUMENT_VALUE, str(error)[:64]
        except StoreError:
            return None, Status.RESOURCE_LIMITATION, "cannot be stored"
        return number, Status.SUCCESS, None

    async def _asked(self, request: Request, sender: Sender, called: str) -> int:
        """Its number.  A device that hangs up meanwhile has asked all the same."""
        filing = asyncio.ensure_future(self._commitments.ask(request, sender, called))
        try:
            return await asyncio.shield(filing)
        except asyncio.CancelledError:
            filing.add_done_callback(self._orphaned)
            raise

    def _orphaned(self, filing: asyncio.Future[int]) -> None:
        if not filing.cancelled() and filing.exception() is None:
            self._reporter.look()
