"""What an EHR would send, and a store with an inbox to send it to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.notices import Noticeboard
from gateway.orders.acknowledging import Answer
from gateway.orders.inbox import Inbox, Policy
from gateway.store import Store

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Ehr:
    """Sends to the inbox of ``store``; every message gets the next control id."""

    store: Store
    inbox: Inbox
    notices: Noticeboard
    clock: Clock
    changes: list[Callable[[], None]]
    sent: int = 0

    async def send(self, *segments: str, kind: str, control: str | None = None) -> Answer:
        self.sent += 1
        body = message(*segments, kind=kind, control=control or str(self.sent))
        return await self.inbox.receive(body, "test")

    async def register(self, number: str, *rest: str, event: str = "A04") -> Answer:
        return await self.send(pid(number, *rest), kind=f"ADT^{event}")

    async def order(self, number: str, placer: str, label: str, code: str = "GLU") -> Answer:
        return await self.send(*ordered(number, placer, label, code), kind="ORM^O01")

    async def cancel(self, number: str, placer: str) -> Answer:
        return await self.send(pid(number), f"ORC|CA|{placer}^EHR", kind="ORM^O01")

    async def merge(self, prior: str, survivor: str) -> Answer:
        return await self.send(pid(survivor), f"MRG|{prior}^^^EHR^MR", kind="ADT^A40")


@asynccontextmanager
async def ehr(directory: Path) -> AsyncIterator[Ehr]:
    clock = Clock()
    notices = Noticeboard(clock)
    store = await Store.open(directory, clock=clock)
    try:
        changes: list[Callable[[], None]] = []
        policy = Policy(ZoneInfo("Europe/Berlin"))
        inbox = Inbox(store, policy, notices, clock, lambda _: [told() for told in changes])
        yield Ehr(store, inbox, notices, clock, changes)
    finally:
        await store.aclose()


def message(*segments: str, kind: str, control: str, version: str = "2.5", rest: str = "") -> bytes:
    header = rf"MSH|^~\&|EHR|CLINIC|GATEWAY|LAB|20260105100000||{kind}|{control}|P|{version}{rest}"
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode()


def pid(number: str, name: str = "DOE^JANE", birth: str = "19700101", sex: str = "F") -> str:
    return f"PID|1||{number}^^^EHR^MR||{name}||{birth}|{sex}"


def ordered(number: str, placer: str, label: str, code: str = "GLU") -> tuple[str, ...]:
    return (pid(number), f"ORC|NW|{placer}^EHR", f"OBR|1|{placer}^EHR|{label}|{code}^{code}^L")
