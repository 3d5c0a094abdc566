"""One C-STORE data set between the association and its file.

The association's bytes land in blocks.  A data set that ends in its first block is taken whole by
one of the archive's threads, which hashes it while the disk works.  Of a longer one two strands
take what is there while more arrives, one to write it and one to hash it: as soon as both have
nothing to do, a full block in any case.  The header is read while the disk syncs the file; beside
the hashing it would take the interpreter's lock from it.  When ``MOST`` blocks wait, ``congested``
says so and the line stops reading until few are left.  What comes after the disk has failed is
thrown away, so that the peer gets its answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Lock
from typing import Final

from gateway.archive import Archive, Arrived, Filed, Reception
from gateway.archive.strand import Strand
from gateway.drivers.dicom.blocks import Block, Blocks
from gateway.drivers.dicom.storing import Outcome
from gateway.errors import StoreError, StoreFailed

EAGER: Final = 256 * 1024
MOST: Final = 4
FEW: Final = 2
_LEAST_ROOM: Final = 32 * 1024
_MANY: Final = 512


class _Batch:
    """Some of the data set.  ``block`` is given back after it; None while more of it is to come."""

    __slots__ = ("block", "last", "left", "pieces")

    def __init__(
        self, block: Block | None, pieces: list[memoryview], *, last: bool, left: int
    ) -> None:
        self.block = block
        self.pieces = pieces
        self.last = last
        self.left = left  # calls that are to be done with it


class Inflow:
    """``block``, ``received`` and ``abandon`` are the line's, in the loop's thread.

    There ``concluded`` is called, once: it is on disk and in the index, or why it is not.
    """

    def __init__(
        self,
        archive: Archive,
        reception: Reception,
        blocks: Blocks,
        relieved: Callable[[], None],
        concluded: Callable[[Outcome], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._archive = archive
        self._reception = reception
        self._blocks = blocks
        self._relieved = relieved
        self._concluded = concluded
        self._arrived: Arrived | None = None
        self._block = blocks.take()
        self._pieces: list[memoryview] = []
        self._pending = 0
        self._long = False  # more than a block: worth the hand-overs
        self._lock = Lock()
        self._waiting = 0  # full blocks on their way to the disk
        self._stuck = False
        self._failure: StoreError | None = None
        self._abandoned = False
        self._writing = archive.strand()
        self._beside: Strand | None = None  # and reading the header
        self._writing.put(self._begin)

    def congested(self) -> bool:
        """Whether the line should read no more for now; it is told when that is over."""
        with self._lock:
            self._stuck = self._stuck or self._waiting >= MOST
            return self._stuck

    def block(self) -> Block:
        """Where the association receives next."""
        if self._block.room < _LEAST_ROOM or len(self._pieces) > _MANY:
            self._long = True
            self._hand_over(last=False)
            self._block = self._blocks.take()
        return self._block

    def received(self, pieces: list[memoryview], *, in_place: bool, last: bool) -> None:
        """More of the data set; ``in_place``: it lies in the block already."""
        if in_place:
            self._pieces += pieces
            self._pending += sum(map(len, pieces))
        else:
            for piece in pieces:
                self._copy(piece)
        if last:
            self._hand_over(last=True)
        elif self._long and self._pending >= EAGER and self._writing.idle and self._hashing.idle:
            self._submit(None, last=False)

    def abandon(self) -> None:
        """The rest will not come.  The association must have left the block before."""
        self._abandoned = True
        self._hand_over(last=True)

    def _copy(self, data: memoryview) -> None:
        while len(data):
            place = self.block().append(data)
            self._pieces.append(place)
            self._pending += len(place)
            data = data[len(place) :]

    def _hand_over(self, *, last: bool) -> None:
        with self._lock:
            self._waiting += 1
        self._submit(self._block, last=last)

    def _submit(self, block: Block | None, *, last: bool) -> None:
        pieces, self._pieces, self._pending = self._pieces, [], 0
        if not self._long:
            whole = _Batch(block, pieces, last=last, left=2)
            self._writing.put(lambda: self._take_whole(whole))
            return
        batch = _Batch(block, pieces, last=last, left=3 if last else 2)
        self._writing.put(lambda: self._write(batch))
        self._hashing.put(lambda: self._digest(batch))

    @property
    def _hashing(self) -> Strand:
        if self._beside is None:
            self._beside = self._archive.strand()
        return self._beside

    def _begin(self) -> None:
        self._attempt(self._reception.begin)

    def _take_whole(self, batch: _Batch) -> None:
        if not self._lost:
            self._attempt(lambda: self._reception.write(batch.pieces, hasten=True))
            self._reception.digest(batch.pieces)
        self._hashing.put(lambda: self._read_header(batch))
        if not self._lost:
            self._attempt(self._reception.put_in_place)
        self._through(batch)

    def _write(self, batch: _Batch) -> None:
        if not self._lost:
            self._attempt(lambda: self._reception.write(batch.pieces))
        if batch.last:
            self._hashing.put(lambda: self._read_header(batch))
            if not self._lost:
                self._attempt(self._reception.put_in_place)
        self._through(batch)

    def _digest(self, batch: _Batch) -> None:
        if not self._lost:
            self._reception.digest(batch.pieces)
        self._through(batch)

    def _read_header(self, batch: _Batch) -> None:
        """While the disk syncs the file."""
        if not self._lost:
            self._attempt(self._reception.read_header)
        self._through(batch)

    @property
    def _lost(self) -> bool:
        return self._abandoned or self._failure is not None

    def _attempt(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StoreError as error:
            self._failure = error
        except Exception as mistake:  # noqa: BLE001 - the peer must get its answer
            self._failure = StoreFailed(f"receiving failed: {type(mistake).__name__}")

    def _through(self, batch: _Batch) -> None:
        """With one of the things to do; the last of them gives back the block and goes on."""
        with self._lock:
            batch.left -= 1
            if batch.left:
                return
            self._waiting -= batch.block is not None
            relieved = self._stuck and self._waiting <= FEW
            self._stuck = self._stuck and not relieved
        batch.pieces.clear()
        if batch.block is not None:
            self._blocks.give_back(batch.block)
        if relieved:
            self._loop.call_soon_threadsafe(self._relieved)
        if batch.last:
            self._conclude()

    def _conclude(self) -> None:
        """All is done: the index is told from here, without a turn of the loop."""
        if not self._lost:
            self._attempt(self._begin_filing)
        if self._lost:
            if self._arrived is None:
                self._reception.discard()
            self._loop.call_soon_threadsafe(self._settle, None, self._failure)

    def _begin_filing(self) -> None:
        self._arrived = self._reception.arrived()
        self._archive.index.begin_filing(self._arrived, self._settle)

    def _settle(self, filed: Filed | None, error: BaseException | None) -> None:
        self._concluded(Outcome(self._arrived, filed, None if self._abandoned else error))
