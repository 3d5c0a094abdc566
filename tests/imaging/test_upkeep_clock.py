"""Sweep and retention when the wall clock is put back or forward, and when a PACS has gone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services_site import Site, site, until
from stills import still
from test_corrections_out import STUDY
from test_forward_service import Archive, archive, promise
from test_imaging_upkeep import Clock, Naps, committed, filled, retention, run, said, sweep

from gateway.archive.sweep import NAME
from gateway.archive.walks import Walks
from gateway.config.shape import shaped
from gateway.imaging.retention import Keeping, Retention
from gateway.modalities import _keeping

MONTH = timedelta(days=30)
JUMPS = [timedelta(hours=-3), timedelta(days=-4000), timedelta(days=4000)]


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_walk_that_has_ended_has_ended(tmp_path: Path, jump: timedelta) -> None:
    """It was walked again and again without a pause until the clock had caught up."""
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 2)
        walks = Walks(clinic.store.engine)
        walk = await walks.begin(NAME)
        clock.time += jump
        await sweep(clinic, [], Naps()).walk(walk)
        walk = await walks.get(NAME)
        assert (walk.under_way, walk.last_seen) == (False, 2)
        naps = Naps()
        sweeping = asyncio.create_task(sweep(clinic, [], naps).run())
        await asyncio.wait([sweeping], timeout=5)
        assert sweeping.cancelled()
        assert naps.taken[-1] <= MONTH.total_seconds()
        assert (await said(clinic)).count("image sweep") <= 2


async def test_a_clock_put_right_by_years_does_not_put_off_the_next_walk(tmp_path: Path) -> None:
    """The battery was empty: the first walk began in 2036."""
    clock = Clock()
    right = clock.time
    clock.time += timedelta(days=3653)
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 1)
        await sweep(clinic, [], Naps()).walk(await Walks(clinic.store.engine).begin(NAME))
        clock.time = right
        naps = Naps(most=0)
        with pytest.raises(asyncio.CancelledError):
            await sweep(clinic, [], naps).run()
        assert naps.taken == [MONTH.total_seconds()]


async def test_what_came_while_the_clock_was_ahead_is_read_too(tmp_path: Path) -> None:
    clock = Clock()
    right = clock.time
    clock.time += timedelta(days=3653)
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 2)
        clock.time = right
        paths[1].write_bytes(paths[1].read_bytes()[:-1])
        found = list[str]()
        await sweep(clinic, found, Naps()).walk(await Walks(clinic.store.engine).begin(NAME))
        assert found == [still(2).uid]


@pytest.mark.parametrize("state", ["sent", "asked", "refused"])
async def test_no_jump_of_the_clock_lets_go_what_nobody_promised_to_keep(
    tmp_path: Path, state: str
) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 2)
        await committed(clinic)
        await run(clinic, "UPDATE forwardings SET state = ? WHERE instance = 2", state)
        for jump in JUMPS:
            clock.time += jump
            assert await retention(clinic, clock).once() == 0
        assert all(path.exists() for path in paths)


def section(**destinations: dict[str, object]) -> Keeping:
    """What the configuration makes of it."""
    chosen = shaped(
        {
            "gateway": {"site": "clinic", "timezone": "UTC", "data_dir": Path("data")},
            "devices": {},
            "dicom": {"listen": "127.0.0.1:0"},
            "destinations": destinations,
        }
    )
    return _keeping(chosen, MONTH)


PACS = {"type": "dicom", "address": "PACS@127.0.0.1:104", "commitment": True}
AFTERWARDS = {
    "removed": section(),
    "renamed": section(archive=PACS),
    "another beside it": section(other=PACS, third=PACS),
    "asks no more": section(pacs={**PACS, "commitment": False}),
}


@pytest.mark.parametrize("what", AFTERWARDS)
async def test_a_promise_of_a_pacs_that_is_configured_no_more_lets_nothing_go(
    tmp_path: Path, what: str
) -> None:
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        paths = await filled(clinic, 2)
        await committed(clinic)
        clock.time += timedelta(days=4000)
        assert await retention(clinic, clock, AFTERWARDS[what]).once() == 0
        assert all(path.exists() for path in paths)
        assert await retention(clinic, clock, section(pacs=PACS)).once() == 2


async def test_a_day_s_folder_that_is_gone_holds_up_no_other(tmp_path: Path) -> None:
    """Somebody moved it away while its images were marked to go."""
    clock = Clock()
    async with site(tmp_path, clock=clock) as clinic:
        [first] = await filled(clinic, 1)
        clock.time += timedelta(days=1)
        second = await clinic.keep(still(2).data_set, still(2).uid)
        await run(clinic, "UPDATE instances SET state = 'purging'")
        shutil.rmtree(first.parent)
        assert await retention(clinic, clock)._finish() == 2
        assert not second.exists()
        states = {one.state for one in await clinic.archive.index.instances(STUDY)}
        assert states == {"purged"}


async def test_while_the_archive_is_not_there_nothing_is_said_to_be_gone(tmp_path: Path) -> None:
    """Its volume is not mounted: what lies on it comes back with it."""
    clock, reasons = Clock(), list[str]()
    async with site(tmp_path, clock=clock) as clinic:
        await filled(clinic, 1)
        await run(clinic, "UPDATE instances SET state = 'purging'")
        directory = clinic.archive.shelves.directory
        directory.rename(tmp_path / "elsewhere")
        directory.mkdir()
        walks = Walks(clinic.store.engine)
        keeper = Retention(
            clinic.archive, walks, section(pacs=PACS), clock=clock, failed=reasons.append
        )
        assert await keeper._finish() == 0
        assert reasons == ["No such file or directory"]
        [one] = await clinic.archive.index.instances(STUDY)
        assert one.state == "purging"


async def test_a_promise_is_of_the_archive_that_gave_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Another one gets the name; it has nothing of what the first one keeps."""
    clock, port, peer = Clock(), free_port(), Archive()

    def named(title: str) -> dict[str, Any]:
        return {"pacs": {**PACS, "address": f"{title}@127.0.0.1:{port}"}}

    async def answered(clinic: Site, title: str) -> None:
        async def asked() -> bool:
            return bool(peer.asked)

        await until(asked)
        request = peer.asked.pop()
        assert await asyncio.to_thread(promise, clinic.port, request, frozenset(), title) == 0

    with archive(port, peer):
        async with site(tmp_path, clock=clock, destinations=named("PACS")) as clinic:
            [path] = await filled(clinic, 1)
            await answered(clinic, "PACS")
        clock.time += timedelta(days=31)
        async with site(tmp_path, clock=clock, destinations=named("OTHER")) as clinic:
            assert await retention(clinic, clock).once() == 0
            forwardings = clinic.services.forwardings
            await clinic.store.engine.write(lambda c: forwardings.queue_study(c, "pacs", STUDY))
            clinic.store.outbox.announce(frozenset({"pacs"}))
            await answered(clinic, "OTHER")
            assert path.exists()
        async with site(tmp_path, clock=clock, destinations=named("PACS")) as clinic:
            assert await retention(clinic, clock).once() == 0
        async with site(tmp_path, clock=clock, destinations=named("OTHER")) as clinic:
            assert await retention(clinic, clock).once() == 1
            assert not path.exists()
    assert peer.got == [still(1).uid] * 2


async def test_a_promise_of_before_archives_were_told_apart_counts(tmp_path: Path) -> None:
    clock = Clock()
    destinations = {"pacs": PACS}
    async with site(tmp_path, clock=clock, destinations=destinations) as clinic:
        await filled(clinic, 2)
        await committed(clinic)
        await run(clinic, "UPDATE forward_cursors SET ae_title = NULL")
        clock.time += timedelta(days=31)
    async with site(tmp_path, clock=clock, destinations=destinations) as clinic:
        given = "SELECT DISTINCT promised_by FROM forwardings"
        assert await clinic.store.engine.read(lambda c: c.execute(given).get) == "PACS"
    other = {"pacs": {**PACS, "address": "OTHER@127.0.0.1:104"}}
    async with site(tmp_path, clock=clock, destinations=other) as clinic:
        assert await retention(clinic, clock).once() == 0
    async with site(tmp_path, clock=clock, destinations=destinations) as clinic:
        await run(clinic, "UPDATE outbox SET state = 'delivered'")
        await run(clinic, "UPDATE forwardings SET state = 'committed'")
        assert await retention(clinic, clock).once() == 2
