"""Connections cut at random places: every message arrives, in order, the same bytes each time.

The number of runs is small here; GATEWAY_DELIVERY_CUTS sets another.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import uvloop
from delivery_bench import Witness, enqueue, message, now, oru, running
from mllp_peer import Peer, a_peer, ack, id_of, reset

from gateway.delivery.mllp import MllpOptions, MllpSender
from gateway.notices import Delivered
from gateway.store import MessageState, Store

RUNS = int(os.environ.get("GATEWAY_DELIVERY_CUTS", "40"))
CHILD = Path(__file__).with_name("sending_child.py")


def first_of_each(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


async def test_cuts_at_random_bytes_of_either_direction(store: Store, witness: Witness) -> None:
    """Answers come late, twice, swapped or in part; the sender sees its link die at any byte."""
    chance = random.Random(20260105)
    expected = [f"M{number:05d}" for number in range(RUNS)]
    await enqueue(store, [message(name, lane=f"S{int(name[1:]) % 3}") for name in expected])
    async with a_peer() as peer:

        async def act(_n: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            answer = ack("AA", control_id)
            match chance.randrange(10):
                case 0:
                    writer.write(answer[: chance.randrange(len(answer))])
                    await writer.drain()
                    reset(writer)
                case 1:
                    reset(writer)
                case 2:
                    writer.write(answer[: chance.randrange(len(answer))])
                    await writer.drain()
                    writer.close()
                case 3:
                    writer.write(ack("AA", peer.ids[0]) + answer * 2)
                case _:
                    writer.write(answer)

        peer.act = act
        sender = MllpSender(MllpOptions("127.0.0.1", peer.port, reply=2.0))
        async with running(store, sender, witness):
            await witness.until(lambda: len(witness.of(Delivered)) == RUNS, 20 + RUNS / 5)
    for lane in range(3):
        assert (
            first_of_each([name for name in peer.ids if int(name[1:]) % 3 == lane])
            == expected[lane::3]
        )
    assert {id_of(m): m for m in peer.messages} == {name: oru(name) for name in expected}
    assert all(m == oru(id_of(m)) for m in peer.messages)


async def test_sigkill_between_send_and_acknowledgment(tmp_path: Path) -> None:
    """Whatever was not written down is sent again: same id, same bytes, order kept."""
    total = 60
    expected = [f"M{number:05d}" for number in range(total)]
    store = await Store.open(tmp_path / "store", clock=now)
    await enqueue(store, [message(name, lane="S1") for name in expected])
    await store.aclose()
    chance = random.Random(4)
    async with a_peer() as peer:
        child: subprocess.Popen[bytes] | None = None
        stop_at = 0

        async def act(number: int, control_id: str, writer: asyncio.StreamWriter) -> None:
            if number == stop_at and child is not None:
                if chance.random() < 0.5:
                    writer.write(ack("AA", control_id))
                    await writer.drain()
                child.send_signal(signal.SIGKILL)
                return
            writer.write(ack("AA", control_id))

        peer.act = act
        while True:
            stop_at = len(peer.messages) + chance.randrange(1, 15)
            child = _start(tmp_path / "store", peer.port)
            code = await asyncio.to_thread(child.wait)
            if code == 0:
                break
            assert code == -signal.SIGKILL
    assert first_of_each(peer.ids) == expected
    assert len(peer.messages) > total
    assert all(m == oru(id_of(m)) for m in peer.messages)
    _nothing_overtakes(peer)


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(CHILD), str(folder), str(port)])


def _nothing_overtakes(peer: Peer) -> None:
    """A message is sent only when all before it in its lane had been sent."""
    highest = -1
    for name in peer.ids:
        number = int(name[1:])
        assert number <= highest + 1
        highest = max(highest, number)


def test_the_same_on_uvloop(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        store, witness = await Store.open(tmp_path / "store", clock=now), Witness()
        async with a_peer() as peer:
            sender = MllpSender(MllpOptions("127.0.0.1", peer.port))
            large = oru("LARGE", text="x" * 3_000_000)
            await enqueue(store, [message("M1"), message("LARGE", body=large), message("M2")])
            async with running(store, sender, witness):
                await witness.delivered(3)
            assert peer.messages[1] == large
        states = await store.outbox.list("ehr", MessageState.DELIVERED, limit=10)
        await store.aclose()
        assert len(states) == 3
        return peer.ids

    assert uvloop.run(scenario()) == ["M1", "LARGE", "M2"]
