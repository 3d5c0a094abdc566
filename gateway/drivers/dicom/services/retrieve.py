"""Query/Retrieve SCP, Study Root (PS3.4 annex C): C-FIND, C-MOVE, C-GET.

Instances go as stored where the receiver takes that, else in Explicit VR Little Endian, at last in
Implicit; where neither can be made that sub-operation fails and the others go on.  C-MOVE sends to
configured peers only, by AE title.  Every sub-operation is told with its counters; C-CANCEL stops
before the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from gateway.archive import Archive, Instance
from gateway.drivers.dicom.client import Remote
from gateway.drivers.dicom.service import Exchange
from gateway.drivers.dicom.services.proposing import choose, pair_of
from gateway.drivers.dicom.services.storage_user import Originator, StorageUser
from gateway.drivers.dicom.services.suboperations import Progress
from gateway.drivers.dicom.services.transcoder import Transcoder
from gateway.drivers.dicom.services.worklist import View
from gateway.errors import Ambiguous, DeliveryError, StoreError, Unreachable
from gateway.imaging import datasets, query
from gateway.protocols.dicom import (
    AnyRequest,
    Category,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    CStoreRQ,
    Priority,
    Service,
    Status,
    category,
)

if TYPE_CHECKING:
    from pydicom import Dataset

MOST: Final = 5000
Send = Callable[[Instance], Awaitable[Category]]


class Retrieve:
    """A provider.  ``peers``: where C-MOVE may send to, by AE title."""

    services = frozenset({Service.RETRIEVE})
    statuses = (
        Status.SUCCESS,
        Status.PENDING,
        Status.CANCEL,
        Status.SUBOPERATIONS_COMPLETE_WITH_FAILURES,
        Status.OUT_OF_RESOURCES,
        Status.UNABLE_TO_PERFORM_SUBOPERATIONS,
        Status.MOVE_DESTINATION_UNKNOWN,
        Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
        Status.CANNOT_UNDERSTAND,
    )
    data_set_limit = 1024 * 1024

    def __init__(
        self,
        archive: Archive,
        transcoder: Transcoder,
        *,
        ae_title: str,
        peers: Mapping[str, Remote],
        views: Mapping[str, View],
        most: int = MOST,
    ) -> None:
        self._archive = archive
        self._transcoder = transcoder
        self._ae_title = ae_title
        self._peers = dict(peers)
        self._views = dict(views)
        self._most = most

    async def provide(
        self, exchange: Exchange, request: AnyRequest, data_set: bytes | None
    ) -> None:
        if not isinstance(request, CFindRQ | CMoveRQ | CGetRQ):
            return
        await datasets.ready()
        try:
            identifier = datasets.read(data_set or b"", exchange.context.transfer_syntax)
            match request:
                case CFindRQ():
                    await self._find(exchange, request, identifier)
                case CMoveRQ():
                    await self._move(exchange, request, identifier)
                case CGetRQ():
                    await self._get(exchange, request, identifier)
        except (datasets.Unreadable, query.Impossible) as error:
            status = Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
            await exchange.respond(request.response(status, error_comment=str(error)[:64]))
        except StoreError:
            await exchange.respond(request.response(Status.CANNOT_UNDERSTAND))

    async def _find(self, exchange: Exchange, request: CFindRQ, identifier: Dataset) -> None:
        view = self._views.get(exchange.caller.device or "", View())
        sent = 0
        async with aclosing(
            query.find(self._archive.index, identifier, view.character_set)
        ) as answers:
            async for found in answers:
                if exchange.cancelled.is_set():
                    await exchange.respond(request.response(Status.CANCEL))
                    return
                if found is not None:
                    if sent == self._most:
                        await exchange.respond(request.response(Status.OUT_OF_RESOURCES))
                        return
                    found.RetrieveAETitle = self._ae_title
                    content = datasets.write(found, exchange.context.transfer_syntax)
                    await exchange.respond(request.response(Status.PENDING), content)
                    sent += 1
                await asyncio.sleep(0)
        await exchange.respond(request.response(Status.SUCCESS))

    async def _move(self, exchange: Exchange, request: CMoveRQ, identifier: Dataset) -> None:
        instances = await query.select(self._archive.index, identifier)
        remote = self._peers.get(request.move_destination)
        if remote is None:
            await exchange.respond(request.response(Status.MOVE_DESTINATION_UNKNOWN))
            return
        user = StorageUser(remote, self._ae_title, self._transcoder)
        user.foresee(pair_of(instance) for instance in instances)
        originator = Originator(exchange.caller.ae_title, request.message_id)

        async def send(instance: Instance) -> Category:
            return category((await user.store(instance, originator)).status)

        try:
            await self._suboperations(exchange, request, instances, send)
        finally:
            await user.release()

    async def _get(self, exchange: Exchange, request: CGetRQ, identifier: Dataset) -> None:
        instances = await query.select(self._archive.index, identifier)

        async def send(instance: Instance) -> Category:
            return await self._store_back(exchange, instance, request.priority)

        await self._suboperations(exchange, request, instances, send)

    async def _store_back(
        self, exchange: Exchange, instance: Instance, priority: Priority
    ) -> Category:
        """C-STORE on the association that asked."""
        dialogue = exchange.dialogue
        contexts = [c for c in dialogue.contexts_of(instance.sop_class) if c.scu]
        context = choose(contexts, instance)
        prepared = await self._transcoder.prepared(instance, context.transfer_syntax)
        message = CStoreRQ(
            message_id=dialogue.next_message_id(),
            affected_sop_class_uid=instance.sop_class,
            affected_sop_instance_uid=instance.uid,
            priority=priority,
        )
        return category((await dialogue.ask(context, message, prepared.payload)).message.status)

    async def _suboperations(
        self,
        exchange: Exchange,
        request: CMoveRQ | CGetRQ,
        instances: Sequence[Instance],
        send: Send,
    ) -> None:
        progress = Progress(len(instances))
        for instance in instances:
            if exchange.cancelled.is_set():
                await self._conclude(exchange, request, progress, cancelled=True)
                return
            try:
                progress.add(instance.uid, await self._sent(instance, send))
            except Unreachable:
                progress.give_up(one.uid for one in instances)
                break
            if progress.remaining:
                await exchange.respond(progress.response(request, Status.PENDING))
        await self._conclude(exchange, request, progress)

    async def _sent(self, instance: Instance, send: Send) -> Category:
        if instance.state != "stored":
            return Category.FAILURE
        try:
            return await send(instance)
        except Unreachable:
            raise
        except Ambiguous:
            raise Unreachable("the association ended") from None
        except (DeliveryError, OSError):
            return Category.FAILURE

    async def _conclude(
        self,
        exchange: Exchange,
        request: CMoveRQ | CGetRQ,
        progress: Progress,
        *,
        cancelled: bool = False,
    ) -> None:
        status = Status.CANCEL if cancelled else progress.status
        listed = progress.failed_list()
        content = datasets.write(listed, exchange.context.transfer_syntax) if listed else None
        await exchange.respond(progress.response(request, status), content)
