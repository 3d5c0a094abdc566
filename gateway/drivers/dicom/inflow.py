"""One C-STORE data set between the association and its file.

The association's bytes land in blocks; full ones go to the archive's threads while the next one
fills.  When more than ``AHEAD`` wait, ``congested`` says so and the line stops reading.  What comes
after the disk has failed is thrown away, so that the peer gets its answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.archive import Archive, Arrived, Reception
from gateway.drivers.dicom.blocks import Block, Blocks
from gateway.errors import StoreError

AHEAD = 0
_LEAST_ROOM = 32 * 1024
_MANY = 512


@dataclass(slots=True)
class _Batch:
    block: Block
    pieces: list[memoryview]
    last: bool


class Inflow:
    """``receive`` and ``room`` in the loop's thread, from the line; ``run`` is a task."""

    def __init__(
        self,
        archive: Archive,
        reception: Reception,
        blocks: Blocks,
        relieved: Callable[[], None],
    ) -> None:
        self._archive = archive
        self._reception = reception
        self._blocks = blocks
        self._relieved = relieved
        self._block = blocks.take()
        self._pieces: list[memoryview] = []
        self._batches: deque[_Batch] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._failure: StoreError | None = None
        self._abandoned = False
        self.complete = False  # the last byte is here

    @property
    def congested(self) -> bool:
        """Whether the line should read no more for now."""
        return len(self._batches) > AHEAD

    def block(self) -> Block:
        """Where the association receives next."""
        if self._block.room < _LEAST_ROOM or len(self._pieces) > _MANY:
            self._hand_over(last=False)
        return self._block

    def received(self, data: memoryview, *, in_place: bool, last: bool) -> None:
        """A piece of the data set; ``in_place``: it lies in the block already."""
        if in_place:
            self._pieces.append(data)
        else:
            self._copy(data)
        if last:
            self.complete = True
            self._hand_over(last=True)

    async def run(self) -> Arrived | None:
        """Until the file is in its place; None after ``abandon``.  StoreError: no trace of it."""
        while (batch := await self._next()) is not None:
            arrived = await self._process(batch)
            if batch.last:
                return self._outcome(arrived)
        await self._archive.run(self._reception.discard)
        return None

    def abandon(self) -> None:
        """The rest will not come.  The association must have left the block before."""
        self._abandoned = True
        for block in (*(batch.block for batch in self._batches), self._block):
            self._blocks.give_back(block)
        self._batches.clear()
        self._wake()

    async def _process(self, batch: _Batch) -> Arrived | None:
        arrived = None
        try:
            if self._failure is None:
                arrived = await self._archive.run(self._work, batch)
        except StoreError as error:
            self._failure = error
        batch.pieces.clear()
        self._blocks.give_back(batch.block)
        self._relieved()
        return arrived

    def _outcome(self, arrived: Arrived | None) -> Arrived:
        if self._failure is not None:
            raise self._failure
        if arrived is None:
            raise StoreError("nothing was completed")
        return arrived

    def _work(self, batch: _Batch) -> Arrived | None:
        """In a thread of the archive."""
        self._reception.write(batch.pieces)
        return self._reception.complete() if batch.last else None

    async def _next(self) -> _Batch | None:
        while not self._batches:
            if self._abandoned:
                return None
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return self._batches.popleft()

    def _copy(self, data: memoryview) -> None:
        while len(data):
            if not self._block.room:
                self._hand_over(last=False)
            place = self._block.append(data)
            self._pieces.append(place)
            data = data[len(place) :]

    def _hand_over(self, *, last: bool) -> None:
        self._batches.append(_Batch(self._block, self._pieces, last))
        self._pieces = []
        if not last:
            self._block = self._blocks.take()
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
