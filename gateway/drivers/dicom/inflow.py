"""One C-STORE data set between the association and its file.

The association's bytes land in blocks.  The archive's threads write and hash what is there while
more arrives: what they can take at once goes to them as soon as they are idle, a full block in any
case.  When one waits, ``congested`` says so and the line stops reading.  What comes after the disk
has failed is thrown away, so that the peer gets its answer.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from gateway.archive import Archive, Arrived, Reception
from gateway.drivers.dicom.blocks import Block, Blocks
from gateway.errors import StoreError

EAGER = 256 * 1024
_LEAST_ROOM = 32 * 1024
_MANY = 512


@dataclass(slots=True)
class _Batch:
    """``block`` is given back after this batch; None while more of it is to come."""

    block: Block | None
    pieces: list[memoryview]
    last: bool


class Inflow:
    """``block`` and ``received`` are the line's, in the loop's thread; ``run`` is a task."""

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
        self._pending = 0
        self._long = False  # more than a block: worth the hand-overs
        self._batches: deque[_Batch] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._failure: StoreError | None = None
        self._abandoned = False
        self._left: Block | None = None

    @property
    def _idle(self) -> bool:
        """Whether the archive has nothing of this to do."""
        return self._arrival is not None and not self._arrival.done()

    @property
    def congested(self) -> bool:
        """Whether the line should read no more for now."""
        return bool(self._batches) and self._batches[-1].block is not None

    def block(self) -> Block:
        """Where the association receives next."""
        if self._block.room < _LEAST_ROOM or len(self._pieces) > _MANY:
            self._hand_over(last=False)
        return self._block

    def received(self, data: memoryview, *, in_place: bool, last: bool) -> None:
        """A piece of the data set; ``in_place``: it lies in the block already."""
        if in_place:
            self._pieces.append(data)
            self._pending += len(data)
        else:
            self._copy(data)
        if last:
            self._hand_over(last=True)
        elif self._pending >= EAGER and self._idle and self._long:
            self._submit(None, last=False)

    async def run(self) -> Arrived | None:
        """Until the file is in its place; None after ``abandon``.  StoreError: no trace of it."""
        await self._attempt(self._reception.begin)
        while (batch := await self._next()) is not None:
            await self._process(batch)
            if batch.last:
                if self._failure is not None:
                    raise self._failure
                return self._reception.arrived()
        await self._archive.run(self._reception.discard)
        self._give_back(self._left)
        return None

    def abandon(self) -> None:
        """The rest will not come.  The association must have left the block before."""
        self._abandoned = True
        for batch in self._batches:
            self._give_back(batch.block)
        self._batches.clear()
        self._left = self._block
        self._wake()

    async def _process(self, batch: _Batch) -> None:
        if self._failure is None:
            await self._attempt(self._take, batch)
        batch.pieces.clear()
        self._give_back(batch.block)
        self._relieved()

    async def _attempt(self, work: Callable[..., None], *arguments: object) -> None:
        try:
            await self._archive.run(work, *arguments)
        except StoreError as error:
            self._failure = error

    def _take(self, batch: _Batch) -> None:
        """In a thread of the archive; the disk works while the hash is made."""
        self._reception.write(batch.pieces)
        if batch.last:
            self._reception.hasten()
        self._reception.digest(batch.pieces)
        if batch.last:
            self._reception.complete()

    def _give_back(self, block: Block | None) -> None:
        if block is not None:
            self._blocks.give_back(block)

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
            self._pending += len(place)
            data = data[len(place) :]

    def _hand_over(self, *, last: bool) -> None:
        self._submit(self._block, last=last)
        self._long = self._long or not last
        if not last:
            self._block = self._blocks.take()

    def _submit(self, block: Block | None, *, last: bool) -> None:
        self._batches.append(_Batch(block, self._pieces, last))
        self._pieces, self._pending = [], 0
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
