"""A running gateway holds neither decoders nor images, and gives back what bad peers made it take.

Short by default; ``GATEWAY_ASSOCIATIONS``, ``GATEWAY_ROUNDS`` and ``GATEWAY_PATIENCE`` (peers that
stay until the clock ends them) make it a campaign (``make siege``).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from gateway_child import MIB, running, until
from imaging_site import UNIT
from peers import Peer, associated, connected
from samples import data_set

from gateway.drivers.dicom import Remote, echo
from gateway.protocols.dicom import Status, Timers

CINE = 24 * MIB
ASSOCIATIONS = int(os.environ.get("GATEWAY_ASSOCIATIONS", "120"))
ROUNDS = int(os.environ.get("GATEWAY_ROUNDS", "10"))
PATIENCE = bool(os.environ.get("GATEWAY_PATIENCE"))
STALL = 3 * Timers().stall


@pytest.fixture
def port(free_port: Callable[[], int]) -> int:
    return free_port()


async def test_four_cine_loops_at_once_cost_some_blocks_and_no_decoder_is_there(
    tmp_path: Path, port: int
) -> None:
    async def send(number: int) -> None:
        async with associated(port) as peer:
            uid = f"1.2.{number}"
            assert await peer.store(uid, data_set(uid, pixels=bytes(CINE))) == 0
            await peer.release()

    async with running(tmp_path, port) as gateway:
        assert "apsw" in gateway.loaded
        assert "pydantic_core" not in gateway.loaded
        assert "numpy" not in gateway.loaded
        assert "PIL" not in gateway.loaded
        idle = gateway.peak
        await asyncio.gather(*(send(number) for number in range(4)))
        assert gateway.peak - idle < 24 * MIB


async def visit(port: int, number: int) -> None:
    """One association: most end well, some by an abort, a hang-up or within a data set."""
    async with associated(port) as peer:
        uid = f"1.2.{number}"
        match number % 8:
            case 5:
                peer.writer.write(peer.association.abort())
            case 6:
                units = peer.units(uid, data_set(uid, pixels=bytes(300_000)))
                peer.writer.write(b"".join(units[:2]))
            case 7:
                peer.writer.write(b"\x04\x00\xff\xff\xff\xff")
            case _:
                assert await peer.store(uid, data_set(uid, pixels=bytes(20_000))) == 0
                await peer.release()
                return
        await peer.writer.drain()


@pytest.mark.timeout(max(120, ASSOCIATIONS))
async def test_association_after_association_memory_and_descriptors_stay(
    tmp_path: Path, port: int
) -> None:
    async with running(tmp_path, port) as gateway:
        idle = gateway.descriptors
        for number in range(ASSOCIATIONS):
            await visit(port, number)
            if number == ASSOCIATIONS // 4:
                early = gateway.resident
        await until(lambda: not gateway.parts())
        await until(lambda: gateway.descriptors <= idle + 4)  # folder, temporary files
        assert gateway.resident - early < 8 * MIB
        assert len(gateway.stored()) == sum(n % 8 < 5 for n in range(ASSOCIATIONS))


async def stalled(stack: AsyncExitStack, port: int, number: int) -> Peer:
    """Silent in the middle of a unit of its second data set."""
    peer = await stack.enter_async_context(associated(port))
    uid = f"1.4.{number}"
    assert await peer.store(uid, data_set(uid, pixels=bytes(1000))) == 0
    units = peer.units(f"1.2.{number}", data_set(f"1.2.{number}", pixels=bytes(300_000)))
    peer.writer.write(b"".join(units[:2]) + units[2][:5000])
    await peer.writer.drain()
    return peer


@pytest.mark.timeout(240)
async def test_forty_stall_and_their_memory_and_places_come_back(tmp_path: Path, port: int) -> None:
    async with running(tmp_path, port) as gateway, AsyncExitStack() as stack:
        idle, before = gateway.descriptors, gateway.resident
        silent = [await stalled(stack, port, number) for number in range(40)]
        await until(lambda: len(gateway.parts()) == 40)
        assert gateway.resident - before < 32 * MIB
        async with associated(port) as peer, asyncio.timeout(2 if PATIENCE else 20):
            assert await peer.store("1.3", data_set("1.3", pixels=bytes(3 * MIB))) == 0
        if PATIENCE:
            await asyncio.gather(*(peer.closed(STALL) for peer in silent))
        await stack.aclose()
        await until(lambda: not gateway.parts())
        await until(lambda: gateway.descriptors <= idle + 4)
        held = gateway.resident
        async with AsyncExitStack() as again:
            for number in range(100, 140):
                await stalled(again, port, number)
            assert gateway.resident - held < 8 * MIB  # what came back is taken again
        await until(lambda: not gateway.parts())
        assert len(gateway.stored()) == 81


def noises(rng: random.Random) -> list[bytes]:
    return [
        b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
        bytes.fromhex("16030100c8010000c40303") + rng.randbytes(200),
        bytes.fromhex("0100ffffffff0001") + bytes(MIB),
        bytes.fromhex("0400ffffffff") + bytes(MIB),
        rng.randbytes(rng.randrange(1, 60_000)),
    ]


async def hung_up_on(port: int, noise: bytes) -> None:
    async with connected(port) as peer:
        with suppress(OSError):  # it may have hung up while we speak
            peer.writer.write(noise)
            peer.writer.write_eof()
            await peer.closed()


@pytest.mark.timeout(max(120, ROUNDS * 5))
async def test_noise_costs_no_memory(tmp_path: Path, port: int) -> None:
    rng = random.Random(5)
    async with running(tmp_path, port) as gateway:
        idle = gateway.descriptors
        for noise in noises(rng):
            await hung_up_on(port, noise)
        before = gateway.resident
        for _ in range(ROUNDS):
            for noise in noises(rng):
                await hung_up_on(port, noise)
        await until(lambda: gateway.descriptors <= idle + 2)
        assert gateway.resident - before < 6 * MIB
        answer = await echo(Remote("GATEWAY", "127.0.0.1", port), UNIT)
        assert answer.message.status == Status.SUCCESS


@pytest.mark.timeout(240)
@pytest.mark.skipif(not PATIENCE, reason="takes as long as the stall timer")
async def test_a_peer_that_drips_bytes_is_ended(tmp_path: Path, port: int) -> None:
    async def drip(peer: Peer, data: bytes) -> int:
        for at in range(len(data)):
            if peer.writer.is_closing() or peer.reader.at_eof():
                return at
            peer.writer.write(data[at : at + 1])
            await asyncio.sleep(0.01)
        return len(data)

    async with running(tmp_path, port) as gateway, associated(port) as slow:
        units = slow.units("1.2", data_set("1.2", pixels=bytes(300_000)))
        dripping = asyncio.create_task(drip(slow, b"".join(units)))
        answer = await slow.closed(STALL)
        assert answer[:1] == b"\x07"
        assert await dripping < 64 * 1024
        await until(lambda: not gateway.parts())
        async with associated(port) as peer:
            assert await peer.store("1.3", data_set("1.3")) == 0
        assert len(gateway.stored()) == 1
