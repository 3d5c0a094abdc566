"""An EHR with every bad habit at once: judged by what it was sent and what it answered alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable

import pytest
from delivery_bench import Witness, enqueue, message, running, states
from mllp_peer import END, VT, Peer, a_peer, ack, err, reset
from test_delivery_mllp import a_sender

from gateway.store import MessageState, Store

pytestmark = pytest.mark.usefixtures("calm_loop")
MESSAGES, LANES, REPLY = 40, 4, 0.25
Habit = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


async def plainly(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", control_id))


async def twice(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("CA", control_id) + ack("AE", control_id))


async def in_pieces(control_id: str, writer: asyncio.StreamWriter) -> None:
    for byte in ack("AA", control_id):
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0)


async def and_close(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", control_id))
    writer.close()


async def behind_an_older_one(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", "M00000") + ack("AA", control_id))


async def as_a_duplicate(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AE", control_id, err("205")))


GOOD = (plainly, twice, in_pieces, and_close, behind_an_older_one, as_a_duplicate)


async def not_at_all(control_id: str, writer: asyncio.StreamWriter) -> None:
    """Nor later."""


async def too_late(control_id: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(2 * REPLY)
    writer.write(ack("AA", control_id))


async def by_closing(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", control_id)[:-2])
    writer.close()


async def by_reset(control_id: str, writer: asyncio.StreamWriter) -> None:
    reset(writer)


async def not_now(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AE", control_id, err("207")))


async def no_room(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("CR", control_id))


async def under_another_id(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", control_id.lower()))


async def without_an_id(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(ack("AA", ""))


async def in_utf_16(control_id: str, writer: asyncio.StreamWriter) -> None:
    writer.write(VT + ack("AA", control_id)[1:-2].decode().encode("utf-16") + END)


BAD = (
    *(not_at_all, too_late, by_closing, by_reset, not_now),
    *(no_room, under_another_id, without_an_id, in_utf_16),
)


@pytest.mark.parametrize("seed", range(2))
async def test_each_message_arrives_once_more_than_it_was_not_acknowledged(
    seed: int, store: Store, witness: Witness
) -> None:
    rng = random.Random(seed)
    ids = [f"M{number:05}" for number in range(1, MESSAGES + 1)]
    plans = {one: [*rng.sample(BAD, rng.choice((0, 0, 1, 2))), rng.choice(GOOD)] for one in ids}
    turns: Counter[str] = Counter()

    async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
        turn, plan = turns[control_id], plans[control_id]
        turns[control_id] += 1
        await plan[min(turn, len(plan) - 1)](control_id, writer)

    async with a_peer() as peer, a_sender(peer, reply=REPLY) as sender:
        peer.act = act
        lanes = {one: f"S{number % LANES}" for number, one in enumerate(ids)}
        await enqueue(store, [message(one, lane=lanes[one]) for one in ids])
        async with running(store, sender, witness):
            await witness.delivered(MESSAGES)
    assert set((await states(store)).values()) == {MessageState.DELIVERED}
    assert dict(turns) == {one: len(plan) for one, plan in plans.items()}
    assert_the_same_in_order(peer, lanes)


def assert_the_same_in_order(peer: Peer, lanes: dict[str, str]) -> None:
    bodies: dict[str, set[bytes]] = defaultdict(set)
    firsts: dict[str, list[str]] = defaultdict(list)
    for control_id, body in zip(peer.ids, peer.messages, strict=True):
        bodies[control_id].add(body)
        if control_id not in firsts[lanes[control_id]]:
            firsts[lanes[control_id]].append(control_id)
    assert all(len(each) == 1 for each in bodies.values())
    assert all(lane == sorted(lane) for lane in firsts.values())
