"""One association, either end: its requests to services, their answers to the peer.

One request of the peer is under way at a time; what comes behind it waits unread, except C-CANCEL
and the end.  A data set that is complete is filed even when its sender is gone by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Protocol

from gateway import logs
from gateway.archive import Filed
from gateway.drivers.dicom.asking import Asking
from gateway.drivers.dicom.connection import Connection
from gateway.drivers.dicom.exchange import OpenExchange, refusal
from gateway.drivers.dicom.routing import Routing
from gateway.drivers.dicom.service import Answer, Caller, Provider
from gateway.drivers.dicom.storage import NO_ROOM
from gateway.drivers.dicom.storing import Outcome, Storing
from gateway.errors import StoreError
from gateway.protocols.dicom import (
    Aborted,
    AnyRequest,
    Association,
    AssociationAccepted,
    AssociationRejected,
    AssociationRequested,
    CCancelRQ,
    CommandReceived,
    Context,
    CStoreRQ,
    DataReceived,
    Event,
    MessageReceived,
    ReleaseRequested,
    RequestRefused,
    Response,
    Sendable,
    Status,
    Unrecognized,
    is_valid_uid,
)

ANSWER_LIMIT = 4 * 1024 * 1024
_Establishing = AssociationRequested | AssociationAccepted | AssociationRejected


class Owner(Protocol):
    """Who made the line: the node, or whoever called out."""

    def opened(self, line: Line) -> None:
        """The connection is there."""

    def establishing(self, line: Line, event: _Establishing) -> None:
        """Answer a request for an association; or our own was answered."""

    def ended(self, line: Line, reason: str) -> None:
        """The connection is gone; ``reason`` is empty after a release."""


class Line(Connection):
    """``caller`` is set by the owner when the association is established."""

    def __init__(self, association: Association, routing: Routing, owner: Owner) -> None:
        super().__init__(association)
        self.caller = Caller(None, "", "", "")
        self.admitted = False
        self.asking = Asking(self, self.settle)
        self._routing = routing
        self._owner = owner
        self._task: asyncio.Task[None] | None = None
        self._storing = False
        self._rested: asyncio.Future[None] | None = None  # somebody waits for what is under way
        self._held: CommandReceived | ReleaseRequested | None = None
        self._collecting: Provider | None = None
        self._refusing: tuple[Context, Sendable] | None = None
        self._exchange: OpenExchange | None = None
        self._reason = ""
        self.left = asyncio.Event()  # nothing more will be said

    @property
    def connected(self) -> bool:
        """Whether there ever was a transport."""
        return self._transport is not None

    @property
    def busy(self) -> bool:
        """Whether a request of the peer is being answered."""
        return self._storing or self._task is not None

    def begun(self) -> None:
        self._owner.opened(self)

    def may_read(self) -> bool:
        return self._held is None or self.over

    def happened(self, event: Event) -> None:
        match event:
            case DataReceived():
                self._data(event)
            case CommandReceived():
                self._command(event)
            case MessageReceived():
                self._message(event)
            case AssociationRequested() | AssociationAccepted() | AssociationRejected():
                self._owner.establishing(self, event)
            case ReleaseRequested() if self.busy:
                self._held = event
            case ReleaseRequested():
                self.put(self.association.confirm_release())
            case Aborted(detail=detail, reply=reply):
                self._reason = detail
                self.put(reply)
                self._leave()
            case RequestRefused(reply=reply):
                self._reason = "the request was refused"
                self.put(reply)
                self._leave()
            case _:
                self._leave()

    def gone(self, reason: str) -> None:
        self._leave()
        self._owner.ended(self, self._reason or reason)

    async def finished(self) -> None:
        """Waits for what is under way."""
        if self.busy:
            if self._rested is None:
                self._rested = self._loop.create_future()
            await asyncio.wait([self._rested])

    def _leave(self) -> None:
        """Nothing more comes from the peer: half a data set goes, a whole one is still filed."""
        self.over, self._held = True, None
        self.left.set()
        self.asking.ended()
        inflow = self.inflow
        if inflow is not None:
            self.leave_block()
            self.inflow = None
            inflow.abandon()
        if self._exchange is not None and self._task is not None:
            self._task.cancel()

    def _command(self, event: CommandReceived) -> None:
        match event.message:
            case CCancelRQ(message_id_being_responded_to=number):
                exchange = self._exchange
                if exchange is not None and exchange.request.message_id == number:
                    exchange.cancelled.set()
            case Response() as message:
                if event.has_data:
                    self.association.collect(ANSWER_LIMIT)
                else:
                    self.asking.answered(Answer(message))
            case _ if self.busy:
                self._held = event
            case Unrecognized() as message:
                logs.get().info(
                    "dicom.unrecognized", device=self.caller.device, reason=message.reason
                )
                self._refuse(event, message, message.status)
            case message:
                self._request(event, message)

    def _request(self, event: CommandReceived, message: AnyRequest) -> None:
        storage = self._routing.storage(event.context)
        if isinstance(message, CStoreRQ):
            if storage is None:
                self._refuse(event, message, Status.SOP_CLASS_NOT_SUPPORTED)
            elif not event.has_data:
                self._refuse(event, message, Status.CANNOT_UNDERSTAND)
            elif not is_valid_uid(message.affected_sop_instance_uid):
                self._refuse(event, message, Status.INVALID_SOP_INSTANCE)
            else:
                self._receive(Storing(storage, self.caller, event.context, message))
            return
        provider = self._routing.provider(event.context, message)
        if provider is None:
            self._refuse(event, message, Status.SOP_CLASS_NOT_SUPPORTED)
        elif event.has_data:
            self._collecting = provider
            self.association.collect(provider.data_set_limit)
        else:
            self._provide(provider, event.context, message, None)

    def _message(self, event: MessageReceived) -> None:
        match event.message:
            case Response() as message:
                self.asking.answered(Answer(message, event.data_set))
            case CCancelRQ() | Unrecognized():
                pass
            case message:
                provider, self._collecting = self._collecting, None
                if provider is not None:
                    self._provide(provider, event.context, message, event.data_set)

    def _data(self, event: DataReceived) -> None:
        inflow = self.inflow
        if inflow is not None:
            inflow.received([event.data], in_place=self.in_place, last=event.last)
            if event.last:
                self.inflow = None
                self.leave_block()
        elif event.last and self._refusing is not None:
            self._say(*self._refusing)
            self._refusing = None

    def _refuse(
        self, event: CommandReceived, message: AnyRequest | Unrecognized, status: Status
    ) -> None:
        """At once, or when the data set nobody wants has gone by."""
        answer = (event.context, refusal(message, status))
        if event.has_data:
            self._refusing = answer
        else:
            self._say(*answer)

    def _say(self, context: Context, response: Sendable) -> None:
        self.put(self.association.send(context.id, response))

    def _receive(self, storing: Storing) -> None:
        def concluded(outcome: Outcome) -> None:
            self._stored(storing, outcome)

        self.inflow = self._routing.inflow(storing, self.settle, concluded)
        self._storing = True

    def _stored(self, storing: Storing, outcome: Outcome) -> None:
        """An ordinary one is answered in the call that brings word from the index."""
        self._storing = False
        if not outcome.ordinary:
            self._start(self._look_into(storing, outcome))
            return
        try:
            self._conclude(storing, outcome.filed)
        except Exception as mistake:  # noqa: BLE001 - others wait behind this call
            self._failed(mistake)
        self._go_on()

    async def _look_into(self, storing: Storing, outcome: Outcome) -> None:
        try:
            filed = await storing.looked_into(outcome)
        except StoreError:
            self._answer_store(storing, NO_ROOM)
        else:
            self._conclude(storing, filed)

    def _conclude(self, storing: Storing, filed: Filed | None) -> None:
        """Only the answer is waited for; who else should hear of it does so afterwards."""
        if filed is not None:
            self._answer_store(storing, storing.storage.status(filed))
            storing.storage.tell(storing.caller, filed)

    def _answer_store(self, storing: Storing, status: Status) -> None:
        if not self.over:
            self._say(storing.context, storing.request.response(status))

    def _provide(
        self, provider: Provider, context: Context, request: AnyRequest, data_set: bytes | None
    ) -> None:
        exchange = OpenExchange(self, self.caller, context, request, self.asking, self.settle)
        self._exchange = exchange
        self._start(self._answer(exchange, provider, data_set))

    async def _answer(
        self, exchange: OpenExchange, provider: Provider, data_set: bytes | None
    ) -> None:
        failure = await exchange.run(provider, data_set)
        if failure:
            logs.get().error("dicom.service", device=self.caller.device, failure=failure)

    def _start(self, work: Coroutine[object, object, None]) -> None:
        self._task = self._loop.create_task(work)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = self._exchange = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
        self._go_on()

    def _failed(self, mistake: BaseException) -> None:
        logs.get().error("dicom.association", failure=type(mistake).__name__)
        self.abort()

    def _go_on(self) -> None:
        """The request under way is over: what was held back comes next."""
        if self._rested is not None:
            self._rested.set_result(None)
            self._rested = None
        held, self._held = self._held, None
        if self.over:
            return
        if held is not None:
            self.happened(held)
        self.pump()
