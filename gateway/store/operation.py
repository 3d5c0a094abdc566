"""One piece of work on a connection, and how its outcome comes back to the event loop.

The writer runs operations as savepoints of its group commit, the reader as snapshots.  An
operation may run twice (a transaction that found the disk full is tried again on the ballast's
room), so it must do nothing but read and write through its connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import apsw

from gateway.errors import StoreError
from gateway.store.connection import translate

T = TypeVar("T")

Settle = Callable[[T | None, BaseException | None], None]
"""Called in the loop's thread, once: with a result and None, or with None and the error."""


class Operation(Generic[T]):
    """``committed`` runs in the writer thread between COMMIT and everything after it."""

    __slots__ = ("committed", "error", "result", "run", "settle")

    def __init__(
        self,
        run: Callable[[apsw.Connection], T],
        settle: Settle[T],
        committed: Callable[[], None] | None = None,
    ) -> None:
        self.run = run
        self.settle = settle
        self.committed = committed
        self.result: T | None = None
        self.error: BaseException | None = None

    def attempt(self, connection: apsw.Connection) -> None:
        """Runs it; whatever it raises becomes its outcome and nobody else's."""
        self.result, self.error = None, None
        try:
            self.result = self.run(connection)
        except Exception as error:  # noqa: BLE001 - carried to whoever awaits the operation
            self.error = error

    def attempt_snapshot(self, connection: apsw.Connection) -> None:
        """Runs it on a state of the database that does not change meanwhile."""
        try:
            connection.execute("BEGIN")
            self.attempt(connection)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except apsw.Error as error:
            self.error = error

    def fail(self, error: StoreError) -> None:
        self.result, self.error = None, error

    def report(self) -> None:
        """In the loop's thread: hands the outcome over."""
        error = self.error
        if isinstance(error, apsw.Error):
            cause = error
            error = translate(cause, "working on the store")
            error.__cause__ = cause
        self.settle(self.result, error)
