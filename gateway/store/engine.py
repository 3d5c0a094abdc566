"""Writer, readers and files of one data directory behind ``write``, ``read`` and ``browse``.

Every table module is built on this and nothing else, so that new ones drop in and all of them
share one transaction log, one thread and one group commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import apsw

from gateway.errors import StoreError
from gateway.store.connection import DATABASE
from gateway.store.operation import Operation, Settle
from gateway.store.reader import Reader
from gateway.store.writer import Writer

T = TypeVar("T")

Query = Callable[[apsw.Connection], T]


@dataclass(slots=True)
class Engine:
    """``writer`` is None in a store opened for reading only, and while it is being reopened."""

    directory: Path
    clock: Callable[[], datetime]
    writer: Writer | None = None
    reader: Reader | None = None
    browser: Reader | None = None
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.directory / DATABASE

    async def write(
        self,
        operation: Query[T],
        *,
        after: Callable[[T], None] | None = None,
        always: Callable[[], None] | None = None,
        committed: Callable[[], None] | None = None,
    ) -> T:
        """Runs it in the next group commit; returns when that is on disk.

        ``after`` gets the result in the loop's thread even when nobody awaits any more, and
        ``always`` is called before it or before the error; ``committed`` runs in the writer's
        thread.  ``StoreError`` when it is not on disk.
        """
        if self.writer is None:
            if always is not None:
                always()
            raise StoreError("the store is not open for writing")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        settle = _settling(future, after, always)
        self.writer.submit(cast("Operation[object]", Operation(operation, settle, committed)))
        return await future

    def put(self, operation: Query[T], settle: Settle[T]) -> None:
        """``write`` from another thread; ``settle`` gets the outcome in the loop's.

        StoreError when the store is not open.
        """
        writer = self.writer
        if writer is None:
            raise StoreError("the store is not open for writing")
        writer.put(cast("Operation[object]", Operation(operation, settle)))

    async def read(self, query: Query[T]) -> T:
        """Runs it on a snapshot in the reader's thread: single rows, the next to deliver."""
        return await _ask(self.reader, query)

    async def browse(self, query: Query[T]) -> T:
        """The same in a thread of its own, for what may take long: lists, counts, proofs."""
        return await _ask(self.browser, query)

    def next_number(self, connection: apsw.Connection, table: str, column: str = "id") -> int:
        """The next id of a table, never one that a purged row had.  Only inside ``write``."""
        if table not in self.numbers:
            self.numbers[table] = highest_number(connection, table, column)
        self.numbers[table] += 1
        return self.numbers[table]


async def _ask(reader: Reader | None, query: Query[T]) -> T:
    if reader is None:
        raise StoreError("the store is closed")
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    operation: Operation[Any] = Operation(query, _settling(future, None, None))
    reader.submit(operation)
    return await future


def highest_number(connection: apsw.Connection, table: str, column: str = "id") -> int:
    """The highest id ever given to a row of ``table``, purged or not; 0 for none."""
    floor = connection.execute("SELECT value FROM sequences WHERE name = ?", (table,)).get
    highest = connection.execute(f"SELECT MAX({column}) FROM {table}").get  # noqa: S608 - our names
    return max(int(floor or 0), int(highest or 0))


def _settling(
    future: asyncio.Future[T],
    after: Callable[[T], None] | None,
    always: Callable[[], None] | None,
) -> Callable[[T | None, BaseException | None], None]:
    def settle(result: T | None, error: BaseException | None) -> None:
        if always is not None:
            always()
        if error is None and after is not None:
            after(cast("T", result))
        if future.done():
            return
        if error is None:
            future.set_result(cast("T", result))
        else:
            future.set_exception(error)

    return settle
