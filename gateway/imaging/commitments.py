"""What devices asked us to commit to, in the store, until each has its report.

The same request again (its answer or its report was lost) is the same commitment and is reported
again.  Another one under the same transaction UID is filed as a duplicate, all of it to fail.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import apsw

from gateway.imaging.commitment import Reference, Report, Request
from gateway.imaging.procedure_steps import Sender
from gateway.store import Engine
from gateway.store.moments import from_micros, to_micros
from gateway.store.rows import Row

LONGEST_PAUSE: Final = timedelta(hours=1)
"""Between two tries; what is put off for longer was so before the clock was put back."""


class CommitmentState(StrEnum):
    """``GIVEN_UP``: nobody could be told for days."""

    OPEN = "open"
    REPORTED = "reported"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Commitment:
    """``received_at``: when it was asked for last; ``failed`` is what was reported last."""

    id: int
    device: str | None
    calling: str
    called: str
    host: str
    received_at: datetime
    duplicate: bool
    request: Request
    failed: tuple[tuple[Reference, int], ...]
    state: CommitmentState
    attempts: int
    next_at: datetime


_SELECT: Final = (
    "SELECT id, device, calling, called, host, received_at, duplicate, transaction_uid, requested, "
    "failed, state, attempts, next_at FROM commitments"
)


class Commitments:
    """The verbs; what they change is on disk when they return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ask(self, request: Request, sender: Sender, called: str) -> int:
        """Files a request; its number.  It is due at once, told to where it was asked from last."""
        requested = _written(request.references)
        digest = hashlib.sha256(requested.encode()).digest()

        def operation(connection: apsw.Connection) -> int:
            now = to_micros(self._engine.clock())
            known = connection.execute(
                "SELECT id, sha256, duplicate FROM commitments WHERE transaction_uid = ? "
                "ORDER BY id",
                (request.transaction,),
            ).fetchall()
            for number, sha256, _ in known:
                if sha256 == digest:
                    connection.execute(
                        "UPDATE commitments SET state = 'open', received_at = ?, next_at = ?, "
                        "attempts = 0, calling = ?, called = ?, host = ? WHERE id = ?",
                        (now, now, sender.calling, called, sender.host, number),
                    )
                    return int(str(number))
            number = self._engine.next_number(connection, "commitments")
            connection.execute(
                "INSERT INTO commitments (id, transaction_uid, device, calling, called, host, "
                "received_at, sha256, duplicate, requested, next_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    request.transaction,
                    sender.device,
                    sender.calling,
                    called,
                    sender.host,
                    now,
                    digest,
                    int(bool(known)),
                    requested,
                    now,
                ),
            )
            return number

        return await self._engine.write(operation)

    async def due(self, now: datetime, limit: int = 50) -> Sequence[Commitment]:
        """To be reported now, the longest waiting first."""
        where = (
            "WHERE state = 'open' AND (next_at <= ? OR next_at > ?) ORDER BY next_at, id LIMIT ?"
        )
        return await self._select(where, (to_micros(now), to_micros(now + LONGEST_PAUSE), limit))

    async def next_due(self, after: datetime) -> datetime | None:
        """When the next of those that were not ``due`` then is to be tried."""
        bindings = (to_micros(after),)
        found = await self._engine.read(
            lambda c: (
                c.execute(
                    "SELECT MIN(next_at) FROM commitments WHERE state = 'open' AND next_at > ?",
                    bindings,
                ).get
            )
        )
        return from_micros(found) if isinstance(found, int) else None

    async def get(self, number: int) -> Commitment | None:
        found = await self._select("WHERE id = ?", (number,))
        return found[0] if found else None

    async def latest(self, limit: int = 100) -> Sequence[Commitment]:
        return await self._select("ORDER BY id DESC LIMIT ?", (limit,))

    async def call_again(self, calling: str) -> None:
        """A device is there again: what it is owed is due now."""
        bindings = (to_micros(self._engine.clock()), calling)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE commitments SET next_at = ? WHERE state = 'open' AND calling = ?",
                    bindings,
                ).get
            )
        )

    async def there_again(self, device: str) -> None:
        """The same, of a configured device."""
        bindings = (to_micros(self._engine.clock()), device)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE commitments SET next_at = ?1 WHERE state = 'open' AND device = ?2 "
                    "AND next_at > ?1",
                    bindings,
                ).get
            )
        )

    async def reported(self, told: Commitment, report: Report) -> bool:
        """False when it was asked for again meanwhile, and is still owed."""
        return await self._finish(told, CommitmentState.REPORTED, report)

    async def gave_up(self, told: Commitment, report: Report) -> bool:
        """The same."""
        return await self._finish(told, CommitmentState.GIVEN_UP, report)

    async def postpone(self, told: Commitment, until: datetime) -> None:
        """Nobody could be told.  One that was called for meanwhile stays due."""
        bindings = (to_micros(told.next_at), to_micros(until), told.id)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE commitments SET next_at = IIF(next_at = ?, ?, next_at), "
                    "attempts = attempts + 1 WHERE id = ?",
                    bindings,
                ).get
            )
        )

    async def _finish(self, told: Commitment, state: CommitmentState, report: Report) -> bool:
        failed = json.dumps([[one.sop_class, one.uid, why] for one, why in report.failed])
        at, received = to_micros(self._engine.clock()), to_micros(told.received_at)
        bindings = (state.value, failed, at, told.id, received)
        found = await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE commitments SET state = ?, failed = ?, reported_at = ?, "
                    "attempts = attempts + 1 WHERE id = ? AND received_at = ? RETURNING id",
                    bindings,
                ).get
            )
        )
        return found is not None

    async def _select(self, where: str, bindings: Sequence[int]) -> Sequence[Commitment]:
        return await self._engine.read(
            lambda c: [_of_row(row) for row in c.execute(f"{_SELECT} {where}", bindings)]
        )


def _written(references: Sequence[Reference]) -> str:
    return json.dumps(sorted([one.sop_class, one.uid] for one in references))


def _of_row(row: Row) -> Commitment:
    number, device, calling, called, host, received, duplicate, transaction = row[:8]
    requested, failed, state, attempts, next_at = row[8:]
    return Commitment(
        number,
        device,
        calling,
        called,
        host,
        from_micros(received),
        bool(duplicate),
        Request(transaction, tuple(Reference(*pair) for pair in json.loads(requested))),
        tuple((Reference(a, b), why) for a, b, why in json.loads(failed or "[]")),
        CommitmentState(state),
        attempts,
        from_micros(next_at),
    )
