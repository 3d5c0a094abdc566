"""What goes from the archive to other archives, and what they have promised to keep.

``feed`` queues in the outbox what the archive got since the last time; a destination that is seen
for the first time begins with what comes from then on.  What was sent is asked to be committed,
again and again at growing intervals, and whichever request is answered counts; what was refused is
sent again, twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import apsw

from gateway.imaging import pointer
from gateway.imaging.commitment import Reference, Report, Request
from gateway.imaging.forwarding_rows import (
    ASKED,
    ATTRIBUTE,
    CALL,
    FORGET,
    KNOWN_AS,
    OF_STUDY,
    REMEMBER,
    SENT,
    SETTLE,
)
from gateway.store import Engine
from gateway.store.moments import to_micros

BATCH: Final = 500
_RESENDS: Final = 2
_LONGEST: Final = timedelta(days=1)  # more than the least, between two requests about an instance
_REMEMBERED: Final = timedelta(days=30)
_MICRO: Final = timedelta(microseconds=1)


class ForwardState(StrEnum):
    """``REFUSED``: not committed although it was sent again; a person must look."""

    SENT = "sent"
    ASKED = "asked"
    COMMITTED = "committed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Forwarded:
    """One destination's side of an instance."""

    destination: str
    state: ForwardState
    sent_as: str
    reason: int | None


@dataclass(frozen=True, slots=True)
class StudyForwarded:
    """One destination's side of a study.  ``outdated``: instances it has under another identity
    than the study goes out with now."""

    destination: str
    instances: int
    committed: int
    refused: int
    outdated: int


