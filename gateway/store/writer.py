"""The one thread that writes: group commit over everything that waits.

Takes all pending jobs at once, writes the journal entries among them as one page and the
operations as savepoints, COMMITs once and hands every outcome back, in order, by one call into the
event loop.  Commits gather by themselves: what arrives during one is in the next, and after a batch
of many the next one waits until those have their answers.  Disk full: the ballast is given up and
the batch tried again once.  An I/O error: this batch and everything after it fails until the store
is reopened, because an fsync that failed must never be tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

import apsw

from gateway.errors import StoreError, StoreFailed, StoreFull
from gateway.store.connection import fatal, translate
from gateway.store.journal import ENTRY, Journal
from gateway.store.operation import Operation

Done = Callable[[StoreError | None], None]
Append = tuple[int, int, bytes, Done]
Job = Append | Operation[object]

CHECKPOINT_FRAMES = 2_000
_OPERATION_FRAMES = 16  # about as many as one leaves in the log; a hook would cost a thread switch
IN_DOUBT_SECONDS = 2.0
_MANY = 4  # jobs of a batch; two threads would take the interpreter's lock from each other


def nobody_waits(error: StoreError | None) -> None:
    """The ``Done`` of entries kept only as evidence."""


class Writer:
    """``submit`` from the loop's thread, ``put`` from any; outcomes come back in the loop's.

    Never blocks the loop.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        journal: Journal,
        loop: asyncio.AbstractEventLoop,
        *,
        make_room: Callable[[], bool],
        troubled: Callable[[StoreError], None],
    ) -> None:
        self._connection = connection
        self._journal = journal
        self._loop = loop
        self._make_room = make_room
        self._troubled = troubled
        self._pending: deque[Job] = deque()
        self._wake: SimpleQueue[bool] = SimpleQueue()
        self._idle = False
        self._answering = False
        self._ended = False
        self._frames = 0
        self._checkpoint_at = CHECKPOINT_FRAMES
        self._recent: deque[tuple[float, frozenset[int]]] = deque()
        self.failure: StoreFailed | None = None
        self.in_doubt: frozenset[int] = frozenset()
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def append(self, transmission: int, data: bytes, done: Done, kind: int = ENTRY) -> None:
        self._pending.append((kind, transmission, data, done))
        if self._idle:
            self._idle = False
            self._loop.call_soon(self._wake.put, True)

    def submit(self, operation: Operation[object]) -> None:
        self._pending.append(operation)
        if self._idle:
            self._idle = False
            self._loop.call_soon(self._wake.put, True)

    def put(self, operation: Operation[object]) -> None:
        """``submit`` from another thread: no turn of the loop before it is begun."""
        self._pending.append(operation)
        if self._ended:
            self._turn_away()
        elif self._idle:
            self._idle = False
            self._wake.put(True)

    def stop(self) -> None:
        """Finishes what is pending, then ends the thread.  Blocks; call it off the loop."""
        self._wake.put(False)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running or self._pending:
            if self._answering:
                self._answering = False
                running = running and self._wake.get()
            elif self._pending:
                self._take()
            else:
                running = self._rest()
        self._ended = True
        self._turn_away()

    def _rest(self) -> bool:
        """Until there is work; False when there will be no more."""
        self._idle = True
        running = bool(self._pending) or self._wake.get()
        self._idle = False
        return running

    def _turn_away(self) -> None:
        """What another thread brought when nobody takes it any more."""
        with suppress(IndexError):
            while True:
                late = iter([self._pending.popleft()])
                error = StoreError("the store is closed")
                self._loop.call_soon_threadsafe(_report, self._loop, late, error)

    def _take(self) -> None:
        """One batch: all that is pending now."""
        pending = self._pending
        jobs = [pending.popleft() for _ in range(len(pending))]
        error = self.failure or self._guarded(jobs)
        self._answering = many = len(jobs) >= _MANY
        self._loop.call_soon_threadsafe(self._answer, iter(jobs), error, many)
        if error is None and self._frames >= self._checkpoint_at:
            self._checkpoint()

    def _answer(self, jobs: Iterator[Job], error: StoreError | None, many: bool) -> None:
        """In the loop's thread."""
        try:
            _report(self._loop, jobs, error)
        finally:
            if many:
                self._wake.put(True)

    def _guarded(self, jobs: list[Job]) -> StoreError | None:
        """A mistake of ours in here must not leave anybody waiting for ever."""
        try:
            return self._commit(jobs)
        except Exception as mistake:  # noqa: BLE001 - the thread must outlive it and say so
            self._journal.drop()
            self._roll_back()
            self._broken(StoreFailed(f"the writer failed: {type(mistake).__name__}"))
            return self.failure

    def _commit(self, jobs: list[Job]) -> StoreError | None:
        operations: list[Operation[object]] = []
        appends: list[Append] = []
        for job in jobs:
            if isinstance(job, tuple):
                appends.append(job)
            else:
                operations.append(job)
        page = self._journal.stage(appends)
        touched = frozenset([append[1] for append in appends])
        error = self._attempt(page, operations)
        if isinstance(error, StoreFull) and self.failure is None and self._make_room():
            error = self._attempt(page, operations)
        if error is None:
            self._succeeded(page, operations, touched)
        else:
            self._failed(error, operations, touched)
        return error

    def _attempt(self, page: bytes, operations: list[Operation[object]]) -> StoreError | None:
        """One transaction.  Operations get savepoints only where one of them turned out to
        fail: they are run again then, since savepoints cost as much as a row each."""
        try:
            if not operations:
                if page:
                    self._journal.write(self._connection, page)
            elif not self._transaction(page, operations, careful=False):
                self._roll_back()
                self._transaction(page, operations, careful=True)
        except apsw.Error as error:
            failure = translate(error, "committing")
            self._roll_back()
            return failure
        return None

    def _transaction(
        self, page: bytes, operations: list[Operation[object]], *, careful: bool
    ) -> bool:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        if page:
            self._journal.write(connection, page)
        for operation in operations:
            if careful:
                self._savepoint(operation)
            elif not self._succeeds(operation):
                return False
        floor = self._journal.reclaim(connection)
        connection.execute("COMMIT")
        self._journal.reclaimed(floor)
        return True

    def _succeeds(self, operation: Operation[object]) -> bool:
        operation.attempt(self._connection)
        if isinstance(operation.error, apsw.Error) and fatal(operation.error):
            raise operation.error
        return operation.error is None

    def _savepoint(self, operation: Operation[object]) -> None:
        connection = self._connection
        connection.execute("SAVEPOINT operation")
        operation.attempt(connection)
        error = operation.error
        if isinstance(error, apsw.Error) and (fatal(error) or not connection.in_transaction):
            raise error
        if error is not None:
            connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            self._broken(translate(error, "rolling back"))

    def _succeeded(
        self, page: bytes, operations: list[Operation[object]], touched: frozenset[int]
    ) -> None:
        self._journal.keep(page)
        self._frames += 4 + len(page) // 4096 + _OPERATION_FRAMES * len(operations)
        for operation in operations:
            if operation.error is None and operation.committed is not None:
                operation.committed()
        now = time.monotonic()
        self._recent.append((now, touched))
        while self._recent[0][0] < now - IN_DOUBT_SECONDS:
            self._recent.popleft()

    def _failed(
        self, error: StoreError, operations: list[Operation[object]], touched: frozenset[int]
    ) -> None:
        self._journal.drop()
        for operation in operations:
            operation.fail(error)
        if isinstance(error, StoreFull):
            self._loop.call_soon_threadsafe(self._troubled, error)
        else:
            self._recent.append((time.monotonic(), touched))
            self._broken(error)

    def _broken(self, error: StoreError) -> None:
        """From here on nothing is promised; what was promised a moment ago is in doubt."""
        if self.failure is not None:
            return
        since = time.monotonic() - IN_DOUBT_SECONDS
        self.in_doubt = frozenset().union(*(ids for at, ids in self._recent if at >= since))
        self.failure = error if isinstance(error, StoreFailed) else StoreFailed(str(error))
        self._loop.call_soon_threadsafe(self._troubled, self.failure)

    def _checkpoint(self) -> None:
        """Moves the log into the database file.  An error here is an error of the store."""
        try:
            frames, moved = self._connection.wal_checkpoint()
        except (apsw.FullError, apsw.BusyError):
            self._checkpoint_at = self._frames + CHECKPOINT_FRAMES
            return
        except apsw.Error as error:
            self._broken(translate(error, "checkpointing"))
            return
        complete = moved == frames
        self._frames = 0 if complete else frames
        self._checkpoint_at = self._frames + CHECKPOINT_FRAMES


def _report(loop: asyncio.AbstractEventLoop, jobs: Iterator[Job], error: StoreError | None) -> None:
    """In the loop's thread: every outcome of one batch, in the order the jobs were submitted."""
    finished = False
    try:
        for job in jobs:
            if isinstance(job, tuple):
                job[3](error)
                continue
            if error is not None:
                job.fail(error)
            job.report()
        finished = True
    finally:
        if not finished:  # one callback raised; the others still get their answer
            loop.call_soon(_report, loop, jobs, error)
