"""Tells of a study when it has been quiet for a moment: a notice, and a message for each broker.

Not every image makes a message: ``QUIET`` seconds after the last one, at most ``LONGEST`` after
the first.  What was not told when the gateway stopped is told after the next start.  The message
holds UIDs, counts and the match state; nothing about the patient.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime

import apsw

from gateway.archive.rows import SERIES, STUDY, Series, Study, series_of, study_of
from gateway.messages import control_id
from gateway.notices import Notice, StudyChanged
from gateway.store import OutboxMessage, Store
from gateway.store.messages import insert

QUIET = 5.0
LONGEST = 60.0
_SERIES = 200
UNKNOWN = "unknown"


class StudyNews:
    """``outlets`` names the destinations that want to hear of a device's studies."""

    def __init__(
        self,
        store: Store,
        outlets: Callable[[str], Sequence[str]],
        *,
        post: Callable[[Notice], None],
        clock: Callable[[], datetime],
        quiet: float = QUIET,
        longest: float = LONGEST,
    ) -> None:
        self._store = store
        self._outlets = outlets
        self._post = post
        self._clock = clock
        self._quiet, self._longest = quiet, longest
        self._waiting: dict[str, tuple[float, float]] = {}  # study: to be told at, at the latest
        self._changed = asyncio.Event()

    def changed(self, study: str) -> None:
        """A study is not what was told of it last."""
        now = asyncio.get_running_loop().time()
        _, latest = self._waiting.get(study, (0.0, now + self._longest))
        if study not in self._waiting:
            self._changed.set()  # another image only makes it later
        self._waiting[study] = (min(now + self._quiet, latest), latest)

    async def run(self) -> None:
        """Until cancelled."""
        for study in await self._store.engine.read(_untold):
            self.changed(study)
        loop = asyncio.get_running_loop()
        while True:
            pause = min((at for at, _ in self._waiting.values()), default=None)
            try:
                async with asyncio.timeout_at(pause):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            now = loop.time()
            for study in [study for study, (at, _) in self._waiting.items() if at <= now]:
                del self._waiting[study]
                await self._tell(study)

    async def _tell(self, uid: str) -> None:
        told = await self._store.engine.write(lambda c: self._write(c, uid))
        if told is None:
            return
        study, destinations = told
        self._store.outbox.announce(frozenset(destinations))
        device = study.device or UNKNOWN
        self._post(StudyChanged(device, study.uid, study.instances, study.match_state))

    def _write(self, connection: apsw.Connection, uid: str) -> tuple[Study, Sequence[str]] | None:
        """Messages and the mark that they are written, together or not at all."""
        row = connection.execute(f"{STUDY} WHERE s.uid = ? AND s.told = 0", (uid,)).fetchone()
        if row is None:
            return None
        study = study_of(row)
        found = connection.execute(f"{SERIES} WHERE e.study = ? LIMIT {_SERIES}", (study.id,))
        message = body(study, [series_of(series) for series in found], self._clock())
        device = study.device or UNKNOWN
        destinations = self._outlets(device)
        identity = control_id(self._store.site_key, message.decode(), 0)
        meta = {
            "content": "study",
            "device": device,
            "id": study.uid,
            "time": study.changed_at.isoformat(),
        }
        for destination in destinations:
            outgoing = OutboxMessage(
                destination, study.uid, identity, "application/json", message, meta
            )
            insert(self._store.engine, connection, outgoing, None)
        connection.execute("UPDATE studies SET told = 1 WHERE id = ?", (study.id,))
        return study, destinations


def body(study: Study, series: Sequence[Series], now: datetime) -> bytes:
    """The message as JSON."""
    text = {
        "type": "study",
        "time": now.isoformat(),
        "device": study.device,
        "study": study.uid,
        "instances": study.instances,
        "bytes": study.bytes,
        "series": [
            {"uid": one.uid, "modality": one.modality, "instances": one.instances} for one in series
        ],
        "match": study.match_state,
        "first_at": study.first_at.isoformat(),
        "changed_at": study.changed_at.isoformat(),
    }
    return json.dumps(text, separators=(",", ":")).encode()


def _untold(connection: apsw.Connection) -> list[str]:
    return [uid for (uid,) in connection.execute("SELECT uid FROM studies WHERE told = 0")]
