"""What a PACS may answer, and what becomes of the image: pynetdicom plays it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from services_site import Site, site, until
from stills import still
from test_corrections_out import correct
from test_forward_service import Archive, archive, kept

from gateway.delivery.base import Patience
from gateway.store import MessageState

DUPLICATE = 0x0111


def plain(port: int) -> dict[str, Any]:
    return {"destinations": {"pacs": {"type": "dicom", "address": f"PACS@127.0.0.1:{port}"}}}


async def settled(clinic: Site, taken: int, parked: int) -> None:
    async def done() -> bool:
        waiting = await clinic.store.outbox.list("pacs", MessageState.PARKED)
        return (len(await noted(clinic)), len(waiting)) == (taken, parked)

    await until(done)


async def noted(clinic: Site) -> list[str]:
    """Instances the PACS is known to have."""
    forwardings = clinic.services.forwardings
    uids = [one.uid for one in await clinic.archive.index.instances("2.25.1")]
    return [uid for uid in uids if await forwardings.of(uid)]


class Answering(Archive):
    """What it warned of it has."""

    def store(self, event: Any) -> int:
        status = super().store(event)
        if status & 0xF000 == 0xB000:
            self.got.append(str(event.request.AffectedSOPInstanceUID))
        return status


@pytest.mark.parametrize(
    ("statuses", "refused"),
    [
        ({1: [0xB000], 2: [0xB006], 3: [0xB007]}, []),
        ({2: [0x0122]}, [2]),
        ({1: [DUPLICATE], 3: [0xA900]}, [1, 3]),
        ({2: [0x0110, 0x0110]}, []),
    ],
    ids=["warnings", "class refused", "another's duplicate", "failed for a moment"],
)
async def test_an_answer(
    tmp_path: Path,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    statuses: dict[int, list[int]],
    refused: list[int],
) -> None:
    monkeypatch.setattr("services_site.Patience", quick)
    port, peer = free_port(), Answering()
    peer.statuses = statuses
    with archive(port, peer):
        async with site(tmp_path, **plain(port)) as clinic:
            uids = await kept(clinic, 3)
            await settled(clinic, 3 - len(refused), len(refused))
            took = [uid for number, uid in enumerate(uids, 1) if number not in refused]
            assert sorted(peer.got) == took
            assert await noted(clinic) == took


def quick(**parts: Any) -> Any:
    return Patience(**parts, refused=(0.05, 0.05, 0.05))


def gone(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


@pytest.mark.parametrize("damage", [gone, cut])
@pytest.mark.parametrize("corrected", [False, True])
async def test_a_file_that_is_not_whole_is_parked_alone(
    tmp_path: Path,
    free_port: Callable[[], int],
    damage: Callable[[Path], None],
    corrected: bool,
) -> None:
    port, peer = free_port(), Archive()
    async with site(tmp_path, **plain(port)) as clinic:
        stills = [still(number) for number in range(1, 5)]
        paths = [await clinic.keep(one.data_set, one.uid) for one in stills]
        if corrected:
            await correct(clinic, "2.25.1", "MRN7", "Right^Name")
        damage(paths[1])
        with archive(port, peer):
            await settled(clinic, 3, 1)
            (parked,) = await clinic.store.outbox.list("pacs", MessageState.PARKED)
    assert "cannot be read" in (parked.answer or "")
    assert peer.got == [stills[0].uid, stills[2].uid, stills[3].uid]


class HangingUp(Archive):
    """Keeps the second image and hangs up before its answer; knows it when it comes again."""

    def store(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid in self.got:
            return DUPLICATE
        status = super().store(event)
        if len(self.got) == 2:
            event.assoc.abort()
        return status


async def test_an_archive_that_has_it_from_the_first_try_has_it(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, peer = free_port(), HangingUp()
    with archive(port, peer):
        async with site(tmp_path, **plain(port)) as clinic:
            uids = await kept(clinic, 3)
            await settled(clinic, 3, 0)
            assert await noted(clinic) == uids
    assert peer.got == uids


class Renaming(HangingUp):
    """Between the two tries a person says whose study it is."""

    moved: Callable[[], None]

    def store(self, event: Any) -> int:
        status = super().store(event)
        if len(self.got) == 2 and status == 0:
            self.moved()
        return status


async def test_an_archive_that_has_it_under_another_name_has_it_not(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """It said that it has the UID: what it was sent first, under the old name."""
    loop = asyncio.get_running_loop()
    port, peer = free_port(), Renaming()
    with archive(port, peer):
        async with site(tmp_path, **plain(port)) as clinic:
            peer.moved = lambda: asyncio.run_coroutine_threadsafe(
                correct(clinic, "2.25.1", "MRN7", "Right^Name"), loop
            ).result(20)
            uids = await kept(clinic, 3)
            await settled(clinic, 2, 1)
            assert await noted(clinic) == [uids[0], uids[2]]
            [state] = await clinic.services.forwardings.of_study("2.25.1")
            assert (state.instances, state.outdated) == (2, 1)
