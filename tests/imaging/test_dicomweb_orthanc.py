"""Orthanc's DICOMweb plug-in as a client of ours: STOW-RS, QIDO-RS, WADO-RS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from orthanc_peer import orthanc
from pydicom import dcmread
from pydicom.data import get_testdata_file
from services_site import now

from gateway.app import running
from gateway.config import parse
from gateway.notices import Noticeboard

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
FILES = ("examples_ybr_color.dcm", "examples_palette.dcm", "test-SR.dcm")

pytestmark = pytest.mark.peer


async def test_what_it_sends_is_found_and_given_back(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    web, dicom, theirs, http = (free_port() for _ in range(4))
    text = f"""
[gateway]
site = "clinic"
timezone = "UTC"
data_dir = "{tmp_path}/data"
[http]
listen = "127.0.0.1:{web}"
[dicom]
listen = "127.0.0.1:{dicom}"
"""
    chosen = parse(text, tmp_path / "gateway.toml")
    async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
        token = (tmp_path / "data" / "http.token").read_text().strip()
        server = {
            "Url": f"http://127.0.0.1:{web}/dicom-web/",
            "HttpHeaders": {"Authorization": f"Bearer {token}"},
        }
        more = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Servers": {"gateway": server}}}
        async with orthanc(
            tmp_path / "orthanc", theirs, http, ("GATEWAY", dicom), more=more
        ) as peer:
            sent = {}
            for name in FILES:
                path = Path(str(get_testdata_file(name)))
                added = await peer.post("/instances", path.read_bytes())
                sent[str(dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = added["ID"]
            await peer.post("/dicom-web/servers/gateway/stow", {"Resources": list(sent.values())})
            assert gateway.modalities is not None
            index = gateway.modalities.archive.index
            kept = {uid: await index.instance(uid) for uid in sent}
            assert all(kept.values())
            found = await peer.post(
                "/dicom-web/servers/gateway/qido", {"Uri": "/instances", "Arguments": {}}
            )
            assert {one["00080018"]["Value"] for one in found} == set(sent)
            before = {uid: await peer.file(identity) for uid, identity in sent.items()}
            for identity in sent.values():
                await peer.delete(f"/instances/{identity}")
            assert await peer.instances() == 0
            studies = {one["0020000D"]["Value"] for one in found}
            await peer.post(
                "/dicom-web/servers/gateway/retrieve",
                {"Resources": [{"Study": study} for study in studies]},
            )
            assert await peer.instances() == len(FILES)
            for uid, identity in sent.items():
                whole = await peer.file(identity)
                assert whole[-1000:] == before[uid][-1000:]
                instance = kept[uid]
                assert instance is not None
                stored = gateway.modalities.archive.shelves.path(instance.path).read_bytes()
                assert whole.endswith(stored[instance.start :])
