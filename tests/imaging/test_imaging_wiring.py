"""The whole gateway from its configuration: a unit stores, the PACS gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from pynetdicom import AE
from services_site import UNIT, now, until
from stills import ULTRASOUND, still
from test_forward_service import EXPLICIT, Archive, archive, destination

from gateway.app import running
from gateway.config.shape import shaped
from gateway.notices import Noticeboard


async def test_from_the_unit_to_the_pacs(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port, peer, one = free_port(), Archive(), still(1)
    chosen = shaped(
        {
            "gateway": {"site": "clinic", "timezone": "Europe/Berlin", "data_dir": tmp_path},
            "devices": {
                "us-room-2": {"profile": "ultrasound", "ae_title": UNIT, "address": "127.0.0.1/32"}
            },
            "dicom": {"listen": "127.0.0.1:0"},
            **destination(port),
        }
    )

    def store(listen: int) -> int:
        ae = AE(ae_title=UNIT)
        ae.add_requested_context(ULTRASOUND, EXPLICIT)
        association = ae.associate("127.0.0.1", listen)
        status = association.send_c_store(one.content)
        association.release()
        return int(status.Status)

    with archive(port, peer):
        async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
            assert gateway.modalities is not None
            assert await asyncio.to_thread(store, gateway.modalities.port) == 0

            async def forwarded() -> bool:
                return peer.got == [one.uid]

            await until(forwarded)
            status = await gateway.desk.ask("status", {})
    assert "pacs" in str(status)
