"""Waits for the second answer: the application's own, after a destination only stored a message.

It is waited for without end, and a person is told when it takes too long.  Nothing is ever sent
again for its sake: the destination has the message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.delivery.base import Receipt
from gateway.delivery.ledger import Outcome, WasDelivered, WasParked
from gateway.errors import DeliveryError
from gateway.store.messages import OutboxEntry


class Applications:
    """``settle`` gets the final outcome; ``overdue`` the entry and why a person should look."""

    def __init__(
        self,
        seconds: float,
        settle: Callable[[Outcome], None],
        overdue: Callable[[OutboxEntry, str], None],
    ) -> None:
        self._seconds = seconds
        self._settle = settle
        self._overdue = overdue

    async def wait(self, entry: OutboxEntry, application: asyncio.Future[Receipt]) -> None:
        done, _ = await asyncio.wait((application,), timeout=self._seconds)
        if not done:
            minutes = f"{self._seconds / 60:g} min"
            self._overdue(entry, f"accepted, but the application has not answered for {minutes}")
            await asyncio.wait((application,))
        if application.cancelled():
            return
        try:
            self._settle(WasDelivered(entry, application.result()))
        except DeliveryError as error:
            self._settle(WasParked(entry, f"accepted, then the application {error}"))
