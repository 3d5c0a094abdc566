"""One queue per destination: what is due, what became of it, and what a person decides about it.

A batch from ``due`` is in order (see ``lanes``) and its later entries rest on the earlier ones
being delivered: whoever postpones or parks one must drop the rest of that batch's entries of the
same lane and ask again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import apsw

from gateway.errors import StoreCorrupt, StoreError
from gateway.store import decisions, lanes, messages, numbers
from gateway.store.engine import Engine
from gateway.store.messages import UNDELIVERED, MessageState, OutboxEntry, OutboxMessage
from gateway.store.moments import to_micros
from gateway.store.queues import QueueState, compute

Take = Callable[[Sequence[OutboxEntry]], bool]

# Every statement costs the thread that runs the event loop a wait for the interpreter's lock.
_DELIVERED = """UPDATE outbox SET state = 'delivered', answer = ?, next_at = NULL,
    attempts = attempts + 1, first_try = COALESCE(first_try, ?), last_try = ?, finished_at = ?
    WHERE id IN (SELECT value FROM json_each(?))"""


class Outbox:
    """The verbs of delivery.  All changes are on disk when they return."""

    def __init__(self, engine: Engine, corrupt: Callable[[int, str], None]) -> None:
        self._engine = engine
        self._corrupt = corrupt
        self._subscribers: dict[str, list[tuple[Callable[[], None], Take]]] = {}
        self._withdrawn: set[int] = set()

    @property
    def withdrawn(self) -> set[int]:
        """Entries cancelled by others while somebody may have read them already: not to be sent."""
        return self._withdrawn

    def subscribe(
        self, destination: str, callback: Callable[[], None], take: Take | None = None
    ) -> Callable[[], None]:
        """``callback`` runs in the loop's thread when something was queued for ``destination``
        and is on disk.  Returns what ends the subscription.

        ``take`` is offered entries that were queued just now and may be sent as they are, all of
        that commit: True when it has them, and ``callback`` is not called for them."""
        subscription = (callback, take or _not_taken)
        subscriptions = self._subscribers.setdefault(destination, [])
        subscriptions.append(subscription)
        return lambda: subscriptions.remove(subscription)

    def announce(self, destinations: frozenset[str], ready: Sequence[OutboxEntry] = ()) -> None:
        for destination in destinations:
            for callback, take in tuple(self._subscribers.get(destination, ())):
                entries = [entry for entry in ready if entry.destination == destination]
                if not entries or not take(entries):
                    callback()

    async def enqueue(self, batch: Sequence[OutboxMessage]) -> Sequence[int]:
        """Queues messages that belong to no report."""
        return await self._engine.write(
            lambda c: [messages.insert(self._engine, c, message, None) for message in batch],
            after=lambda _: self.announce(frozenset(m.destination for m in batch)),
        )

    async def due(self, destination: str, limit: int, now: datetime) -> Sequence[OutboxEntry]:
        """The next entries that may be sent, in order, at most ``limit`` and 8 MiB of bodies.

        A row that is not what was stored ends the batch before it (it may fence what follows),
        is parked and reported to the alarm."""
        seen: set[int] = set()
        while True:
            entries, corrupt = await self._engine.read(
                lambda connection: lanes.due(connection, destination, limit, to_micros(now))
            )
            if corrupt is None:
                return entries
            if corrupt in seen:
                raise StoreCorrupt(f"message {corrupt} is damaged and cannot be parked")
            seen.add(corrupt)
            await self.park(corrupt, "stored message is damaged")
            self._corrupt(corrupt, destination)
            if entries:
                return entries

    async def get(self, number: int) -> OutboxEntry | None:
        return await self._engine.read(lambda connection: messages.find(connection, number))

    async def list(
        self,
        destination: str | None = None,
        state: MessageState | None = None,
        *,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[OutboxEntry]:
        """The newest first; ``before`` is an id."""
        where = (
            "WHERE (? IS NULL OR o.destination = ?) AND (? IS NULL OR o.state = ?) "
            "AND (? IS NULL OR o.id < ?) ORDER BY o.id DESC LIMIT ?"
        )
        bindings = (destination, destination, state, state, before, before, limit)
        return await self._engine.browse(lambda c: messages.select(c, where, bindings))

    async def accepted(self, destination: str, control_id: str) -> OutboxEntry | None:
        """The message whose application's answer is outstanding under this control id."""
        where = (
            "WHERE o.state = 'accepted' AND o.control_id = ? AND o.destination = ? "
            "ORDER BY o.id DESC LIMIT 1"
        )
        found = await self._engine.read(
            lambda c: messages.select(c, where, (control_id, destination))
        )
        return found[0] if found else None

    async def mark_delivered(self, entry: OutboxEntry | int, answer: str) -> None:
        """The destination has it, whatever state the row was in."""
        await self._tried(entry, MessageState.DELIVERED, answer, tuple(MessageState))

    async def mark_all_delivered(self, answered: Sequence[tuple[OutboxEntry, str]]) -> None:
        """The same for many, each with its answer, by one statement for each kind of answer."""
        kinds: dict[str, list[int]] = {}
        for entry, answer in answered:
            kinds.setdefault(answer, []).append(entry.id)

        def operation(connection: apsw.Connection) -> None:
            now = to_micros(self._engine.clock())
            for answer, ids in kinds.items():
                connection.execute(_DELIVERED, (answer, now, now, now, json.dumps(ids)))

        await self._engine.write(operation)

    async def assign(
        self, entry: OutboxEntry | int, placer: str | None, filler: str | None
    ) -> None:
        """The destination gave the order of this report numbers of its own."""

        def operation(connection: apsw.Connection) -> None:
            found = _existing(connection, entry)
            if found.report is not None:
                numbers.assign(self._engine, connection, found, placer, filler)

        await self._engine.write(operation)

    async def mark_accepted(self, entry: OutboxEntry | int, answer: str) -> None:
        """Received and kept there; the application's answer is outstanding."""
        await self._tried(entry, MessageState.ACCEPTED, answer, UNDELIVERED)

    async def postpone(self, entry: OutboxEntry | int, until: datetime, reason: str) -> None:
        """Not before ``until``; fences its lane."""
        await self._tried(entry, MessageState.POSTPONED, reason, UNDELIVERED, until)

    async def park(self, entry: OutboxEntry | int, reason: str) -> None:
        """A person must look; fences its lane until then."""
        await self._tried(entry, MessageState.PARKED, reason, UNDELIVERED)

    async def cancel(
        self,
        entry: OutboxEntry | int,
        actor: str,
        reason: str,
        *,
        check: Callable[[apsw.Connection], None] | None = None,
    ) -> None:
        """A person decides that it is not to be sent; its lane goes on.  ``check`` raises, in the
        transaction, when it may not be."""

        def operation(connection: apsw.Connection) -> str:
            if check is not None:
                check(connection)
            found = _existing(connection, entry)
            decisions.cancel(self._engine, connection, found, actor, reason)
            return found.destination

        await self._engine.write(operation, after=lambda d: self.announce(frozenset({d})))

    async def resend(
        self,
        entry: OutboxEntry | int,
        *,
        actor: str,
        as_new: OutboxMessage | None = None,
        check: Callable[[apsw.Connection], None] | None = None,
    ) -> int:
        """Sends again, to where it was to go then; returns the id of the row that is sent.

        An undelivered row is freed in its place.  A delivered one is queued again as a new row
        with the same control id and bytes.  ``as_new`` (same destination and lane, its own control
        id inside and outside its body) takes an undelivered row's place in the lane.  ``check``
        raises, in the transaction, when it may not be."""

        replaced: set[int] = set()

        def operation(connection: apsw.Connection) -> tuple[int, str]:
            replaced.clear()
            if check is not None:
                check(connection)
            found = _existing(connection, entry)
            number = decisions.resend(self._engine, connection, found, as_new, actor)
            if as_new is not None and found.state in UNDELIVERED:
                replaced.add(found.id)
            return number, found.destination

        number, _ = await self._engine.write(
            operation,
            committed=lambda: self._withdrawn.update(replaced),
            after=lambda result: self.announce(frozenset({result[1]})),
        )
        return number

    async def queues(self) -> Sequence[QueueState]:
        """Every destination that has something undelivered."""
        return await self._engine.browse(compute)

    async def _tried(
        self,
        entry: OutboxEntry | int,
        state: MessageState,
        answer: str,
        from_states: Sequence[MessageState],
        until: datetime | None = None,
    ) -> None:
        number = entry if isinstance(entry, int) else entry.id

        def operation(connection: apsw.Connection) -> None:
            if _state(connection, number) in from_states:
                _record_try(self._engine, connection, number, state, answer, until)

        await self._engine.write(operation)


def _not_taken(_entries: Sequence[OutboxEntry]) -> bool:
    return False


def _state(connection: apsw.Connection, number: int) -> str | None:
    state = connection.execute("SELECT state FROM outbox WHERE id = ?", (number,)).get
    return state if isinstance(state, str) else None


def _record_try(
    engine: Engine,
    connection: apsw.Connection,
    number: int,
    state: MessageState,
    answer: str,
    until: datetime | None,
) -> None:
    now = to_micros(engine.clock())
    finished = now if state is MessageState.DELIVERED else None
    next_at = None if until is None else to_micros(until)
    connection.execute(
        "UPDATE outbox SET state = ?, answer = ?, next_at = ?, attempts = attempts + 1, "
        "first_try = COALESCE(first_try, ?), last_try = ?, finished_at = ? WHERE id = ?",
        (state.value, answer, next_at, now, now, finished, number),
    )


def _existing(connection: apsw.Connection, entry: OutboxEntry | int) -> OutboxEntry:
    number = entry if isinstance(entry, int) else entry.id
    found = messages.find(connection, number)
    if found is None:
        raise StoreError(f"there is no message {number}")
    return found
