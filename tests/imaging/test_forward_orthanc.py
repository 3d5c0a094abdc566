"""Orthanc as the PACS: everything arrives, whatever happens to it in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orthanc_peer import Orthanc, orthanc
from services_site import Site, site, until
from stills import still

from gateway.imaging.forwarding import ForwardState

pytestmark = pytest.mark.peer


def destination(port: int) -> dict[str, Any]:
    pacs = {"type": "dicom", "address": f"ORTHANC@127.0.0.1:{port}", "commitment": True}
    return {"destinations": {"pacs": pacs}}


async def arrived(peer: Orthanc, count: int) -> None:
    async def enough() -> bool:
        return await peer.instances() >= count

    await until(enough)


async def committed(clinic: Site, uids: list[str]) -> None:
    async def all_of_them() -> bool:
        states = [await clinic.services.forwardings.of(uid) for uid in uids]
        return all([f.state for f in state] == [ForwardState.COMMITTED] for state in states)

    await until(all_of_them)


async def test_stopped_in_the_middle_of_a_study_and_started_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ours, theirs, http = free_port(), free_port(), free_port()
    stills = [still(number) for number in range(1, 61)]
    async with (
        site(tmp_path / "data", listen=ours, **destination(theirs)) as clinic,
        orthanc(tmp_path / "orthanc", theirs, http, ("GATEWAY", ours)) as peer,
    ):
        for one in stills[:30]:
            await clinic.keep(one.data_set, one.uid)
        await arrived(peer, 5)
        await peer.stop()
        for one in stills[30:]:
            await clinic.keep(one.data_set, one.uid)
        await peer.start()
        await arrived(peer, 60)
        await committed(clinic, [one.uid for one in stills])
        assert await clinic.services.forwardings.committed_elsewhere(stills[0].uid)
        assert await peer.instances() == 60
        assert not await clinic.store.outbox.queues()


async def test_a_gateway_that_starts_again_goes_on(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ours, theirs, http = free_port(), free_port(), free_port()
    stills = [still(number) for number in range(1, 11)]
    async with site(tmp_path / "data", listen=ours, **destination(theirs)) as clinic:
        for one in stills:
            await clinic.keep(one.data_set, one.uid)

        async def queued() -> bool:
            return [q.queued for q in await clinic.store.outbox.queues()] == [10]

        await until(queued)
    async with (
        site(tmp_path / "data", listen=ours, **destination(theirs)) as clinic,
        orthanc(tmp_path / "orthanc", theirs, http, ("GATEWAY", ours)) as peer,
    ):
        await arrived(peer, 10)
        await committed(clinic, [one.uid for one in stills])
