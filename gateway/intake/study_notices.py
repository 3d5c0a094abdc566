"""Tells EHRs of studies that are tied to their orders: once each time, when the study is quiet.

A study is told of when no image came for ``quiet`` seconds, or its performed procedure step was
completed; again when there are more images; and taken back when it is unlinked or linked to another
order.  Message and memory of it are written together, so a crash neither loses nor doubles one.
What cannot be written faithfully is not sent, and stands in the audit trail.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import apsw

from gateway.intake.belonging import of_order
from gateway.intake.parties import known_person, message_order
from gateway.intake.routes import HL7, EhrRoute, Router
from gateway.messages import NotEncodable, Order, control_id
from gateway.messages.envelope import IdentifierDomain
from gateway.messages.study import StudyNotice, check_study, encode_study
from gateway.report import Patient
from gateway.store import OutboxMessage, Store, audit
from gateway.store import messages as outbox_rows
from gateway.store.moments import to_micros

QUIET: Final = 180.0
SETTLED: Final = 10.0
_PAUSE: Final = 5.0
_RECENT: Final = timedelta(days=7)
_NEWEST: Final = 500
_AHEAD: Final = timedelta(minutes=1)
_ACTOR: Final = "gateway"


@dataclass(frozen=True, slots=True, repr=False)
class _State:
    """A study now, and what the EHR was told last: ``told`` is the order, None for nothing."""

    id: int
    uid: str
    device: str
    day: str
    time: str
    accession: str
    images: int
    order: int | None
    ripe: bool
    told: int | None
    told_images: int
    revision: int


class StudyNotices:
    """``run`` is a supervised task.  ``page``: the address of a study's page, by its row."""

    def __init__(
        self,
        store: Store,
        router: Router,
        clock: Callable[[], datetime],
        *,
        page: Callable[[int], str] = lambda _: "",
        quiet: float = QUIET,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._router = router
        self._clock = clock
        self._page = page
        self._quiet = quiet
        self._sleep = sleep
        self._routes = studies_routes(router)

    async def run(self) -> None:
        """Until cancelled."""
        await self.begin()
        while True:
            await self.look()
            await self._sleep(_PAUSE)

    async def begin(self) -> None:
        """A destination's studies begin with its first run."""
        for route in self._routes:
            await self._store.engine.write(partial(_begin, destination=route.name))

    async def look(self) -> int:
        """How many messages were queued."""
        queued = 0
        for route in self._routes:
            now = self._clock()
            bounds = (to_micros(now - _RECENT), *self._bounds(now))
            for uid in await self._store.engine.browse(partial(_due, route.name, bounds)):
                queued += await self._store.engine.write(partial(self._tell, route=route, uid=uid))
            self._store.outbox.announce(frozenset({route.name}))
        return queued

    def _bounds(self, now: datetime) -> tuple[int, int, int]:
        """Of ``_RIPE``.  What changed later than now did so before the clock was put back."""
        quiet, settled = timedelta(seconds=self._quiet), timedelta(seconds=SETTLED)
        ahead = to_micros(now + quiet + _AHEAD)
        return to_micros(now - quiet), ahead, to_micros(now - min(settled, quiet))

    def _tell(self, connection: apsw.Connection, route: EhrRoute, uid: str) -> int:
        """Everything that is to be told of it now, and the memory that it was."""
        state = _state(connection, route.name, uid, self._bounds(self._clock()))
        if state is None or not (route.devices is None or state.device in route.devices):
            return 0
        count, told, revision = 0, state.told, state.revision
        if told is not None and told != state.order:
            revision += 1
            count += self._queue(connection, route, state, told, revision, withdrawn=True)
            told = None
        fresh = told is None or state.told_images != state.images
        if state.order is not None and state.ripe and fresh:
            revision += 1
            count += self._queue(connection, route, state, state.order, revision)
            told = state.order
        connection.execute(
            "INSERT INTO study_notices (study_uid, destination, revision, order_id, images, at) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (study_uid, destination) DO UPDATE SET "
            "revision = excluded.revision, order_id = excluded.order_id, "
            "images = excluded.images, at = excluded.at",
            (uid, route.name, revision, told, state.images, to_micros(self._clock())),
        )
        return count

    def _queue(
        self,
        connection: apsw.Connection,
        route: EhrRoute,
        state: _State,
        order: int,
        revision: int,
        *,
        withdrawn: bool = False,
    ) -> int:
        engine = self._store.engine
        try:
            message = self._message(connection, route, state, order, revision, withdrawn)
        except NotEncodable as error:
            subject, detail = f"study {state.uid}", f"{route.name}: {error}"
            audit.add(engine, connection, _ACTOR, "study not told", subject, detail)
            return 0
        outbox_rows.insert(engine, connection, message, None)
        return 1

    def _message(
        self,
        connection: apsw.Connection,
        route: EhrRoute,
        state: _State,
        order: int,
        revision: int,
        withdrawn: bool,
    ) -> OutboxMessage:
        belonging = of_order(connection, order)
        domains: tuple[IdentifierDomain, ...] = ()
        known, asked = None, Order()
        if belonging.patient is not None and belonging.order is not None:
            known, domains = known_person(belonging.patient)
            asked = message_order(belonging.order)
        key, name = self._router.site_key, f"study {state.uid}/{order}"
        identity = control_id(key, name, revision)
        envelope = self._router.envelope(route, identity, asked, domains)
        notice = StudyNotice(
            state.uid,
            _accession(connection, order) or state.accession,
            control_id(key, name, 0),
            known or Patient(),
            state.images,
            self._imaged_at(state),
            withdrawn,
            self._page(state.id) if route.study_page and not withdrawn else "",
        )
        body = encode_study(notice, envelope, route.profile)
        check_study(body, notice, envelope, route.profile)
        now = self._clock().isoformat()
        meta = {"content": "oru", "device": state.device, "id": state.uid, "time": now}
        return OutboxMessage(route.name, state.uid, identity, HL7, body, meta)

    def _imaged_at(self, state: _State) -> datetime | None:
        """In the site's zone; units do not say which."""
        try:
            moment = datetime.strptime(f"{state.day}{state.time[:6]}", "%Y%m%d%H%M%S")  # noqa: DTZ007
        except ValueError:
            return None
        return moment.replace(tzinfo=self._router.now().tzinfo)


def studies_routes(router: Router) -> Sequence[EhrRoute]:
    """The EHRs that want to hear of studies."""
    return [one for one in router.routes if isinstance(one, EhrRoute) and one.studies]


def _begin(connection: apsw.Connection, destination: str) -> None:
    """With what comes after the last study there is, whatever the clock says (``at`` is of those
    that began by it)."""
    connection.execute(
        "INSERT OR IGNORE INTO study_notices (study_uid, destination, revision, images, at) "
        "SELECT '', ?, COALESCE(MAX(id), 0), 0, 0 FROM studies",
        (destination,),
    )


def _accession(connection: apsw.Connection, order: int) -> str:
    query = "SELECT accession FROM imaging_procedures WHERE order_id = ? ORDER BY step LIMIT 1"
    return str(connection.execute(query, (order,)).get or "")


_RIPE: Final = """(s.changed_at <= ? OR s.changed_at > ? OR (s.changed_at <= ? AND EXISTS (SELECT 1
    FROM procedure_steps p WHERE p.study_uid = s.uid AND p.status = 'COMPLETED')))"""
_ORDER: Final = "CASE WHEN s.match_state = 'matched' THEN CAST(s.match_order AS INTEGER) END"


def _due(
    destination: str, bounds: tuple[int, int, int, int], connection: apsw.Connection
) -> list[str]:
    recent, *ripe = bounds
    query = f"""SELECT s.uid FROM studies s LEFT JOIN study_notices n
        ON n.study_uid = s.uid AND n.destination = ?
        JOIN study_notices b ON b.study_uid = '' AND b.destination = ?
        AND s.id > b.revision AND s.first_at >= b.at
        WHERE (s.changed_at >= ? OR s.matched_at >= ?
        OR s.id > (SELECT MAX(id) FROM studies) - {_NEWEST})
        AND ((n.order_id IS NOT NULL AND n.order_id IS NOT {_ORDER})
          OR ({_ORDER} IS NOT NULL AND (n.order_id IS NULL OR n.images <> s.instances)
              AND {_RIPE})) ORDER BY s.id LIMIT 200"""  # noqa: S608 - our own words
    bindings = (destination, destination, recent, recent, *ripe)
    return [str(uid) for (uid,) in connection.execute(query, bindings)]


def _state(
    connection: apsw.Connection, destination: str, uid: str, bounds: tuple[int, int, int]
) -> _State | None:
    query = f"""SELECT s.id, s.uid, COALESCE(s.device, 'unknown'), s.study_date, s.study_time,
        s.accession, s.instances, {_ORDER}, {_RIPE}, n.order_id, COALESCE(n.images, 0),
        COALESCE(n.revision, 0) FROM studies s LEFT JOIN study_notices n
        ON n.study_uid = s.uid AND n.destination = ? WHERE s.uid = ?"""  # noqa: S608
    row = connection.execute(query, (*bounds, destination, uid)).fetchone()
    if row is None:
        return None
    number, found, *texts, images, order, ripe, told, told_images, revision = row
    device, day, time, accession = map(str, texts)
    return _State(
        *(int(number), str(found), device, day, time, accession, int(images), order),
        ripe=bool(ripe),
        told=told,
        told_images=int(told_images),
        revision=int(revision),
    )
