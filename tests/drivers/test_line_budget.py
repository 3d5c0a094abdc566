"""Half messages of many connections together, and what is left when the connections are gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import AsyncExitStack, suppress

import pytest
from line_bench import Bench, bench

from gateway.profiles import catalogue
from gateway.transports.budget import Budget

MIB = 1024 * 1024
BEGINNINGS = {
    "generic-hl7": b"\x0bMSH|^~\\&|",
    "generic-poct1a": b"<HEL.R01><HDR>",
}


class Holding:
    def __init__(self) -> None:
        self.cut = False

    def cut_off(self) -> None:
        self.cut = True


def test_beyond_the_budget_whoever_holds_most_is_cut_off() -> None:
    budget, one, other, third = Budget(100), Holding(), Holding(), Holding()
    budget.holds(one, 30)
    budget.holds(other, 60)
    budget.holds(one, 20)
    budget.holds(third, 20)
    assert (budget.used, one.cut, other.cut, third.cut) == (100, False, False, False)
    budget.holds(third, 21)
    assert (budget.used, one.cut, other.cut, third.cut) == (41, False, True, False)
    budget.holds(other, 0)
    budget.holds(one, 0)
    assert budget.used == 21


@pytest.mark.parametrize("profile", BEGINNINGS)
async def test_half_messages_together_have_a_bound(profile: str) -> None:
    async with bench(catalogue()[profile]) as line, AsyncExitStack() as stack:
        budget = line.bounded(3 * MIB)
        for _ in range(8):
            await half_a_message(line, stack, BEGINNINGS[profile] + bytes(b"B" * (MIB - 99)))
        small = await half_a_message(line, stack, BEGINNINGS[profile])
        await line.settled(lambda: len(line.inbox.broken) >= 5)
        assert 0 < budget.used <= 3 * MIB
        small.write(b"B")
        await small.drain()
        assert not small.transport.is_closing()


async def test_a_lost_connection_keeps_nothing() -> None:
    """Neither does the timer of the message that was cut off."""
    async with bench(catalogue()["generic-hl7"]) as line, AsyncExitStack() as stack:
        budget = line.bounded(100 * MIB)
        writer = await half_a_message(line, stack, BEGINNINGS["generic-hl7"] + b"B" * MIB)
        await line.settled(lambda: budget.used > MIB)
        gone = weakref.ref(line.links.pop())
        writer.transport.abort()
        await line.settled(lambda: line.inbox.broken != [])
        assert budget.used == 0
        await asyncio.sleep(0)
        gc.collect()
        assert gone() is None


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


async def half_a_message(line: Bench, stack: AsyncExitStack, data: bytes) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", line.port)
    stack.push_async_callback(closed, writer)
    writer.write(data)
    await writer.drain()
    return writer
