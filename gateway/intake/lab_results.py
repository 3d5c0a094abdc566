"""Results of reference laboratories, from the orders listener into the journal and the intake.

To the intake a laboratory is a device of the destination's name: its messages are journaled, read,
matched, held and delivered like any other's.  Which laboratory speaks is told by MSH-3 and MSH-4,
which are what we put in MSH-5 and MSH-6 of its orders; where there is only one, it is that one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import StoreError
from gateway.intake.arrival import Arrival
from gateway.orders.errors import wrong
from gateway.protocols.hl7 import ErrorCode, Message
from gateway.store import Store

_PROTOCOL = "hl7"


class Recipient(Protocol):
    """Where whole messages go."""

    def complete(self, arrival: Arrival) -> None: ...


@dataclass(frozen=True, slots=True)
class Laboratory:
    """``application`` and ``facility`` are MSH-3 and MSH-4 of its messages; empty: any."""

    application: str = ""
    facility: str = ""

    def speaks(self, application: str, facility: str) -> bool:
        return self.application in ("", application) and self.facility in ("", facility)


class LabResults:
    """``take`` returns when a message is on disk and will be read."""

    def __init__(
        self, store: Store, recipient: Recipient, laboratories: Mapping[str, Laboratory]
    ) -> None:
        self._store = store
        self._recipient = recipient
        self._laboratories = dict(laboratories)

    async def take(self, message: Message, body: bytes, source: str) -> None:
        """NotTaken when no laboratory sends like that, StoreError when it is not on disk."""
        names = self._speaking(message)
        line = "+".join(names)
        number = self._store.open_transmission(line, _PROTOCOL, source)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def on_disk(error: StoreError | None) -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self._store.append(number, body, on_disk)
        await done
        self._recipient.complete(Arrival(number, names, _PROTOCOL, body, True, source))

    def _speaking(self, message: Message) -> tuple[str, ...]:
        """The laboratory; several only where their headers do not tell them apart."""
        application, facility = message.header.at(3) or "", message.header.at(4) or ""
        names = tuple(
            name
            for name, lab in self._laboratories.items()
            if lab.speaks(application.strip(), facility.strip())
        )
        if not names:
            raise wrong(ErrorCode.UNKNOWN_KEY, "MSH", 3)
        return names
