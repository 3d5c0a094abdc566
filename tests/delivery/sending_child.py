"""A process that carries one queue to one receiver and ends when everything is delivered."""

from __future__ import annotations

import asyncio
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway.delivery.base import Patience
from gateway.delivery.courier import Courier
from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.notices import Noticeboard
from gateway.store import Store


def now() -> datetime:
    return datetime.now(UTC)


async def main(folder: Path, port: int) -> None:
    store = await Store.open(folder, clock=now)
    board = Noticeboard(now)
    sender = MllpSender(MllpOptions("127.0.0.1", port))
    courier = Courier(
        "ehr",
        store.outbox,
        sender,
        clock=now,
        random=random.random,
        notices=board,
        patience=Patience(),
    )
    told = asyncio.Event()
    with board.watched_by(lambda _posted: told.set()):
        carrying = asyncio.create_task(courier.run())
        while await store.outbox.queues():
            told.clear()
            await told.wait()
        carrying.cancel()
        with suppress(asyncio.CancelledError):
            await carrying
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
