"""The store with its reading, its routes and its desk: what a gateway has whether it runs or not.

``standing`` is one that does not run: a person can still see and decide everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from gateway import control
from gateway.config import Configuration
from gateway.delivery.courier import Courier
from gateway.desk import Desk, LinkBoard
from gateway.desk.parts import DeviceFacts, Parts
from gateway.destinations import routes
from gateway.devices import known_devices
from gateway.errors import StoreError, StoreInUse
from gateway.intake import Intake, Router, Sender
from gateway.messages import ProcessingId
from gateway.notices import Noticeboard
from gateway.reception import control_materials, matching_rules
from gateway.starting import whole
from gateway.store import Store

_COMMAND: Final = 10.0  # seconds


@asynccontextmanager
async def standing(
    configuration: Configuration, *, clock: Callable[[], datetime]
) -> AsyncIterator[Desk]:
    """The desk of a gateway that does not run: the store alone, nothing listens or delivers."""
    folder = configuration.gateway.data_dir
    if not folder.is_dir():
        raise StoreError(f"{folder}: no gateway has run here yet")
    notices = Noticeboard(clock)
    store = await Store.open(folder, clock=clock)
    try:
        router = build_router(configuration, store, clock)
        intake = build_intake(configuration, store, router, notices, clock)
        links = LinkBoard(configuration.devices)
        yield Desk(desk_parts(configuration, store, intake, router, {}, links, clock))
    finally:
        await store.aclose()


async def opened_store(folder: Path, clock: Callable[[], datetime], notices: Noticeboard) -> Store:
    """For a gateway that starts: a command may have it for a moment, another gateway keeps it."""
    until = asyncio.get_running_loop().time() + _COMMAND
    while True:
        try:
            return await whole(Store.open(folder, clock=clock, post=notices.post), Store.aclose)
        except StoreInUse:
            late = asyncio.get_running_loop().time() > until
            if late or await asyncio.to_thread(control.began, folder) is not None:
                raise
        await pause()


async def pause() -> None:
    """Before the store is asked for again."""
    await asyncio.sleep(0.1)


def build_router(
    configuration: Configuration, store: Store, clock: Callable[[], datetime]
) -> Router:
    section = configuration.gateway
    sender = Sender(section.application, section.site, ProcessingId(section.processing))
    zone = ZoneInfo(section.timezone)
    return Router(routes(configuration), sender, store.site_key, lambda: clock().astimezone(zone))


def build_intake(
    configuration: Configuration,
    store: Store,
    router: Router,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> Intake:
    """The same reading and matching, whether the gateway runs or only its desk does."""
    rules, materials = matching_rules(configuration), control_materials(configuration)
    devices = known_devices(configuration)
    return Intake(store, devices, router, notices, clock, rules, materials)


def desk_parts(
    configuration: Configuration,
    store: Store,
    intake: Intake,
    router: Router,
    couriers: Mapping[str, Courier],
    links: LinkBoard,
    clock: Callable[[], datetime],
) -> Parts:
    """Of a gateway that does not run."""
    section = configuration.gateway
    return Parts(
        store=store,
        intake=intake,
        router=router,
        lanes=couriers,
        links=links,
        devices={
            name: DeviceFacts(device.profile, device.stream)
            for name, device in configuration.analyzers.items()
        }
        | {
            name: DeviceFacts(unit.profile, f"dicom:{unit.ae_title}@{unit.address}")
            for name, unit in configuration.ultrasounds.items()
        },
        destinations={n: d.type for n, d in configuration.destinations.items()},
        site=section.site,
        timezone=ZoneInfo(section.timezone),
        clock=clock,
        running=False,
        imaging=configuration.dicom is not None,
        four_eyes=configuration.dicom is not None and configuration.dicom.four_eyes,
    )