class Forwardings:
    """The verbs; on disk when they return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def begin(self, destination: str, ae_title: str = "") -> None:
        """Before anything is received: a new destination's part begins here.  It is the archive of
        that title; promises of another that had its name are not its own."""

        def operation(connection: apsw.Connection) -> None:
            self._cursor(connection, destination)
            if connection.execute(KNOWN_AS, (destination,)).get is None:  # of before it was noted
                connection.execute(ATTRIBUTE, (ae_title, destination))
            connection.execute(CALL, (ae_title, destination))

        await self._engine.write(operation)

    async def feed(self, destination: str, devices: Sequence[str] | None = None) -> int:
        """Queues what is new, at most ``BATCH`` at once; how many instances were looked at."""

        def operation(connection: apsw.Connection) -> int:
            cursor = self._cursor(connection, destination)
            rows = connection.execute(
                "SELECT id, uid, sha256, device FROM instances WHERE id > ? ORDER BY id LIMIT ?",
                (cursor, BATCH),
            ).fetchall()
            for _, uid, sha256, device in rows:
                if devices is None or device in devices:
                    pointer.queue(self._engine, connection, destination, uid, sha256)
            if rows:
                connection.execute(
                    "UPDATE forward_cursors SET instance = ? WHERE destination = ?",
                    (rows[-1][0], destination),
                )
            return len(rows)

        return await self._engine.write(operation)

    async def sent(
        self, destination: str, instance: int, transfer_syntax: str, correction: int | None
    ) -> None:
        """The destination answered that it has it, under that identity correction.  A promise to
        keep what it has is none for what it gets now."""
        now = to_micros(self._engine.clock())

        def operation(connection: apsw.Connection) -> None:
            connection.execute(SENT, (destination, instance, now, transfer_syntax, correction))
            connection.execute(
                "DELETE FROM commitment_requests WHERE destination = ? AND instance = ?",
                (destination, instance),
            )

        await self._engine.write(operation)

    async def uncommitted(self, destination: str, asked_before: datetime) -> tuple[Reference, ...]:
        """Sent and not asked about, or asked before then, and by as much more as it was asked
        after it was sent, without an answer; also what was asked later than now, which means that
        the clock was put back."""
        now = to_micros(self._engine.clock())
        bindings = (destination, to_micros(asked_before), _LONGEST // _MICRO, now, BATCH)
        return await self._engine.read(
            lambda c: tuple(
                Reference(sop_class, uid)
                for sop_class, uid in c.execute(
                    "SELECT i.sop_class, i.uid FROM forwardings f JOIN instances i "
                    "ON i.id = f.instance WHERE f.destination = ?1 AND (f.state = 'sent' "
                    "OR (f.state = 'asked' AND (f.asked_at > ?4 OR f.asked_at "
                    "+ MAX(0, MIN(?3, f.asked_at - f.sent_at)) <= ?2))) ORDER BY i.id LIMIT ?5",
                    bindings,
                )
            )
        )

    async def asked(self, destination: str, request: Request) -> None:
        """Before the request leaves: its answer may be quick."""
        at = self._engine.clock()
        now, old = to_micros(at), to_micros(at - _REMEMBERED)

        def operation(connection: apsw.Connection) -> None:
            for reference in request.references:
                about = (destination, reference.uid)
                connection.execute(ASKED, (request.transaction, now, *about))
                connection.execute(REMEMBER, (request.transaction, now, *about))
                connection.execute(FORGET, (old, *about))

        await self._engine.write(operation)

    async def unasked(self, request: Request) -> None:
        """The request may not have arrived: ask again soon, and take a report all the same."""
        bindings = (request.transaction,)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE forwardings SET state = 'sent' "
                    "WHERE transaction_uid = ? AND state = 'asked'",
                    bindings,
                ).get
            )
        )

    async def answered(
        self, report: Report, queued: Callable[[frozenset[str]], None] | None = None
    ) -> frozenset[str]:
        """A commitment report came: the destinations it was about, none for an unknown one.
        What failed is queued again, at most twice; ``queued`` hears of it in any case."""

        def operation(connection: apsw.Connection) -> frozenset[str]:
            now = to_micros(self._engine.clock())
            known = connection.execute(
                "SELECT destination FROM forwardings WHERE transaction_uid = ?1 "
                "UNION SELECT destination FROM commitment_requests WHERE transaction_uid = ?1",
                (report.transaction,),
            )
            destinations = frozenset(str(name) for (name,) in known.fetchall())
            for reference in report.safe:
                self._settle(connection, report, reference, ForwardState.COMMITTED, None, now)
            for reference, reason in report.failed:
                self._settle(connection, report, reference, ForwardState.REFUSED, reason, now)
            for destination in destinations:
                self._send_again(connection, destination, report)
            return destinations

        return await self._engine.write(operation, after=queued)

    async def of(self, uid: str) -> Sequence[Forwarded]:
        """Where an instance went."""
        return await self._engine.read(
            lambda c: [
                Forwarded(name, ForwardState(state), sent_as, reason)
                for name, state, sent_as, reason in c.execute(
                    "SELECT f.destination, f.state, f.sent_as, f.reason FROM forwardings f "
                    "JOIN instances i ON i.id = f.instance WHERE i.uid = ? ORDER BY 1",
                    (uid,),
                )
            ]
        )

    async def of_study(self, uid: str) -> Sequence[StudyForwarded]:
        """Where its instances went."""
        return await self._engine.read(
            lambda c: [StudyForwarded(*row) for row in c.execute(OF_STUDY, (uid, uid))]
        )

    def queue_study(self, connection: apsw.Connection, destination: str, uid: str) -> int:
        """Inside ``engine.write``: queues everything of a study again; how many instances."""
        rows = connection.execute(
            "SELECT i.uid, i.sha256 FROM instances i JOIN series e ON e.id = i.series "
            "JOIN studies s ON s.id = e.study WHERE s.uid = ? AND i.state = 'stored' ORDER BY i.id",
            (uid,),
        ).fetchall()
        for instance, sha256 in rows:
            pointer.queue(self._engine, connection, destination, instance, sha256)
        return len(rows)

    async def refused(self, destination: str) -> int:
        """How many instances a person must look at."""
        found = await self._engine.read(
            lambda c: (
                c.execute(
                    "SELECT COUNT(*) FROM forwardings WHERE destination = ? AND state = 'refused'",
                    (destination,),
                ).get
            )
        )
        return found if isinstance(found, int) else 0

    async def committed_elsewhere(self, uid: str) -> bool:
        """Whether some archive promised to keep it: only then may it ever be purged here."""
        return any(one.state is ForwardState.COMMITTED for one in await self.of(uid))

    def _cursor(self, connection: apsw.Connection, destination: str) -> int:
        found = connection.execute(
            "SELECT instance FROM forward_cursors WHERE destination = ?", (destination,)
        ).get
        if isinstance(found, int):
            return found
        newest = connection.execute("SELECT COALESCE(MAX(id), 0) FROM instances").get
        start = newest if isinstance(newest, int) else 0
        connection.execute(
            "INSERT INTO forward_cursors (destination, instance) VALUES (?, ?)",
            (destination, start),
        )
        return start

    def _settle(
        self,
        connection: apsw.Connection,
        report: Report,
        reference: Reference,
        state: ForwardState,
        reason: int | None,
        now: int,
    ) -> None:
        instance = connection.execute(
            "SELECT id FROM instances WHERE uid = ?", (reference.uid,)
        ).get
        refused = int(state is ForwardState.REFUSED)
        settled = connection.execute(
            SETTLE, (report.transaction, instance, state.value, reason, now, refused)
        ).fetchall()
        for (destination,) in settled:
            connection.execute(
                "DELETE FROM commitment_requests WHERE destination = ? AND instance = ?",
                (destination, instance),
            )

    def _send_again(self, connection: apsw.Connection, destination: str, report: Report) -> None:
        for uid, sha256 in connection.execute(
            "SELECT i.uid, i.sha256 FROM forwardings f JOIN instances i ON i.id = f.instance "
            "WHERE f.destination = ? AND f.transaction_uid = ? AND f.state = 'refused' "
            "AND f.refusals <= ?",
            (destination, report.transaction, _RESENDS),
        ).fetchall():
            pointer.queue(self._engine, connection, destination, uid, sha256)
