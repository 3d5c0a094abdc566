"""What the archive holds, by UID: lists for people, single instances for whoever reads back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import apsw

from gateway.archive import filing
from gateway.archive.filing import Filed
from gateway.archive.reception import Arrived
from gateway.archive.rows import (
    INSTANCE,
    QUARANTINED,
    SERIES,
    STUDY,
    STUDY_OUT,
    Instance,
    Quarantined,
    Series,
    Study,
    instance_of,
    quarantined_of,
    series_of,
    study_of,
)
from gateway.store import Engine
from gateway.store.moments import to_micros
from gateway.store.operation import Settle
from gateway.store.rows import Binding, Row

T = TypeVar("T")


class Index:
    """Verbs on the archive's tables.  All changes are on disk when they return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def file(self, arrived: Arrived) -> Filed:
        """Puts an arrived file into the index, in the store's next group commit."""
        return await self._engine.write(lambda c: filing.file(c, arrived))

    def begin_filing(self, arrived: Arrived, settle: Settle[Filed]) -> None:
        """``file`` from another thread; the outcome comes in the loop's."""
        self._engine.put(lambda c: filing.file(c, arrived), settle)

    async def replace(self, arrived: Arrived) -> Filed:
        """Names the arrived file instead of a damaged one."""
        return await self._engine.write(lambda c: filing.replace(c, arrived))

    async def instance(self, uid: str) -> Instance | None:
        found = await self._select(INSTANCE, "WHERE i.uid = ?", (uid,), instance_of)
        return found[0] if found else None

    async def study(self, uid: str, *, corrected: bool = False) -> Study | None:
        """As it came, or with the identity it goes out under."""
        columns = STUDY_OUT if corrected else STUDY
        found = await self._select(columns, "WHERE s.uid = ?", (uid,), study_of)
        return found[0] if found else None

    async def studies(
        self,
        *,
        before: int | None = None,
        match_state: str | None = None,
        limit: int = 100,
        corrected: bool = False,
    ) -> Sequence[Study]:
        """The newest first; ``before`` is an id."""
        where = (
            "WHERE (? IS NULL OR s.id < ?) AND (? IS NULL OR s.match_state = ?) "
            "ORDER BY s.id DESC LIMIT ?"
        )
        bindings = (before, before, match_state, match_state, limit)
        columns = STUDY_OUT if corrected else STUDY
        return await self._select(columns, where, bindings, study_of)

    async def series(self, study_uid: str) -> Sequence[Series]:
        where = "JOIN studies s ON s.id = e.study WHERE s.uid = ? ORDER BY e.id"
        return await self._select(SERIES, where, (study_uid,), series_of)

    async def instances(self, study_uid: str, series_uid: str | None = None) -> Sequence[Instance]:
        """Of a study or one of its series, in the order they came."""
        where = (
            "JOIN series e ON e.id = i.series JOIN studies s ON s.id = e.study "
            "WHERE s.uid = ? AND (? IS NULL OR e.uid = ?) ORDER BY i.id"
        )
        return await self._select(INSTANCE, where, (study_uid, series_uid, series_uid), instance_of)

    async def quarantined(
        self, limit: int = 100, before: int | None = None
    ) -> Sequence[Quarantined]:
        """What waits for a person, the newest first; ``before`` is an id."""
        where = "WHERE q.state = 'open' AND (? IS NULL OR q.id < ?) ORDER BY q.id DESC LIMIT ?"
        return await self._select(QUARANTINED, where, (before, before, limit), quarantined_of)

    async def disputed(self, uid: str, calling: str) -> bool:
        """Whether that sender sent other bytes under this UID, which nobody looked at yet."""
        query = "SELECT 1 FROM quarantine WHERE state = 'open' AND uid = ? AND calling = ?"
        return await self._engine.read(
            lambda c: c.execute(f"{query} LIMIT 1", (uid, calling)).get is not None
        )

    async def after(self, number: int, limit: int) -> Sequence[Instance]:
        """Instances by id, for walks over everything."""
        where = "WHERE i.id > ? ORDER BY i.id LIMIT ?"
        return await self._select(INSTANCE, where, (number, limit), instance_of)

    async def paths(self) -> frozenset[str]:
        """Every file the index names."""
        return await self._engine.browse(
            lambda c: frozenset(
                path
                for (path,) in c.execute(
                    "SELECT path FROM instances UNION SELECT path FROM quarantine"
                )
            )
        )

    async def checked(self, instance: Instance, *, sound: bool) -> None:
        """What a look at the file showed; nothing of one that is being purged meanwhile."""
        state = "stored" if sound else "damaged"
        bindings = (state, to_micros(self._engine.clock()), instance.id, instance.path)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE instances SET state = ?, checked_at = ? WHERE id = ? AND path = ? "
                    "AND state IN ('stored', 'damaged')",
                    bindings,
                ).get
            )
        )

    async def match(self, study_uid: str, state: str, order: str | None) -> None:
        """Ties a study to an order or unties it; the study counts as changed."""
        bindings = (state, order, to_micros(self._engine.clock()), study_uid)
        await self._engine.write(
            lambda c: (
                c.execute(
                    "UPDATE studies SET match_state = ?, match_order = ?, matched_at = ?, told = 0 "
                    "WHERE uid = ?",
                    bindings,
                ).get
            )
        )

    async def _select(
        self, select: str, where: str, bindings: Sequence[Binding], convert: Callable[[Row], T]
    ) -> Sequence[T]:
        def query(connection: apsw.Connection) -> Sequence[T]:
            return [convert(row) for row in connection.execute(f"{select} {where}", bindings)]

        return await self._engine.read(query)
