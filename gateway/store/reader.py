"""A thread that reads: a connection that cannot write, one snapshot for each query."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue
from threading import Thread

import apsw

from gateway.store.operation import Operation


class Reader:
    """``submit`` from the loop's thread; outcomes come back there, in order."""

    def __init__(self, connection: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._waiting: SimpleQueue[Operation[object] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="store-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, operation: Operation[object]) -> None:
        self._waiting.put(operation)

    def stop(self) -> None:
        """Finishes what is waiting, then ends the thread.  Blocks; call it off the loop."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (operation := self._waiting.get()) is not None:
            operation.attempt_snapshot(self._connection)
            self._loop.call_soon_threadsafe(operation.report)
