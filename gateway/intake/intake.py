"""A closed transmission becomes reports on disk and messages in the outbox, in one transaction.

The bytes are in the journal already, so nothing here can lose them: what cannot be read is held
with the reason, what was cut off is kept as incomplete evidence.  What waits to be read is
in the backlog, which keeps the order of arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway import logs
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.backlog import Backlog
from gateway.intake.drafting import Draft, setup_of
from gateway.intake.interpreter import Interpreter
from gateway.intake.planning import Meaning, Planner
from gateway.intake.registrar import Registrar
from gateway.intake.routes import Router
from gateway.matching import Rules
from gateway.matching.quality import Material
from gateway.notices import Noticeboard
from gateway.store import Filing, Outcome, Store

_GRACE = 1.0  # seconds a stop may take for reading


class Intake:
    """``complete`` and ``incomplete`` return at once; ``drained`` waits for what they began.

    ``rules`` are those of matching, None where nobody sends orders.
    """

    def __init__(
        self,
        store: Store,
        devices: Mapping[str, Known],
        router: Router,
        notices: Noticeboard,
        clock: Callable[[], datetime],
        rules: Rules | None = None,
        materials: Mapping[str, Material] | None = None,
    ) -> None:
        self._store = store
        self._router = router
        attribution = Attribution(devices)
        self._interpreter = Interpreter(attribution, clock)
        self._known = attribution.device
        planner = Planner(router, clock, materials, rules)
        self._registrar = Registrar(store, planner, notices, clock, rules)
        self._filing: set[asyncio.Task[None]] = set()
        setup = setup_of(devices, router) if rules is None else None
        self.backlog = Backlog(self._interpreter.attempt, self._file, router.now, setup)

    @property
    def unread(self) -> int:
        """Whole transmissions, safe in the journal, that are not read yet."""
        return len(self.backlog)

    def complete(self, arrival: Arrival) -> None:
        """Reads a whole transmission and files what it means, in the order of the calls."""
        self.backlog.add(arrival)

    async def _file(self, arrival: Arrival, read: Draft | Meaning) -> None:
        if isinstance(read, Draft):
            if await self._registrar.file_draft(arrival, self._known(read.device), read):
                return
            read = self._interpreter.attempt(arrival)
        said = read.content_key is not None or read.problems
        outcome = Outcome.COMPLETE if said else Outcome.OTHER
        await self._registrar.file(arrival, read, outcome, "")

    def incomplete(self, arrival: Arrival, reason: str) -> None:
        """Keeps what was cut off as evidence; nothing of it is delivered."""
        known = self._interpreter.first(arrival)
        detail = {"transmission": str(arrival.transmission), "reason": reason}
        meaning = Meaning(
            known, None, messages=tuple(self._router.event(known.name, "incomplete", detail))
        )
        self._begin(self._registrar.file(arrival, meaning, Outcome.INCOMPLETE, reason))

    async def drained(self) -> None:
        """Everything begun so far is on disk."""
        self.backlog.hurry()
        try:
            while tasks := self._filing | self.backlog.tasks():
                await asyncio.wait(tasks)
        finally:
            self.backlog.hurried = False

    async def ended(self, grace: float = _GRACE) -> None:
        """As ``drained``, but a stop does not wait longer than ``grace`` seconds for it.

        What is not filed by then stands in the journal, for ``recover`` at the next start.
        """
        try:
            async with asyncio.timeout(grace):
                await self.drained()
        except TimeoutError:
            left = self._filing | self.backlog.tasks()
            logs.get().warning("intake.left", count=len(left) + self.unread)
            self.backlog.forget()
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        finally:
            await self.backlog.close()

    async def recover(self) -> int:
        """Files what a crash left open; how many there were."""
        left = self.take_up()
        await self.drained()
        return left

    def take_up(self) -> int:
        """Begins to file what a crash or a failed disk left open; how many there were."""
        left = self._store.unfinished()
        for opened in left:
            devices = self._interpreter.known(opened.device)
            if not devices:
                self._begin(self._registrar.abandon(opened.id))
                continue
            arrival = self._interpreter.recovered(opened)
            if arrival is not None:
                self.complete(arrival)
            else:
                cut = Arrival(opened.id, devices, opened.protocol, b"", False, opened.peer)
                self.incomplete(cut, "damaged" if opened.damaged else "restart")
        return len(left)

    def rebuilt(
        self,
        transmission: int,
        device: str,
        protocol: str,
        entries: Sequence[bytes],
        peer: str,
        received_at: datetime,
    ) -> Arrival | None:
        """A transmission from its journal entries; None when they are not a whole one."""
        return self._interpreter.rebuilt(transmission, device, protocol, entries, peer, received_at)

    def read(self, arrival: Arrival) -> Meaning:
        """What the transmission means with today's profiles; changes nothing."""
        return self._interpreter.read(arrival)

    async def review(self, arrival: Arrival) -> Filing | None:
        """What a stored transmission would be filed as today; None when it holds no results."""
        meaning = self.read(arrival)
        if meaning.content_key is None:
            return None
        return await self._registrar.review(meaning, arrival.transmission)

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._filing.add(task)
        task.add_done_callback(self._filing.discard)
        return task
