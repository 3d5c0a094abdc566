"""An association's transport: where bytes land, when to read, what waits to be written.

Reading stops while ``may_read`` says no, and the association's clock with it.  A peer that does
not read holds up whoever writes to it, and nobody else.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import cast

from gateway.drivers.dicom.blocks import LARGE, SMALL, Block
from gateway.drivers.dicom.clock import Clock
from gateway.drivers.dicom.inflow import Inflow
from gateway.drivers.dicom.service import AssociationOver
from gateway.drivers.dicom.sockets import prepare
from gateway.protocols.dicom import Aborted, Association, Event, Timer
from gateway.protocols.dicom.fragments import Buffer

HOME = 32 * 1024
_LINGER = 5.0


class Connection(asyncio.BufferedProtocol):
    """Make one when a transport is about to be there."""

    def __init__(self, association: Association) -> None:
        self.association = association
        self.host = ""
        self.over = False
        self.inflow: Inflow | None = None
        self._loop = asyncio.get_running_loop()
        self._clock = Clock(self._loop, self._expired)
        self._transport: asyncio.Transport | None = None
        self._home = bytearray(HOME)
        self._block: Block | None = None  # where the association receives, if not at home
        self._astray = False
        self._reading = True
        self._drained: asyncio.Future[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None  # closed, and not yet gone
        self.association.renew_buffer(self._home)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.host = prepare(transport)
        self.begun()
        self.settle()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self.inflow is not None:
            return self._room_in_block(self.inflow.block())
        if self._astray and not self.association.in_message:
            self._go_home()
        return self.association.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        if self._block is not None:
            self._block.used += nbytes
        self.association.buffer_updated(nbytes)
        self.pump()

    def eof_received(self) -> None:
        """The peer will send no more; nobody answers half an association."""

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        self._released()

    def connection_lost(self, exc: Exception | None) -> None:
        lost = self.association.connection_lost()
        self.over = True
        self._clock.stop()
        self._released()
        if self._lingering is not None:
            self._lingering.cancel()
        self.gone("the connection was lost" if lost else "")
        # A line refers to itself; its memory need not wait for the collector.
        self._home = bytearray(1)
        self._go_home()

    def pump(self) -> None:
        """Everything that is here and may be looked at now."""
        if self.inflow is not None and (pieces := self.association.next_data()):
            self.inflow.received(pieces, in_place=self.in_place, last=False)
        while self.may_read() and (event := self.association.next_event()) is not None:
            self.happened(event)
        self.settle()

    def settle(self) -> None:
        """After every call on the association: close, read or not, watch its clock."""
        transport = self._transport
        if transport is None:
            return
        if self.association.must_close:
            self._close(transport)
            return
        wanted = self.may_read() and not (self.inflow is not None and self.inflow.congested())
        if wanted is not self._reading and not transport.is_closing():
            self._reading = wanted
            if wanted:
                transport.resume_reading()
            else:
                transport.pause_reading()
        self._clock.watch(self.association.timer if self._reading else None)

    def put(self, data: Buffer) -> None:
        """Writes without waiting: answers of the upper layer, responses."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def write(self, buffers: Sequence[Buffer]) -> None:
        if self.over or self._transport is None:
            raise AssociationOver("the association has ended")
        if len(buffers) == 1:
            self._transport.write(buffers[0])
        else:
            self._transport.writelines(buffers)
        while self._drained is not None and not self.over:
            await asyncio.shield(self._drained)
        if self.over:
            raise AssociationOver("the association has ended")

    def abort(self) -> None:
        """Ends it from our side, whatever is under way."""
        if not self.over:
            self.put(self.association.abort())
            self.settle()

    def leave_block(self) -> None:
        """The association receives elsewhere from now on; what it has given out stays valid."""
        if self._block is None:
            return
        self._block = None
        if self.association.in_message and not self.over:  # take along what is unread
            self._astray = True
            self.association.renew_buffer(bytearray(LARGE + SMALL))
        else:
            self._go_home()

    @property
    def in_place(self) -> bool:
        """Whether what the association gives out lies in the inflow's block."""
        return self._block is not None

    @abstractmethod
    def begun(self) -> None:
        """The transport is there."""

    @abstractmethod
    def may_read(self) -> bool:
        """Whether the next event may be looked at."""

    @abstractmethod
    def happened(self, event: Event) -> None:
        """The next event."""

    @abstractmethod
    def gone(self, reason: str) -> None:
        """The transport is closed."""

    def _room_in_block(self, block: Block) -> memoryview:
        rest = block.rest()
        self.association.renew_buffer(rest)
        room = self.association.get_buffer()
        block.used += len(rest) - len(room)  # a header cut in two came along
        self._block = block
        return room

    def _go_home(self) -> None:
        self._astray = False
        self.association.renew_buffer(self._home)

    def _expired(self, timer: Timer) -> None:
        event: Aborted | None = self.association.expire(timer)
        if event is not None:
            self.happened(event)
        self.settle()

    def _close(self, transport: asyncio.Transport) -> None:
        self.over = True
        self._clock.stop()
        self._released()
        if not transport.is_closing():
            transport.close()
            self._lingering = self._loop.call_later(_LINGER, transport.abort)

    def _released(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None
