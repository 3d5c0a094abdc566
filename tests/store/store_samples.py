"""Stores, filings and crashes for the store's tests.  Everything in them is made up."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import apsw

from gateway.errors import StoreError
from gateway.notices import Notice
from gateway.report import Problem, ProblemCode
from gateway.store import (
    Filed,
    FiledReport,
    Filing,
    OutboxMessage,
    Outcome,
    SpacePolicy,
    Store,
)

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
ROOMY = SpacePolicy(share=0.0, most=0, ballast=0, interval=3600)
UNKNOWN_TEST = Problem(ProblemCode.UNKNOWN_TEST, "R[1].3.4")


class Clock:
    """Moves only when told."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


async def open_store(
    directory: Path, clock: Clock | None = None, post: Callable[[Notice], None] | None = None
) -> Store:
    return await Store.open(
        directory, clock=clock or Clock(), space=ROOMY, post=post or (lambda notice: None)
    )


def crashed_copy(store: Store, target: Path) -> Path:
    """What a kill at this moment would leave behind (the page cache survives a kill)."""
    shutil.copytree(store.engine.directory, target, ignore=shutil.ignore_patterns("*.lock"))
    return target


def message(
    number: int | str, destination: str = "ehr", lane: str | None = None, body: bytes = b""
) -> OutboxMessage:
    text = body or f"MSH|^~\\&|{number}".encode()
    return OutboxMessage(destination, lane, f"ID{number}", "application/hl7-v2", text)


def report(
    number: int | str,
    *messages: OutboxMessage,
    device: str = "haematology",
    revision: int = 1,
    problems: tuple[Problem, ...] = (),
) -> FiledReport:
    body = f'{{"id":"{number}"}}'
    return FiledReport(
        f"report-{number}",
        device,
        "patient",
        NOON,
        body,
        specimen=f"S{number}",
        revision=revision,
        problems=problems,
        messages=messages,
    )


def filing(*reports: FiledReport, key: str | None = None) -> Filing:
    name = key or "/".join(f"{r.id}.{r.revision}" for r in reports)
    return Filing(sha256(name.encode()).digest(), reports)


async def append(store: Store, transmission: int, *entries: bytes) -> None:
    """Returns when all are on disk; raises what the store said."""
    loop = asyncio.get_running_loop()
    answers = [loop.create_future() for _ in entries]

    def answer(future: asyncio.Future[None], error: StoreError | None) -> None:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    for entry, future in zip(entries, answers, strict=True):
        store.append(transmission, entry, lambda error, f=future: answer(f, error))
    results = await asyncio.gather(*answers, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def file(
    store: Store,
    what: Filing | None,
    *,
    device: str = "haematology",
    entries: Sequence[bytes] = (b"\x021H|\\^&\r\x0300", b"\x022L|1\r\x0300"),
    outcome: Outcome = Outcome.COMPLETE,
) -> Filed:
    """One whole transmission."""
    transmission = store.open_transmission(device, "astm", "127.0.0.1:4001")
    await append(store, transmission, *entries)
    return await store.close_transmission(transmission, outcome, "", what, profile="generic-astm")


async def queue(store: Store, *messages: OutboxMessage) -> Sequence[int]:
    return await store.outbox.enqueue(messages)


def tamper(directory: Path, sql: str, *bindings: object) -> None:
    """Changes the file behind the store's back, triggers or not."""
    connection = apsw.Connection(str(directory / "gateway.db"))
    triggers = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(sql, bindings)  # type: ignore[arg-type]
    for _, definition in triggers:
        connection.execute(str(definition))
    connection.close()


def corrected(original: FiledReport, *messages: OutboxMessage) -> FiledReport:
    return replace(original, revision=original.revision + 1, body="{}", messages=messages)


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Returns when ``condition`` holds; ``TimeoutError`` when it does not come to that."""
    loop = asyncio.get_running_loop()
    came = loop.create_future()

    def look() -> None:
        if condition():
            came.set_result(None)
        elif not came.done():
            loop.call_later(0.005, look)

    look()
    await asyncio.wait_for(came, seconds)
