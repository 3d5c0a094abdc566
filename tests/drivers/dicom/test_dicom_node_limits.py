"""One bad peer hurts nobody: stalls, lies about lengths, noise, drips, hang-ups at every unit."""

from __future__ import annotations

import asyncio
import resource
import ssl
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop
from imaging_site import UNIT, Site, site
from peers import associated, connected
from samples import data_set

from gateway.drivers.dicom import Remote, echo
from gateway.drivers.dicom.node import STRANGERS
from gateway.errors import GatewayError
from gateway.protocols.dicom import Status, propose
from gateway.protocols.dicom.sop_classes import VERIFICATION
from gateway.protocols.dicom.transfer_syntaxes import IMPLICIT_LE

MIB = 1024 * 1024


def rss() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024


async def until_gone(clinic: Site, count: int = 0) -> None:
    async with asyncio.timeout(20):
        while len(clinic.imaging.node.lines) > count:
            await asyncio.sleep(0.01)


async def test_forty_stall_inside_a_unit_and_the_next_one_stores(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic, AsyncExitStack() as stack:
        for number in range(40):
            peer = await stack.enter_async_context(associated(clinic.port))
            units = peer.units(f"1.2.{number}", data_set(f"1.2.{number}", pixels=bytes(300_000)))
            peer.writer.write(b"".join(units[:2]) + units[2][:5000])
            await peer.writer.drain()
        begin = time.monotonic()
        async with associated(clinic.port) as peer:
            for number in range(3):
                uid = f"1.3.{number}"
                assert await peer.store(uid, data_set(uid, pixels=bytes(3 * MIB))) == 0
        assert time.monotonic() - begin < 2
        assert clinic.imaging.node.established >= 40
        await stack.aclose()
        await until_gone(clinic)
        assert clinic.imaging.node.established == 0
        async with asyncio.timeout(10):
            while clinic.imaging.archive.shelves.parts():
                await asyncio.sleep(0.01)
        assert len(clinic.files()) == 3


NOISE = {
    "http": b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "random": bytes(range(255, 0, -1)) * 40,
    "huge association": bytes.fromhex("0100ffffffff0001"),
    "data first": bytes.fromhex("0400ffffffff"),
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
async def test_noise_is_hung_up_on(tmp_path: Path, noise: bytes) -> None:
    async with site(tmp_path) as clinic:
        async with connected(clinic.port) as peer:
            peer.writer.write(noise)
            await peer.closed()
        await until_gone(clinic)
        answer = await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), UNIT)
        assert answer.message.status == Status.SUCCESS


async def test_a_unit_longer_than_announced_ends_it_with_memory_flat(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        before = rss()
        for _ in range(20):
            async with associated(clinic.port) as peer:
                peer.writer.write(bytes.fromhex("0400ffffffff") + bytes(MIB))
                try:
                    await peer.writer.drain()
                    await peer.closed()
                except ConnectionError:
                    pass
        await until_gone(clinic)
        assert rss() - before < 24 * MIB


@pytest.mark.parametrize("way", ["hang up", "abort", "say no more"])
async def test_an_end_behind_every_unit_leaves_nothing(tmp_path: Path, way: str) -> None:
    data = data_set("1.2.3", pixels=bytes(600_000))
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            count = len(peer.units("1.2.3", data))
        assert count > 4
        for last in range(count - 1):
            async with associated(clinic.port) as peer:
                peer.writer.write(b"".join(peer.units("1.2.3", data)[: last + 1]))
                await peer.writer.drain()
                if way == "abort":
                    peer.writer.write(peer.association.abort())
                    await peer.writer.drain()
                elif way == "say no more":
                    peer.writer.write_eof()
                    await peer.closed()
        await until_gone(clinic)
        async with asyncio.timeout(10):
            while clinic.imaging.archive.shelves.parts():
                await asyncio.sleep(0.01)
        assert not clinic.files()
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data) == 0
        assert len(clinic.files()) == 1


async def test_a_sender_that_leaves_before_the_answer_has_stored(tmp_path: Path) -> None:
    data = data_set("1.2.3", pixels=bytes(600_000))
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            peer.writer.write(b"".join(peer.units("1.2.3", data)))
            await peer.writer.drain()
        async with asyncio.timeout(10):
            while await clinic.imaging.archive.index.instance("1.2.3") is None:
                await asyncio.sleep(0.01)


