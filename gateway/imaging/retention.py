"""Forgets image files that an archive has promised to keep; their rows stay, and say who.

A study goes as a whole, ``keep`` after its last change, and only when each of its images was
committed to by a destination that is still configured, and still that archive, under the identity
the study has now.  It stays while anything about it is open: an image a PACS refused or was not
asked about, a message in the queue, a unit's own commitment request, a case in quarantine, images
that name different patients, a person's word.  A file that is gone is marked before and after, so
that a crash in between is finished by the next start.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from gateway.archive import Archive
from gateway.archive.shelves import INCOMING, sync_folder
from gateway.archive.walks import ACTOR, Walks
from gateway.imaging.pointer import CONTENT_TYPE
from gateway.store import Engine, audit
from gateway.store.moments import to_micros
from gateway.store.rows import Row

NAME: Final = "purge"
PAUSE: Final = 3600.0
_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Keeping:
    """``after``: how long a study stays here.  ``promising``: destinations whose commitment
    counts; ``served``: all that images are sent to."""

    after: timedelta
    promising: tuple[str, ...]
    served: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Queue:
    """The outbox as it was up to a row: what of the archive was still to be sent."""

    upto: int
    uids: frozenset[str]


class Retention:
    """``run`` is a supervised task.  ``failed`` hears why a file could not be removed."""

    def __init__(
        self,
        archive: Archive,
        walks: Walks,
        keeping: Keeping,
        *,
        clock: Callable[[], datetime],
        failed: Callable[[str], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._archive = archive
        self._engine: Engine = archive.engine
        self._walks = walks
        self._keeping = keeping
        self._clock = clock
        self._failed = failed
        self._sleep = sleep

    async def run(self) -> None:
        """Until cancelled."""
        await self._finish()
        while True:
            await self.once()
            await self._sleep(PAUSE)

    async def once(self) -> int:
        """Purges what may go; how many images."""
        gone, last = 0, 0
        before = to_micros(self._clock() - self._keeping.after)
        queue = await self._engine.browse(_queue)
        while studies := await self._candidates(before, last):
            for number in studies:
                last = number
                gone += await self._purge(number, before, queue)
        if gone:
            await self._walks.begin(NAME)
            await self._walks.advance(NAME, last, gone, gone)
            await self._walks.finish(NAME, "purge images", "{found} images purged here")
        return gone

    async def _candidates(self, before: int, after: int) -> Sequence[int]:
        bindings = (before, after, _BATCH)
        return await self._engine.browse(
            lambda c: [number for (number,) in c.execute(_CANDIDATES, bindings)]
        )

    async def _purge(self, study: int, before: int, queue: _Queue) -> int:
        rows = await self._engine.browse(lambda c: _pairs(c.execute(_HERE, (study,))))
        if not queue.uids.isdisjoint(uid for _, uid in rows):
            return 0
        marked = await self._engine.write(lambda c: self._mark(c, study, before, queue))
        return await self._finish() if marked else 0

    def _mark(self, connection: apsw.Connection, study: int, before: int, queue: _Queue) -> int:
        """Decides and marks in one transaction, which analyzers wait for; how many images."""
        rows = _pairs(connection.execute(_HERE, (study,)))
        awaited = queue.uids | _awaited(connection, queue.upto)
        if not rows or not awaited.isdisjoint(uid for _, uid in rows):
            return 0
        kept = {number: self._promised(connection, study, number) for number, _ in rows}
        if not all(kept.values()) or self._open(connection, study, before, rows):
            return 0
        now = to_micros(self._clock())
        for number, _ in rows:
            connection.execute(
                "INSERT OR REPLACE INTO purged_instances VALUES (?, ?, ?)",
                (number, now, json.dumps(kept[number])),
            )
            connection.execute("UPDATE instances SET state = 'purging' WHERE id = ?", (number,))
        uid = connection.execute("SELECT uid FROM studies WHERE id = ?", (study,)).get
        names = sorted({name for found in kept.values() for name in found})
        detail = f"{len(rows)} images, committed by {', '.join(names)}"
        audit.add(self._engine, connection, ACTOR, "purge study", f"study {uid}", detail)
        return len(rows)

    def _promised(self, connection: apsw.Connection, study: int, instance: int) -> list[str]:
        """Who keeps it as it goes out now."""
        found = connection.execute(_PROMISES, (study, instance))
        return [name for (name,) in found if name in self._keeping.promising]

    def _open(
        self,
        connection: apsw.Connection,
        study: int,
        before: int,
        rows: Sequence[tuple[int, str]],
    ) -> bool:
        """Whether anything speaks against it."""
        if connection.execute(_SPOKEN_FOR, (study, before)).get:
            return True
        states = connection.execute(_FORWARDINGS, (study,)).fetchall()
        if any(
            state in ("asked", "refused") or (state == "sent" and name in self._keeping.promising)
            for name, state in states
        ):
            return True
        newest = max(number for number, _ in rows)
        cursors = dict(connection.execute("SELECT destination, instance FROM forward_cursors"))
        return any(cursors.get(name, newest) < newest for name in self._keeping.served)

    async def _finish(self) -> int:
        """Removes what is marked, and marks it as gone."""
        done = 0
        while marked := await self._engine.read(_marked):
            paths = [self._archive.shelves.path(path) for _, path in marked]
            try:
                await self._archive.run(_remove, paths)
            except OSError as error:
                self._failed(error.strerror or type(error).__name__)
                return done
            await self._engine.write(partial(_gone, rows=marked))
            done += len(marked)
        return done


def _marked(connection: apsw.Connection) -> list[tuple[int, str]]:
    query = (
        "SELECT id, path FROM instances WHERE state <> 'stored' AND state = 'purging' "
        "ORDER BY id LIMIT 500"
    )
    return _pairs(connection.execute(query))


def _pairs(rows: Iterable[Row]) -> list[tuple[int, str]]:
    return [(int(str(number)), str(text)) for number, text in rows]


def _gone(connection: apsw.Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Unless a sender brought it again meanwhile: then it has another file."""
    connection.executemany(
        "UPDATE instances SET state = 'purged' WHERE id = ? AND path = ? AND state = 'purging'",
        rows,
    )


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in paths}:
        if folder.is_dir():
            sync_folder(folder)
        else:  # gone with all that was in it, unless the archive itself is not there now
            sync_folder(folder.parent / INCOMING)


