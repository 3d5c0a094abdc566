"""A node with the services around images in a temporary folder, and peers that call it."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.archive import Archive, Filed, Verdict
from gateway.archive.reception import Offered
from gateway.config import Configuration
from gateway.config.shape import shaped
from gateway.delivery.base import Backoff, Patience
from gateway.delivery.courier import Courier
from gateway.drivers.dicom import Blocks, Callers, Node, Routing, Storage
from gateway.drivers.dicom.verification import Verification
from gateway.imaging_services import ImagingServices, Surroundings, imaging_services
from gateway.modalities import senders, units
from gateway.notices import Noticeboard
from gateway.protocols.dicom import Settings
from gateway.store import SpacePolicy, Store

UNIT = "VOLUSON"
DEADLINE = 40.0
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
ROOMY = SpacePolicy(share=0.0, most=0, ballast=0)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Site:
    store: Store
    archive: Archive
    services: ImagingServices
    notices: Noticeboard
    port: int

    async def keep(
        self,
        data_set: bytes,
        uid: str,
        *,
        sop_class: str = "1.2.840.10008.5.1.4.1.1.6.1",
        transfer_syntax: str = "1.2.840.10008.1.2.1",
        calling: str = UNIT,
        verdict: Verdict = Verdict.STORED,
    ) -> Path:
        """Puts an instance into the archive as if it had been received."""
        offered = Offered(sop_class, uid, transfer_syntax, "us-room-2", calling)
        reception = self.archive.receive(offered)
        pieces = [memoryview(data_set)]
        reception.digest(pieces)
        reception.write(pieces)
        reception.complete()
        arrived = reception.arrived()
        filed = await self.archive.file(arrived)
        assert filed.verdict is verdict, filed
        self.services.stored()
        return self.archive.shelves.path(arrived.path)


def configuration(folder: Path, port: int | None, extra: Mapping[str, Any]) -> Configuration:
    dicom = {"listen": "127.0.0.1:0", **extra.get("dicom", {})}
    device = {
        "profile": "ultrasound",
        "ae_title": UNIT,
        "address": "127.0.0.1/32",
        **extra.get("device", {}),
    }
    if port is not None:
        device["port"] = port
    return shaped(
        {
            "gateway": {"site": "clinic", "timezone": "Europe/Berlin", "data_dir": folder},
            "devices": {"us-room-2": device},
            "dicom": dicom,
            "destinations": extra.get("destinations", {}),
        }
    )


@asynccontextmanager
async def site(
    folder: Path,
    *,
    port: int | None = None,
    listen: int = 0,
    clock: Callable[[], datetime] = now,
    report_first: float = 0.2,
    **extra: Any,
) -> AsyncIterator[Site]:
    """Listening on a free port; ``port`` is where the device listens for reports."""
    chosen = configuration(folder, port, extra)
    assert chosen.dicom is not None
    notices = Noticeboard(clock)
    async with AsyncExitStack() as stack:
        store = await Store.open(folder, clock=clock, space=ROOMY, post=notices.post)
        stack.push_async_callback(store.aclose)
        archive = await Archive.open(
            folder / "archive",
            store,
            clock=clock,
            token=lambda: secrets.token_hex(16),
            space=ROOMY,
            sender=senders(chosen).get,
        )
        stack.push_async_callback(archive.aclose)
        world = Surroundings(clock, lambda: 0.0, report_first=report_first, forward_quiet=0.3)
        services = await imaging_services(chosen, chosen.dicom, store, archive, world)
        stack.enter_context(notices.watched_by(services.heard))

        def filed(_filed: Filed) -> None:
            services.stored()

        storage = Storage(archive, post=notices.post, refuse_conflicts=True, filed=filed)
        routing = Routing((Verification(), *services.providers), storage, Blocks())
        callers = Callers(
            {**units(chosen), **services.units}, routing.policy, echo_only=True, clock=clock
        )
        node = Node(routing, callers, settings=Settings(), post=notices.post)
        stack.push_async_callback(node.aclose)
        found = await node.start("127.0.0.1", listen)
        runs = [*services.runs.values(), *couriers(store, services, notices, clock)]
        for run in runs:
            stack.push_async_callback(running(run))
        yield Site(store, archive, services, notices, found)


def couriers(
    store: Store,
    services: ImagingServices,
    notices: Noticeboard,
    clock: Callable[[], datetime],
) -> list[Callable[[], Awaitable[None]]]:
    patience = Patience(backoff=Backoff(0.1, 0.5), grace=0.2)
    return [
        Courier(
            name,
            store.outbox,
            forwarder,
            clock=clock,
            random=lambda: 0.0,
            notices=notices,
            patience=patience,
        ).run
        for name, forwarder in services.forwarders.items()
    ]


def running(run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Starts it; what is given back stops it and tells its failure."""

    async def body() -> None:
        await run()

    task = asyncio.create_task(body())

    async def stop() -> None:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    return stop


async def until(condition: Callable[[], Awaitable[bool]], pause: float = 0.05) -> None:
    """Looks again and again, for programs that tell nobody."""
    async with asyncio.timeout(DEADLINE):
        while not await condition():
            await asyncio.sleep(pause)


async def tool(*command: str | Path | int, folder: Path | None = None) -> tuple[int, str]:
    """Runs a program; its exit status and all it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT,
        cwd=folder,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode("latin-1")
