"""Puts the running parts together: recover, then deliver, then listen; and stops them in reverse.

``serve`` is the whole gateway.  It runs until ``stopping`` is set; a clean stop takes nothing more
from devices, files what has arrived as far as a second goes (the next start files the rest), gives
messages in flight a moment, says goodbye on MQTT and closes the store.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from gateway import control, logs
from gateway.alarms import Alarms
from gateway.archive import Filed, Verdict
from gateway.config import Configuration
from gateway.desk import Desk, LinkBoard
from gateway.desk.parts import UnknownCaller
from gateway.desk.pausing import still_paused
from gateway.destinations import build_couriers, couriers_for, message_profiles
from gateway.devices import drift_limits, silence_limits, tapes
from gateway.drivers.dicom import Callers
from gateway.errors import StoreError
from gateway.intake import Intake
from gateway.intake.late_orders import LateOrders
from gateway.intake.study_notices import StudyNotices, studies_routes
from gateway.lines import Lines
from gateway.messages import load_tables
from gateway.modalities import Modalities, modalities
from gateway.notices import Noticeboard
from gateway.orders.acknowledging import Answer
from gateway.orders.downloads import Downloads
from gateway.reception import Reception, late_orders
from gateway.standing import build_intake, build_router, desk_parts, opened_store
from gateway.starting import opened_unless
from gateway.store import Condition, Store
from gateway.studies import Studies
from gateway.supervision import supervise
from gateway.work_orders import downloads, rosters, worklists

_REOPEN_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a running gateway, for whoever embeds it (the demonstration, tests)."""

    store: Store
    desk: Desk
    intake: Intake
    lines: Lines
    modalities: Modalities | None
    reception: Reception


async def serve(
    configuration: Configuration,
    *,
    notices: Noticeboard,
    clock: Callable[[], datetime],
    stopping: asyncio.Event,
    ready: Callable[[Running], None],
    randomness: Callable[[], float] = random.random,
) -> None:
    """Runs the gateway; StoreError or ConfigurationError when it cannot start.

    ``ready`` is called when all listeners are open; until then those that are work.  Stopped before
    that, what was opened by then is closed again.
    """
    opening = running(configuration, notices=notices, clock=clock, randomness=randomness)
    async with AsyncExitStack() as stack:
        parts = await opened_unless(stopping, stack, opening)
        if parts is None:
            logs.get().info("gateway.called-off")
            return
        stopped = asyncio.create_task(stopping.wait())
        opened = asyncio.create_task(parts.lines.all_listening())
        try:
            await asyncio.wait((opened, stopped), return_when=asyncio.FIRST_COMPLETED)
            if opened.done():
                ready(parts)
            await stopped
        finally:
            opened.cancel()
            stopped.cancel()
            await asyncio.gather(opened, stopped, return_exceptions=True)


