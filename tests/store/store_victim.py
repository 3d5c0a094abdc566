"""A process that works on a store until it is killed, and says on stdout what it was promised.

``entry T N``: entry N of transmission T is on disk.  ``closed T``: T and its report are.
``delivered M``: message M is marked so.  ``failed``: the store refused, with the error's name.
Every entry's bytes follow from T and N, so that whoever reads the store can check them.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from gateway.errors import StoreError
from gateway.store import FiledReport, Filing, OutboxMessage, Outcome, SpacePolicy, Store

LINKS = 8
ENTRIES = 5


Say = Callable[..., None]


def say_on_stdout(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def entry(transmission: int, number: int) -> bytes:
    text = f"{transmission}.{number}."
    return (text + sha256(text.encode()).hexdigest()).encode()


def filing(transmission: int) -> Filing:
    name = f"report-{transmission}"
    body = b"MSH|" + name.encode()
    message = OutboxMessage("ehr", f"S{transmission % 5}", name, "application/hl7-v2", body)
    report = FiledReport(
        name, "device", "patient", datetime.now(UTC), name, f"S{transmission}", messages=(message,)
    )
    return Filing(sha256(name.encode()).digest(), (report,))


def told(
    future: asyncio.Future[None], say: Say, transmission: int, number: int
) -> Callable[..., None]:
    def done(error: StoreError | None) -> None:
        if error is None:
            say("entry", transmission, number)
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    return done


async def link(store: Store, stopping: asyncio.Event, say: Say) -> None:
    while not stopping.is_set():
        transmission = store.open_transmission("device", "astm", "")
        for number in range(ENTRIES):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            store.append(
                transmission, entry(transmission, number), told(future, say, transmission, number)
            )
            await future
        await store.close_transmission(transmission, Outcome.COMPLETE, "", filing(transmission))
        say("closed", transmission)


async def courier(store: Store, stopping: asyncio.Event, say: Say) -> None:
    queued = asyncio.Event()
    store.outbox.subscribe("ehr", queued.set)
    while not stopping.is_set():
        queued.clear()
        for message in await store.outbox.due("ehr", 20, datetime.now(UTC)):
            await store.outbox.mark_delivered(message, "AA")
            say("delivered", message.id)
        await queued.wait()


async def recover(store: Store) -> None:
    for left in store.unfinished():
        await store.close_transmission(left.id, Outcome.INCOMPLETE, "cut off")


async def work(store: Store, stopping: asyncio.Event, say: Say) -> None:
    """Until told to stop, or until the store refuses."""
    tasks = [asyncio.create_task(link(store, stopping, say)) for _ in range(LINKS)]
    tasks.append(asyncio.create_task(courier(store, stopping, say)))
    tasks.append(asyncio.create_task(stopped(stopping)))
    finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for task in finished:
        if task.exception() is not None:
            say("failed", type(task.exception()).__name__)


async def stopped(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def main(directory: Path, after: str) -> None:
    say = say_on_stdout
    space = SpacePolicy(share=0.0, most=0, ballast=0, interval=3600)
    store = await Store.open(directory, clock=lambda: datetime.now(UTC), space=space)
    await recover(store)
    say("ready")
    await work(store, asyncio.Event(), say)
    say("condition", store.condition, "in doubt", *sorted(store.in_doubt))
    if after == "reopen":
        await store.reopen()
        await recover(store)
        say("reopened", store.condition)
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
