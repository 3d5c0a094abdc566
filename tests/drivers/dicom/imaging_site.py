"""A gateway's imaging side in a temporary folder, and peers that call it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.config import Configuration
from gateway.config.shape import shaped
from gateway.drivers.dicom import Provider
from gateway.modalities import Modalities, modalities
from gateway.notices import Noticeboard
from gateway.store import SpacePolicy, Store

UNIT = "VOLUSON"
DEADLINE = 20.0
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
ROOMY = SpacePolicy(share=0.0, most=0, ballast=0)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Site:
    store: Store
    imaging: Modalities
    notices: Noticeboard

    @property
    def port(self) -> int:
        return self.imaging.port

    def files(self) -> list[Path]:
        return self.imaging.archive.shelves.files()


def configuration(folder: Path, **dicom: object) -> Configuration:
    return shaped(
        {
            "gateway": {"site": "clinic", "timezone": "Europe/Berlin", "data_dir": folder},
            "devices": {
                "us-room-2": {
                    "profile": "ultrasound",
                    "ae_title": UNIT,
                    "address": "127.0.0.1/32",
                }
            },
            "dicom": {"listen": "127.0.0.1:0", **dicom},
        }
    )


@asynccontextmanager
async def site(
    folder: Path,
    *,
    providers: Sequence[Provider] = (),
    space: SpacePolicy = ROOMY,
    **dicom: object,
) -> AsyncIterator[Site]:
    """Listening on a free port."""
    chosen = configuration(folder, **dicom)
    assert chosen.dicom is not None
    notices = Noticeboard(now)
    async with AsyncExitStack() as stack:
        store = await Store.open(folder, clock=now, space=ROOMY, post=notices.post)
        stack.push_async_callback(store.aclose)
        running = await stack.enter_async_context(
            modalities(
                chosen,
                chosen.dicom,
                store,
                notices=notices,
                clock=now,
                providers=providers,
                space=space,
            )
        )
        yield Site(store, running, notices)


async def tool(*command: str | Path | int) -> tuple[int, str]:
    """Runs a program; its exit status and all it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=ENVIRONMENT,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
    except (TimeoutError, asyncio.CancelledError):
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, out.decode("utf-8", "replace")