async def test_bytes_in_any_portion(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic, associated(clinic.port) as peer:
        for portion in (7, 997, 65536):
            uid = f"1.2.{portion}"
            data = data_set(uid, pixels=bytes(range(256)) * (8 if portion == 7 else 2000))
            wire = b"".join(peer.units(uid, data))
            for at in range(0, len(wire), portion):
                peer.writer.write(wire[at : at + portion])
                await peer.writer.drain()
                if portion == 7:
                    await asyncio.sleep(0)
            assert await peer.status() == 0
            found = await clinic.imaging.archive.index.instance(uid)
            assert found is not None
            kept = clinic.imaging.archive.shelves.path(found.path).read_bytes()
            assert kept[found.start :] == data
        await peer.release()


async def test_a_peer_that_does_not_wait_for_answers(tmp_path: Path) -> None:
    """Window 1/1 is negotiated; some send on all the same."""
    sent = {
        f"1.2.{number}": data_set(f"1.2.{number}", pixels=bytes([number]) * size)
        for number, size in enumerate((100, 300_000, 1_500_000, 50, 2_000_000, 10))
    }
    async with site(tmp_path) as clinic, associated(clinic.port) as peer:
        for uid, data in sent.items():
            peer.writer.write(b"".join(peer.units(uid, data)))
        assert [await peer.status() for _ in sent] == [0] * len(sent)
        await peer.release()
        for uid, data in sent.items():
            found = await clinic.imaging.archive.index.instance(uid)
            assert found is not None
            kept = clinic.imaging.archive.shelves.path(found.path).read_bytes()
            assert kept[found.start :] == data


async def test_more_associations_than_allowed_are_told_to_come_back(tmp_path: Path) -> None:
    async with site(tmp_path, associations=2) as clinic:
        async with associated(clinic.port), associated(clinic.port), connected(clinic.port) as peer:
            request = propose("GATEWAY", UNIT, [(VERIFICATION, [IMPLICIT_LE])])
            peer.writer.write(peer.association.associate(request))
            answer = await peer.closed()
            assert answer[:10] == bytes.fromhex("0300 00000004 00 02 03 02")
        await until_gone(clinic)
        await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), UNIT)


async def test_hundreds_of_associations_leave_descriptors_as_they_were(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port)
        await echo(remote, UNIT)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(200):
            await echo(remote, UNIT)
        await until_gone(clinic)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000


async def test_a_silent_caller_on_the_tls_port_blocks_nobody(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    chain, key = certificate
    context = ssl.create_default_context(cafile=str(chain))
    context.check_hostname = False
    folder = tmp_path / "data"
    async with (
        site(folder, certificate_file=chain, key_file=key) as clinic,
        connected(clinic.port),
        connected(clinic.port) as plain,
    ):
        plain.writer.write(b"\x01\x00\x00\x00\x00\x44" + bytes(68))
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port, tls=context)
        async with asyncio.timeout(2):
            answer = await echo(remote, UNIT)
        assert answer.message.status == Status.SUCCESS


async def test_an_idle_association_ends(tmp_path: Path) -> None:
    async with site(tmp_path, idle_minutes=0.002) as clinic:
        async with associated(clinic.port) as peer:
            assert (await peer.closed())[:1] == b"\x07"
        await until_gone(clinic)
        assert clinic.imaging.node.established == 0


def test_the_same_on_uvloop(tmp_path: Path) -> None:
    async def run() -> None:
        async with site(tmp_path) as clinic, AsyncExitStack() as stack:
            for number in range(5):
                peer = await stack.enter_async_context(associated(clinic.port))
                unit = peer.units(f"1.2.{number}", data_set("1.2.3", pixels=bytes(300_000)))[1]
                peer.writer.write(unit[:1000])
            async with associated(clinic.port) as peer:
                for uid, size in (("1.3.1", 10), ("1.3.2", 5_000_000)):
                    data = data_set(uid, pixels=bytes(size))
                    assert await peer.store(uid, data) == 0
                    assert await peer.store(uid, data) == 0
                sent = [peer.units(f"1.4.{n}", data_set(f"1.4.{n}")) for n in range(3)]
                peer.writer.write(b"".join(unit for units in sent for unit in units))
                assert [await peer.status() for _ in sent] == [0] * 3
                await peer.release()
            assert len(clinic.files()) == 5

    uvloop.run(run())


async def test_silent_connections_keep_no_unit_out(tmp_path: Path) -> None:
    async with site(tmp_path, associations=4) as clinic, AsyncExitStack() as stack:
        unit = await stack.enter_async_context(associated(clinic.port))
        for _ in range(100):
            await stack.enter_async_context(connected(clinic.port))
        answer = await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), UNIT)
        assert answer.message.status == Status.SUCCESS
        assert await unit.store("1.2.1", data_set("1.2.1")) == 0


async def test_strangers_leave_places_for_the_units(tmp_path: Path) -> None:
    async with site(tmp_path, associations=STRANGERS + 2) as clinic, AsyncExitStack() as stack:
        remote = Remote("GATEWAY", "127.0.0.1", clinic.port)
        for number in range(STRANGERS):
            calling = associated(clinic.port, VERIFICATION, IMPLICIT_LE, f"ODD{number}")
            await stack.enter_async_context(calling)
        with pytest.raises(GatewayError):
            await echo(remote, "ONEMORE")
        assert (await echo(remote, UNIT)).message.status == Status.SUCCESS
        await stack.aclose()
        await until_gone(clinic)
        assert (await echo(remote, "ONEMORE")).message.status == Status.SUCCESS


async def test_a_name_where_a_title_belongs_is_not_told(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        await echo(Remote("DOE^JANE", "127.0.0.1", clinic.port), UNIT)
        await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), "DOE^JANE")
        await echo(Remote("GATEWAY", "127.0.0.1", clinic.port), "NEWUNIT")
        told = [str(posted.notice) for posted in clinic.notices.recent]
        assert not [line for line in told if "JANE" in line]
        assert [line for line in told if "an odd title" in line]
        assert [line for line in told if "NEWUNIT@127.0.0.1" in line]
        assert clinic.imaging.node.callers.strangers[0].ae_title == "DOE^JANE"
