"""Requests of our own on an association, one at a time, and the responses to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import BinaryIO, Protocol

from gateway.drivers.dicom.service import Answer, AssociationOver, Payload
from gateway.protocols.dicom import (
    AnyRequest,
    Association,
    CCancelRQ,
    Context,
    State,
    is_final,
    message_id_of,
)
from gateway.protocols.dicom.fragments import Buffer
from gateway.protocols.dicom.transfer_syntaxes import DEFLATED_LE

_CHUNK = 1024 * 1024


class Wire(Protocol):
    """What asking needs of the line."""

    @property
    def association(self) -> Association: ...

    @property
    def over(self) -> bool: ...

    async def write(self, buffers: Sequence[Buffer]) -> None:
        """Waits while the peer does not read; ``AssociationOver`` when there is nobody."""


class Asking:
    """The ``Dialogue`` of a line."""

    def __init__(self, wire: Wire, settle: Callable[[], None]) -> None:
        self._wire = wire
        self._settle = settle
        self._turn = asyncio.Lock()
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()

    @property
    def over(self) -> bool:
        """Also while it is being released: requests are for established associations."""
        return self._wire.over or self._wire.association.state is not State.STA6

    def contexts_of(self, abstract_syntax: str) -> Sequence[Context]:
        return self._wire.association.contexts_of(abstract_syntax)

    def next_message_id(self) -> int:
        return self._wire.association.next_message_id()

    async def ask(
        self,
        context: Context,
        request: AnyRequest,
        data_set: bytes | Payload | None = None,
        *,
        patience: float | None = None,
    ) -> Answer:
        async with self._turn:
            await self._send(context, request, data_set, patience)
            while True:
                answer = await self._next(request, patience)
                if is_final(answer.message.status):
                    return answer

    async def ask_all(
        self, context: Context, request: AnyRequest, data_set: bytes | None = None
    ) -> AsyncIterator[Answer]:
        async with self._turn:
            await self._send(context, request, data_set)
            while True:
                answer = await self._next(request)
                yield answer
                if is_final(answer.message.status):
                    return

    async def cancel(self, context: Context, request: AnyRequest) -> None:
        """Its final response comes all the same."""
        message = CCancelRQ(message_id_being_responded_to=message_id_of(request))
        await self._wire.write([self._wire.association.send(context.id, message)])

    def answered(self, answer: Answer) -> None:
        """From the line: a response came, whole."""
        self._answers.put_nowait(answer)

    def ended(self) -> None:
        """From the line: nothing will come any more."""
        self._answers.put_nowait(None)

    async def _next(self, request: AnyRequest, patience: float | None = None) -> Answer:
        """Its next response; one that nobody waited for any longer is passed over."""
        while True:
            async with asyncio.timeout(patience):
                answer = await self._answers.get()
            if answer is None:
                self._answers.put_nowait(None)
                raise AssociationOver("the association ended before the response")
            if message_id_of(answer.message) == message_id_of(request):
                return answer

    async def _send(
        self,
        context: Context,
        request: AnyRequest,
        data_set: bytes | Payload | None,
        patience: float | None = None,
    ) -> None:
        if self.over:
            raise AssociationOver("the association has ended")
        if isinstance(data_set, Payload):
            await self._stream(context, request, data_set, patience)
        else:
            async with asyncio.timeout(patience):
                await self._wire.write([self._wire.association.send(context.id, request, data_set)])
        self._settle()

    async def _stream(
        self, context: Context, request: AnyRequest, payload: Payload, patience: float | None
    ) -> None:
        file = await asyncio.to_thread(payload.open)
        try:
            await asyncio.to_thread(file.seek, payload.offset)
            await self._send_file(context, request, file, payload.length, patience)
        finally:
            await asyncio.to_thread(file.close)

    async def _send_file(
        self,
        context: Context,
        request: AnyRequest,
        file: BinaryIO,
        length: int,
        patience: float | None,
    ) -> None:
        """Reads in a thread, always a chunk ahead of what the next unit needs."""
        association, chunks, filler = self._wire.association, _Chunks(), _filler(context, length)
        units = association.stream(context.id, request, chunks, length + len(filler))
        left = length
        while True:
            while left and chunks.ready < association.max_send_length:
                data = await asyncio.to_thread(file.read, min(left, _CHUNK))
                left = left - len(data) if data else 0
                chunks.add(data if left else data + filler)
            if self.over:
                raise AssociationOver("the association ended while a data set was being sent")
            unit = next(units, None)
            if unit is None:
                return
            async with asyncio.timeout(patience):
                await self._wire.write(unit)


def _filler(context: Context, length: int) -> bytes:
    """Fragments have even lengths (PS3.8 E.2); what is deflated may end in a zero byte more
    (PS3.5 A.5)."""
    odd = length % 2 and context.transfer_syntax == DEFLATED_LE
    return b"\0" if odd else b""


class _Chunks:
    """What was read ahead; an iterable that may be fed while it is iterated."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    @property
    def ready(self) -> int:
        return sum(len(chunk) for chunk in self._waiting)

    def add(self, data: bytes) -> None:
        if data:
            self._waiting.append(data)

    def __iter__(self) -> Iterator[bytes]:
        while self._waiting:
            yield self._waiting.pop(0)
