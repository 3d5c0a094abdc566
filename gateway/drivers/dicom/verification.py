"""Verification SCP (PS3.4 annex A): C-ECHO is answered, whoever asks."""

from __future__ import annotations

from gateway.drivers.dicom.service import Exchange
from gateway.protocols.dicom import AnyRequest, CEchoRQ, Service, Status


class Verification:
    """A provider."""

    services = frozenset({Service.VERIFICATION})
    statuses = (Status.SUCCESS,)
    data_set_limit = 0

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if isinstance(request, CEchoRQ):
            await exchange.respond(request.response(Status.SUCCESS))
