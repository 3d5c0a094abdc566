"""Orthanc asks us to commit: it stores nothing, it only wants to know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orthanc_peer import Orthanc, orthanc
from services_site import Site, site, until
from stills import ULTRASOUND, still

pytestmark = pytest.mark.peer


async def asked(peer: Orthanc, *uids: str, sop_class: str = ULTRASOUND) -> Any:
    """The report that Orthanc was given."""
    body = {"DicomInstances": [{"SOPClassUID": sop_class, "SOPInstanceUID": u} for u in uids]}
    path = (await peer.post("/modalities/gateway/storage-commitment", body))["Path"]

    async def reported() -> bool:
        return (await peer.get(path))["Status"] != "Pending"

    await until(reported)
    return await peer.get(path)


async def kept(clinic: Site, count: int) -> list[Path]:
    found = []
    for number in range(1, count + 1):
        one = still(number)
        found.append(await clinic.keep(one.data_set, one.uid))
    return found


async def test_all_one_missing_one_corrupted_one_of_another_class(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ours, theirs, http = free_port(), free_port(), free_port()
    device = {"device": {"ae_title": "ORTHANC"}}
    async with (
        site(tmp_path / "data", port=theirs, listen=ours, **device) as clinic,
        orthanc(tmp_path / "orthanc", theirs, http, ("GATEWAY", ours)) as peer,
    ):
        paths = await kept(clinic, 3)
        uids = [still(number).uid for number in (1, 2, 3)]
        report = await asked(peer, *uids)
        assert report["Status"] == "Success"
        assert {one["SOPInstanceUID"] for one in report["Success"]} == set(uids)
        assert report["RemoteAET"] == "GATEWAY"

        report = await asked(peer, *uids, "2.25.999")
        assert report["Status"] == "Failure"
        assert [(f["SOPInstanceUID"], f["FailureReason"]) for f in report["Failures"]] == [
            ("2.25.999", 0x0112)
        ]

        content = bytearray(paths[1].read_bytes())
        content[-5] ^= 1
        paths[1].write_bytes(content)
        report = await asked(peer, *uids)
        assert [(f["SOPInstanceUID"], f["FailureReason"]) for f in report["Failures"]] == [
            (uids[1], 0x0110)
        ]
        assert len(report["Success"]) == 2
        damaged = await clinic.archive.index.instance(uids[1])
        assert damaged is not None
        assert damaged.state == "damaged"

        report = await asked(peer, uids[0], sop_class="1.2.840.10008.5.1.4.1.1.7")
        assert [f["FailureReason"] for f in report["Failures"]] == [0x0119]
