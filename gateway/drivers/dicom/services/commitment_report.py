"""Storage Commitment SCU's other half: the reports of archives we sent to (PS3.4 J.3.3).

They come on the association that asked or on one of the archive's own.  Answered when what they
say is on disk; a report about a transaction we never began is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway.drivers.dicom.service import Exchange
from gateway.errors import StoreError
from gateway.imaging import datasets
from gateway.imaging.commitment import ALL_SAFE, SOME_FAILED, read_report
from gateway.imaging.forwarding import Forwardings
from gateway.protocols.dicom import AnyRequest, NEventReportRQ, Service, Status


class CommitmentReports:
    """A provider.  ``queued`` is told the destinations that got something to send again."""

    services = frozenset({Service.COMMITMENT_REPORT})
    statuses = (
        Status.SUCCESS,
        Status.NO_SUCH_EVENT_TYPE,
        Status.INVALID_ARGUMENT_VALUE,
        Status.PROCESSING_FAILURE,
    )
    data_set_limit = 4 * 1024 * 1024

    def __init__(self, forwardings: Forwardings, queued: Callable[[frozenset[str]], None]) -> None:
        self._forwardings = forwardings
        self._queued = queued

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if isinstance(request, NEventReportRQ):
            status = await self._status(exchange, request, data_set or b"")
            await exchange.respond(request.response(status))

    async def _status(self, exchange: Exchange, request: NEventReportRQ, data_set: bytes) -> Status:
        if request.event_type_id not in (ALL_SAFE, SOME_FAILED):
            return Status.NO_SUCH_EVENT_TYPE
        await datasets.ready()
        try:
            report = read_report(datasets.read(data_set, exchange.context.transfer_syntax))
            destinations = await self._forwardings.answered(report, self._queued)
        except datasets.Unreadable:
            return Status.INVALID_ARGUMENT_VALUE
        except StoreError:
            return Status.PROCESSING_FAILURE
        return Status.SUCCESS if destinations else Status.INVALID_ARGUMENT_VALUE
