"""A closed transmission becomes reports on disk and messages in the outbox, in one transaction.

The bytes are in the journal already, so nothing here can lose them: what cannot be read is held
with the reason, what was cut off is kept as incomplete evidence.  Here is the order of work: what
has arrived is read one transmission after the other and handed on to be filed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any

from gateway import logs
from gateway.intake.arrival import Arrival
from gateway.intake.attribution import Attribution, Known
from gateway.intake.interpreter import Interpreter
from gateway.intake.planning import Meaning, Planner
from gateway.intake.registrar import Registrar
from gateway.intake.routes import Router
from gateway.matching import Rules
from gateway.matching.quality import Material
from gateway.notices import Noticeboard
from gateway.store import Filing, Outcome, Store

_GRACE = 1.0  # seconds a stop may take for reading
_SHARE = 3  # under load, so many parts of the time belong to the lines
_BACKLOG = 4096  # transmissions; beyond it reading is as urgent as anything


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
        self._interpreter = Interpreter(Attribution(devices), clock)
        planner = Planner(router, clock, materials, rules)
        self._registrar = Registrar(store, planner, notices, clock, rules)
        self._filing: set[asyncio.Task[None]] = set()
        self._arrived: deque[Arrival] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._hurried = False

    def complete(self, arrival: Arrival) -> None:
        """Reads a whole transmission and files what it means, in the order of the calls."""
        self._arrived.append(arrival)
        if self._reading is None:
            self._reading = self._begin(self._read_all())

    async def _read_all(self) -> None:
        """One transmission after the other; acknowledging frames goes first on a busy day.

        What waits is in the journal, so a backlog costs time and loses nothing.
        """
        try:
            while self._arrived:
                started = perf_counter()
                self._read_one(self._arrived.popleft())
                busy = 0 < len(self._arrived) < _BACKLOG and not self._hurried
                await asyncio.sleep((perf_counter() - started) * _SHARE if busy else 0)
        finally:
            self._reading = None

    def _read_one(self, arrival: Arrival) -> None:
        meaning = self._interpreter.attempt(arrival)
        said = meaning.content_key is not None or meaning.problems
        outcome = Outcome.COMPLETE if said else Outcome.OTHER
        self._begin(self._registrar.file(arrival, meaning, outcome, ""))

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
        self._hurried = True
        try:
            while self._filing:
                await asyncio.wait(tuple(self._filing))
        finally:
            self._hurried = False

    async def ended(self, grace: float = _GRACE) -> None:
        """As ``drained``, but a stop does not wait longer than ``grace`` seconds for it.

        What is not filed by then stands in the journal, for ``recover`` at the next start.
        """
        try:
            async with asyncio.timeout(grace):
                await self.drained()
        except TimeoutError:
            left = tuple(self._filing)
            logs.get().warning("intake.left", count=len(left) + len(self._arrived))
            self._arrived.clear()
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def recover(self) -> int:
        """Files what a crash or a failed disk left open; how many there were."""
        left = self._store.unfinished()
        for opened in left:
            devices = self._interpreter.known(opened.device)
            if not devices:
                await self._registrar.abandon(opened.id)
                continue
            arrival = self._interpreter.recovered(opened)
            if arrival is not None:
                self.complete(arrival)
            else:
                cut = Arrival(opened.id, devices, opened.protocol, b"", False, opened.peer)
                self.incomplete(cut, "damaged" if opened.damaged else "restart")
        await self.drained()
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