@asynccontextmanager
async def running(
    configuration: Configuration,
    *,
    notices: Noticeboard,
    clock: Callable[[], datetime],
    randomness: Callable[[], float] = random.random,
) -> AsyncIterator[Running]:
    """A gateway with all listeners open, until the block ends."""
    folder = configuration.gateway.data_dir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    links = LinkBoard(configuration.devices)
    async with AsyncExitStack() as stack:
        stack.enter_context(notices.watched_by(links.see))
        store = await opened_store(folder, clock, notices)
        stack.push_async_callback(store.aclose)
        for profile in message_profiles(configuration):
            await asyncio.to_thread(load_tables, profile)
        router = build_router(configuration, store, clock)
        intake = build_intake(configuration, store, router, notices, clock)
        await _started(stack, {"store": lambda: _watch(store, intake)})
        try:
            await intake.recover()
        except asyncio.CancelledError:
            await intake.ended()
            raise
        couriers = build_couriers(configuration, store, notices, clock, randomness)
        await still_paused(store, couriers)
        await _started(stack, {n: courier.run for n, courier in couriers.items()})
        stack.push_async_callback(intake.ended)
        alarms = Alarms(
            store,
            router,
            notices,
            links,
            silence_limits(configuration),
            clock,
            drift=drift_limits(configuration),
        )
        stack.enter_context(notices.watched_by(alarms.see))
        await _started(stack, {"alarms": alarms.run})
        callers: list[Callers] = []  # the node opens after the desk
        imaging: list[Modalities] = []
        known = desk_parts(configuration, store, intake, router, couriers, links, clock)
        strangers = partial(unknown_callers, callers)
        recorded = tapes(configuration)
        desk = Desk(replace(known, running=True, strangers=strangers, tapes=recorded))
        late = late_orders(configuration, store, router, notices, clock)
        if late is not None:
            await _started(stack, {"late orders": late.run})
        pushed = downloads(configuration, store, clock)
        told = partial(_placed, late, pushed, imaging)
        reception = Reception(configuration, store, notices, clock, router, intake, told)
        await stack.enter_async_context(reception.open())
        asked = worklists(configuration, store, clock)
        given = rosters(configuration, store, clock)
        lines = Lines(configuration, store, intake, notices, asked, pushed, recorded, given)
        await stack.enter_async_context(lines.open())
        units = await _modalities(stack, configuration, store, notices, clock)
        if units is not None:
            callers.append(units.node.callers)
            imaging.append(units)
            units.services.ordered()  # orders may have come since it began to listen
            forwarding = couriers_for(units.services.forwarders, store, notices, clock, randomness)
            couriers.update(forwarding)
            await still_paused(store, forwarding)
            await _started(stack, {n: courier.run for n, courier in forwarding.items()})
            await _started(stack, {"studies": Studies(store, clock, units.news.changed).run})
            if studies_routes(router):
                page = await asyncio.to_thread(_pages, configuration, folder, clock)
                told_of = StudyNotices(store, router, clock, page=page)
                await _started(stack, {"study notices": told_of.run})
        await stack.enter_async_context(control.serve(folder, desk.ask))
        if configuration.http is not None:
            from gateway.web import serving, site_of

            site = site_of(configuration.http, folder)
            images = (None, _unheard) if units is None else (units.archive, partial(_heard, units))
            await stack.enter_async_context(serving(site, desk.ask, notices, store, *images))
        logs.get().info("gateway.ready", count=len(configuration.devices))
        yield Running(store, desk, intake, lines, units, reception)


def _pages(
    configuration: Configuration, folder: Path, clock: Callable[[], datetime]
) -> Callable[[int], str]:
    """The address of a study's page, where pages are served."""
    if configuration.http is None:
        return lambda _: ""
    from gateway.web import site_of, study_links

    return study_links(site_of(configuration.http, folder), clock).of


def _placed(
    late: LateOrders | None, pushed: Downloads | None, imaging: Sequence[Modalities], answer: Answer
) -> None:
    if late is not None and answer.placed:
        late.wake()
    if pushed is not None and answer.changed:
        pushed.changed()
    if answer.changed:
        for units in imaging:
            units.services.ordered()


def unknown_callers(nodes: Sequence[Callers]) -> list[UnknownCaller]:
    """The latest last."""
    return [
        UnknownCaller(s.ae_title, s.host, s.called, s.first_at, s.last_at, s.times)
        for callers in nodes
        for s in callers.strangers
    ]


async def _modalities(
    stack: AsyncExitStack,
    configuration: Configuration,
    store: Store,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> Modalities | None:
    """The imaging side, where the configuration has one."""
    section = configuration.dicom
    if section is None:
        return None
    return await stack.enter_async_context(
        modalities(configuration, section, store, notices=notices, clock=clock)
    )


def _heard(units: Modalities, filed: Filed) -> None:
    """What came over HTTP is told of like what came by C-STORE."""
    if filed.verdict is Verdict.STORED and filed.study is not None:
        units.news.changed(filed.study)
        units.services.stored()


def _unheard(_filed: Filed) -> None:
    """Nobody listens where there is no imaging side."""


async def _started(
    stack: AsyncExitStack, runs: Mapping[str, Callable[[], Awaitable[None]]]
) -> None:
    """Begins supervised tasks that end with the stack."""
    tasks = [asyncio.create_task(supervise(name, run)) for name, run in runs.items()]

    async def stop() -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    stack.push_async_callback(stop)


async def _watch(store: Store, intake: Intake) -> None:
    """After an I/O error: opens the store again when the disk is well, and files what waits."""
    while True:
        await asyncio.sleep(_REOPEN_PAUSE)
        if store.condition is Condition.FAILED:
            try:
                await store.reopen()
            except StoreError:
                continue
            intake.take_up()  # not waited for: it waits for a disk that may fail again
