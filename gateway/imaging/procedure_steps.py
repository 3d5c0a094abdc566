"""Performed procedure steps in the store: where each stands, and every message that said so.

Message and step change in one transaction; when a verb returns they are on disk, and only then
may the modality be answered.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import apsw

from gateway.imaging import procedure_step as rules
from gateway.imaging.procedure_step import Content, Effect, Manifest, StepStatus, Verdict
from gateway.store import Engine
from gateway.store.moments import from_micros, to_micros
from gateway.store.rows import Row

CREATE: Final = "create"
SET: Final = "set"

Kept = Callable[[Verdict], None]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who said it."""

    device: str | None
    calling: str
    host: str


@dataclass(frozen=True, slots=True, repr=False)
class StoredStep:
    """A step as it stands; ``reopened`` counts how often its exam was opened again."""

    uid: str
    device: str | None
    calling: str
    status: StepStatus
    study_uid: str
    accession: str
    patient_id: str
    started_at: datetime
    changed_at: datetime
    reopened: int
    content: Content

    def __repr__(self) -> str:
        return f"StoredStep(uid={self.uid!r}, status={self.status.value!r})"

    @property
    def manifest(self) -> Manifest:
        """What should arrive because of it."""
        return rules.manifest(self.content)


@dataclass(frozen=True, slots=True, repr=False)
class StepEvent:
    """A message about a step; ``kind``: create or set."""

    id: int
    kind: str
    at: datetime
    device: str | None
    calling: str
    host: str
    content: Content


_STEP: Final = (
    "SELECT uid, device, calling, status, study_uid, accession, patient_id, started_at, "
    "changed_at, reopened, content FROM procedure_steps"
)
_MISSING: Final = (
    "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT uid FROM instances) ORDER BY key"
)


class ProcedureSteps:
    """The verbs.  ``kept`` hears of what is on disk even when nobody awaits it any more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def create(
        self, uid: str, message: Content, sender: Sender, kept: Kept | None = None
    ) -> Verdict:
        """N-CREATE."""

        def operation(connection: apsw.Connection) -> Verdict:
            known = _content(connection, uid)
            verdict = rules.created(known, _event(connection, uid, first=True), message)
            self._keep(connection, uid, CREATE, message, sender, verdict)
            return verdict

        return await self._engine.write(operation, after=kept)

    async def change(
        self, uid: str, message: Content, sender: Sender, kept: Kept | None = None
    ) -> Verdict:
        """N-SET."""

        def operation(connection: apsw.Connection) -> Verdict:
            known = _content(connection, uid)
            verdict = rules.changed(known, _event(connection, uid, first=False), message)
            self._keep(connection, uid, SET, message, sender, verdict)
            return verdict

        return await self._engine.write(operation, after=kept)

    async def get(self, uid: str) -> StoredStep | None:
        found = await self._select("WHERE uid = ?", (uid,))
        return found[0] if found else None

    async def of_study(self, study_uid: str) -> Sequence[StoredStep]:
        """The oldest first."""
        return await self._select("WHERE study_uid = ? ORDER BY started_at", (study_uid,))

    async def latest(self, limit: int = 100) -> Sequence[StoredStep]:
        """The last changed first."""
        return await self._select("ORDER BY changed_at DESC LIMIT ?", (limit,))

    async def history(self, uid: str) -> Sequence[StepEvent]:
        """Every message that was taken, in order."""

        def query(connection: apsw.Connection) -> Sequence[StepEvent]:
            rows = connection.execute(
                "SELECT id, kind, at, device, calling, host, content FROM procedure_step_events "
                "WHERE step = ? ORDER BY id",
                (uid,),
            )
            return [_event_of(row) for row in rows]

        return await self._engine.browse(query)

    async def missing(self, uid: str) -> Sequence[str]:
        """Instances the step names that are not in the archive."""
        step = await self.get(uid)
        if step is None:
            return ()
        named = json.dumps(sorted(step.manifest.instances))
        return await self._engine.read(
            lambda connection: [str(value) for (value,) in connection.execute(_MISSING, (named,))]
        )

    async def _select(self, where: str, bindings: Sequence[str | int]) -> Sequence[StoredStep]:
        return await self._engine.read(
            lambda connection: [
                _step_of(row) for row in connection.execute(f"{_STEP} {where}", bindings)
            ]
        )

    def _keep(
        self,
        connection: apsw.Connection,
        uid: str,
        kind: str,
        message: Content,
        sender: Sender,
        verdict: Verdict,
    ) -> None:
        if verdict.effect in (Effect.REFUSED, Effect.REPEATED):
            return
        now = to_micros(self._engine.clock())
        if verdict.effect is Effect.CREATED:
            _insert(connection, uid, sender, verdict.content, now)
        else:
            _update(connection, uid, verdict, now)
        text = rules.encoded(message)
        number = self._engine.next_number(connection, "procedure_step_events")
        connection.execute(
            "INSERT INTO procedure_step_events (id, step, kind, at, device, calling, host, "
            "content, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                uid,
                kind,
                now,
                sender.device,
                sender.calling,
                sender.host,
                text,
                hashlib.sha256(text.encode()).digest(),
            ),
        )


def _insert(
    connection: apsw.Connection, uid: str, sender: Sender, content: Content, now: int
) -> None:
    connection.execute(
        "INSERT INTO procedure_steps (uid, device, calling, status, study_uid, accession, "
        "patient_id, started_at, changed_at, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            uid,
            sender.device,
            sender.calling,
            _status(content),
            rules.study_uids(content)[0],
            rules.accession(content),
            rules.patient_id(content),
            now,
            now,
            rules.encoded(content),
        ),
    )


def _update(connection: apsw.Connection, uid: str, verdict: Verdict, now: int) -> None:
    content = verdict.content
    connection.execute(
        "UPDATE procedure_steps SET status = ?, changed_at = ?, content = ?, "
        "reopened = reopened + ? WHERE uid = ?",
        (
            _status(content),
            now,
            rules.encoded(content),
            int(verdict.effect is Effect.REOPENED),
            uid,
        ),
    )


def _status(content: Content) -> str:
    status = rules.status_of(content)
    return "" if status is None else status.value


def _content(connection: apsw.Connection, uid: str) -> Content | None:
    found = connection.execute("SELECT content FROM procedure_steps WHERE uid = ?", (uid,)).get
    return None if found is None else rules.decoded(str(found))


def _event(connection: apsw.Connection, uid: str, *, first: bool) -> Content | None:
    """The content of the first or the latest message about a step."""
    which = "MIN" if first else "MAX"
    found = connection.execute(
        f"SELECT content FROM procedure_step_events WHERE id = "  # noqa: S608 - our own names
        f"(SELECT {which}(id) FROM procedure_step_events WHERE step = ?)",
        (uid,),
    ).get
    return None if found is None else rules.decoded(str(found))


def _step_of(row: Row) -> StoredStep:
    uid, device, calling, status, study, number, patient, started, changed, reopened, content = row
    return StoredStep(
        uid,
        device,
        calling,
        StepStatus(status),
        study,
        number,
        patient,
        from_micros(started),
        from_micros(changed),
        reopened,
        rules.decoded(content),
    )


def _event_of(row: Row) -> StepEvent:
    number, kind, at, device, calling, host, content = row
    return StepEvent(number, kind, from_micros(at), device, calling, host, rules.decoded(content))