def _queue(connection: apsw.Connection) -> _Queue:
    upto = connection.execute("SELECT COALESCE(MAX(id), 0) FROM outbox").get
    return _Queue(int(str(upto)), _queued(connection, 0))


def _queued(connection: apsw.Connection, after: int) -> frozenset[str]:
    """Instances that are to be sent.  What was delivered is never sent again by the same row."""
    rows = connection.execute(_QUEUED, (after, CONTENT_TYPE))
    return frozenset(str(json.loads(body)["uid"]) for (body,) in rows)


def _awaited(connection: apsw.Connection, after: int) -> frozenset[str]:
    """Instances somebody waits for: queued since then, or in a unit's commitment request."""
    found = set(_queued(connection, after))
    for (text,) in connection.execute(_ASKED):
        found |= {uid for _, uid in json.loads(text)}
    return frozenset(found)


_QUEUED: Final = """SELECT body FROM outbox
    WHERE id > ? AND content_type = ? AND state NOT IN ('delivered', 'cancelled')"""
_ASKED: Final = "SELECT requested FROM commitments WHERE state = 'open'"

_CANDIDATES: Final = """SELECT s.id FROM studies s
    WHERE s.changed_at < ? AND s.id > ? AND s.kept_for IS NULL AND s.mixed = 0
    AND EXISTS (SELECT 1 FROM series e JOIN instances i ON i.series = e.id
                WHERE e.study = s.id AND i.state IN ('stored', 'damaged'))
    AND NOT EXISTS (SELECT 1 FROM series e JOIN instances i ON i.series = e.id
                    WHERE e.study = s.id AND i.state IN ('stored', 'damaged')
                    AND NOT EXISTS (SELECT 1 FROM forwardings f
                                    WHERE f.instance = i.id AND f.state = 'committed'))
    ORDER BY s.id LIMIT ?"""
_HERE: Final = """SELECT i.id, i.uid FROM instances i JOIN series e ON e.id = i.series
    WHERE e.study = ? AND i.state IN ('stored', 'damaged') ORDER BY i.id"""
_PROMISES: Final = """SELECT f.destination FROM forwardings f JOIN studies s ON s.id = ?
    LEFT JOIN forward_cursors k ON k.destination = f.destination
    WHERE f.instance = ? AND f.state = 'committed'
    AND (f.promised_by IS NULL OR f.promised_by IS k.ae_title) AND f.correction IS
    (SELECT MAX(c.id) FROM study_corrections c WHERE c.study_uid = s.uid) ORDER BY 1"""
_SPOKEN_FOR: Final = """SELECT 1 FROM studies s WHERE s.id = ? AND (
    s.changed_at >= ? OR s.kept_for IS NOT NULL OR s.mixed
    OR EXISTS (SELECT 1 FROM quarantine q WHERE q.state = 'open' AND (q.study_uid = s.uid
               OR EXISTS (SELECT 1 FROM instances i JOIN series e ON e.id = i.series
                          WHERE i.uid = q.uid AND e.study = s.id))))"""
_FORWARDINGS: Final = """SELECT DISTINCT f.destination, f.state FROM forwardings f
    JOIN instances i ON i.id = f.instance JOIN series e ON e.id = i.series
    WHERE e.study = ? AND i.state IN ('stored', 'damaged')"""
