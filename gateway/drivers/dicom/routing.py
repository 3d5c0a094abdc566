"""Which service answers a request: the archive for C-STORE, a provider for everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.drivers.dicom.blocks import Blocks
from gateway.drivers.dicom.inflow import Inflow
from gateway.drivers.dicom.service import Provider
from gateway.drivers.dicom.storage import Storage
from gateway.drivers.dicom.storing import Outcome, Storing
from gateway.protocols.dicom import (
    AnyRequest,
    Context,
    NEventReportRQ,
    Policy,
    Service,
)
from gateway.protocols.dicom.sop_classes import STORAGE_UIDS


class Routing:
    """What one node, or one outgoing association, answers."""

    def __init__(
        self, providers: Iterable[Provider], storage: Storage | None, blocks: Blocks
    ) -> None:
        self._providers: dict[str, Provider] = {}
        self._reports: dict[str, Provider] = {}
        self._storage = storage
        self._blocks = blocks
        self.services: set[Service] = {Service.STORAGE} if storage else set()
        for provider in providers:
            self._add(provider)

    @property
    def policy(self) -> Policy:
        """Everything that may be negotiated."""
        return Policy.offering(self.services)

    def provider(self, context: Context, request: AnyRequest) -> Provider | None:
        """Who answers a request that is no C-STORE."""
        found = self._reports if isinstance(request, NEventReportRQ) else self._providers
        return found.get(context.abstract_syntax)

    def storage(self, context: Context) -> Storage | None:
        """Who stores, if the peer may store on this context."""
        return self._storage if context.scp else None

    def inflow(
        self, storing: Storing, relieved: Callable[[], None], concluded: Callable[[Outcome], None]
    ) -> Inflow:
        storage = storing.storage
        reception = storage.reception(storing.caller, storing.context, storing.request)
        return Inflow(storage.archive, reception, self._blocks, relieved, concluded)

    def _add(self, provider: Provider) -> None:
        self.services |= provider.services
        for service in provider.services:
            table = self._reports if service is Service.COMMITMENT_REPORT else self._providers
            for uid in Policy.offering({service}).classes:
                if uid not in STORAGE_UIDS:
                    table[uid] = provider
