"""Blocks of an EHR that are no answer to anything: beside the right answer, before it, behind it,
and while nothing is on the wire."""

from __future__ import annotations

import asyncio

import pytest
from delivery_bench import Witness, an_entry, enqueue, message, running
from mllp_peer import END, VT, a_peer, ack
from test_delivery_mllp import a_sender

from gateway.store import Store

pytestmark = pytest.mark.usefixtures("calm_loop")

USELESS = [
    ack("AA", "NEVER-SENT"),
    ack("AA", ""),
    VT + b"MSH|^~\\&|EHR|B|||20260105||ADT^A08|9|P|2.5\rPID|1||X\r" + END,
    VT + b"pong" + END,
    VT + END,
]


@pytest.mark.parametrize("useless", USELESS)
@pytest.mark.parametrize("apart", [False, True])
async def test_the_right_answer_may_follow(useless: bytes, apart: bool) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            writer.write(useless)
            while apart and not sender.stray:
                await asyncio.sleep(0)
            writer.write(ack("AA", control_id))

        peer.act = act
        assert (await sender.deliver(an_entry())).answer == "AA"
        await sender.deliver(an_entry(2))
        assert len(peer.messages) == 2
        assert peer.connections == 1


@pytest.mark.parametrize("useless", USELESS)
async def test_behind_each_answer_it_doubles_nothing(
    useless: bytes, store: Store, witness: Witness
) -> None:
    async with a_peer() as peer, a_sender(peer) as sender:

        async def act(number: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            if number > 1:  # late, when the next message is on the wire
                writer.write(useless)
                while sender.stray < number - 1:
                    await asyncio.sleep(0)
            writer.write(ack("AA", control_id))

        peer.act = act
        await enqueue(store, [message(f"M{number:05}") for number in range(1, 21)])
        async with running(store, sender, witness) as courier:
            await witness.delivered(20)
            assert courier.state.possibly_twice == 0
    assert peer.ids == [f"M{number:05}" for number in range(1, 21)]


@pytest.mark.parametrize("useless", [*USELESS, VT + b"x" * 5_000 + END])
async def test_with_nothing_on_the_wire_it_ends_the_connection(useless: bytes) -> None:
    async with a_peer() as peer, a_sender(peer, limit=1_000) as sender:

        async def act(number: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            writer.write(ack("AA", control_id) + (useless if number == 1 else b""))

        peer.act = act
        await sender.deliver(an_entry(1))
        await peer.until(lambda: peer.open == 0)
        await sender.deliver(an_entry(2))
        await sender.deliver(an_entry(3))
        assert peer.connections == 2
        assert len(peer.messages) == 3
