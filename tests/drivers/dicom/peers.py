"""Peers made of a socket and an association, for saying exactly what a test wants said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imaging_site import DEADLINE, UNIT

from gateway.protocols.dicom import (
    Association,
    AssociationAccepted,
    CommandReceived,
    CStoreRQ,
    CStoreRSP,
    Event,
    Released,
    Role,
    propose,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_IMAGE
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE


class Peer:
    """A requestor with one context."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.association = Association(Role.REQUESTOR)

    async def associate(self, sop_class: str, transfer_syntax: str, calling: str) -> None:
        request = propose("GATEWAY", calling, [(sop_class, [transfer_syntax])])
        self.writer.write(self.association.associate(request))
        assert isinstance(await self.event(), AssociationAccepted)

    def units(self, uid: str, data: bytes, sop_class: str = ULTRASOUND_IMAGE) -> list[bytes]:
        """A C-STORE, unit by unit."""
        (context,) = self.association.contexts.values()
        request = CStoreRQ(
            message_id=self.association.next_message_id(),
            affected_sop_class_uid=sop_class,
            affected_sop_instance_uid=uid,
        )
        units = self.association.stream(context.id, request, (data,), len(data))
        return [b"".join(bytes(part) for part in unit) for unit in units]

    async def store(self, uid: str, data: bytes, sop_class: str = ULTRASOUND_IMAGE) -> int:
        """The status of a C-STORE."""
        for unit in self.units(uid, data, sop_class):
            self.writer.write(unit)
            await self.writer.drain()
        return await self.status()

    async def status(self) -> int:
        event = await self.event()
        assert isinstance(event, CommandReceived), event
        assert isinstance(event.message, CStoreRSP)
        return event.message.status

    async def event(self) -> Event:
        async with asyncio.timeout(DEADLINE):
            while (event := self.association.next_event()) is None:
                data = await self.reader.read(65536)
                assert data, "the node hung up"
                self.association.receive_data(data)
        return event

    async def release(self) -> None:
        self.writer.write(self.association.release())
        assert isinstance(await self.event(), Released)

    async def closed(self, within: float = DEADLINE) -> bytes:
        """What comes until the node hangs up."""
        async with asyncio.timeout(within):
            return await self.reader.read()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def associated(
    port: int,
    sop_class: str = ULTRASOUND_IMAGE,
    transfer_syntax: str = EXPLICIT_LE,
    calling: str = UNIT,
) -> AsyncIterator[Peer]:
    async with connected(port) as peer:
        await peer.associate(sop_class, transfer_syntax, calling)
        yield peer
