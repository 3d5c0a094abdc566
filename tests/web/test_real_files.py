"""Every ultrasound file of pydicom's own test set: in by C-STORE, back by WADO-RS and C-GET."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
import pytest_asyncio
from pynetdicom import AE, _config, build_role, evt
from web_site import Clinic, clinic

sys.path.append(str(Path(__file__).parents[1] / "drivers" / "dicom"))
from samples import ULTRASOUND, Sample, sample

pytestmark = pytest.mark.peer

UNIT = "VOLUSON"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
SAMPLES = [sample(name) for name in ULTRASOUND]


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    more = f"""
[dicom]
listen = "127.0.0.1:{free_port()}"
[devices.us]
profile = "ultrasound"
ae_title = "{UNIT}"
address = "127.0.0.1/32"
"""
    async with clinic(tmp_path, free_port, more) as made:
        yield made


def dicom_port(site: Clinic) -> int:
    assert site.parts.modalities is not None
    return site.parts.modalities.port


def store_all(port: int) -> list[int]:
    """Each file's data set as it is, on a context of its own syntax."""
    ae = AE(UNIT)
    for one in SAMPLES:
        ae.add_requested_context(one.sop_class, one.transfer_syntax)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    statuses = [int(association.send_c_store(str(one.path)).Status) for one in SAMPLES]
    association.release()
    return statuses


def get(port: int, one: Sample, study: str, series: str) -> dict[str, bytes]:
    """One data set as it came in."""
    found: dict[str, bytes] = {}

    def stored(event: Any) -> int:
        found[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return 0

    ae = AE(UNIT)
    ae.add_requested_context(GET)
    ae.add_requested_context(one.sop_class, one.transfer_syntax)
    role = build_role(one.sop_class, scp_role=True)
    handlers = [(evt.EVT_C_STORE, stored)]
    association = ae.associate("127.0.0.1", port, ext_neg=[role], evt_handlers=handlers)
    wanted = pydicom.Dataset()
    wanted.QueryRetrieveLevel, wanted.StudyInstanceUID = "IMAGE", study
    wanted.SeriesInstanceUID, wanted.SOPInstanceUID = series, one.uid
    answers = list(association.send_c_get(wanted, GET))
    association.release()
    assert answers[-1][0].Status == 0, answers[-1]
    return found


def mistakes(content: bytes, folder: Path) -> set[str]:
    """What dciodvfy calls an error."""
    path = folder / "checked.dcm"
    path.write_bytes(content)
    said = subprocess.run(["dciodvfy", path], capture_output=True, check=False).stderr
    return {line for line in said.decode("latin-1").splitlines() if line.startswith("Error")}


async def test_they_come_back_as_they_went_in(
    site: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)  # the file as it is
    statuses = await asyncio.to_thread(store_all, dicom_port(site))
    first = {one.uid: one for one in reversed(SAMPLES)}
    assert statuses == [0 if first[one.uid] is one else 0x0111 for one in SAMPLES]
    for one in first.values():
        original = pydicom.dcmread(one.path, stop_before_pixels=True)
        study = str(original.StudyInstanceUID)
        asked = f"/dicom-web/instances?SOPInstanceUID={one.uid}"
        [listed] = (await site.client.get(asked)).json()
        assert listed["00083002"]["Value"] == [one.transfer_syntax]
        assert listed["0020000D"]["Value"] == [study]
        [shown] = (await site.client.get(f"/dicom-web/studies?StudyInstanceUID={study}")).json()
        assert shown["00100020"].get("Value", [""])[0] == (original.get("PatientID") or "")
        series = listed["0020000E"]["Value"][0]
        place = f"/dicom-web/studies/{study}/series/{series}/instances/{one.uid}"
        answer = await site.client.get(place)
        boundary = re.search(r"boundary=(\w+)", answer.headers["content-type"])
        assert boundary is not None
        part = answer.content.split(b"\r\n\r\n", 1)[1]
        whole = part[: part.rindex(f"\r\n--{boundary[1]}--".encode())]
        assert whole.endswith(one.data_set)
        assert pydicom.dcmread(BytesIO(whole)).file_meta.TransferSyntaxUID == one.transfer_syntax
        assert mistakes(whole, tmp_path) <= mistakes(one.path.read_bytes(), tmp_path)
        back = await asyncio.to_thread(get, dicom_port(site), one, study, series)
        assert back == {one.uid: one.data_set}


PLAIN = {
    "i": "1.2.840.10008.1.2",
    "e": "1.2.840.10008.1.2.1",
    "b": "1.2.840.10008.1.2.2",
    "d": "1.2.840.10008.1.2.1.99",
}
COMPRESSED = {
    "examples_ybr_color.dcm": "y",
    "examples_jpeg2k.dcm": "v",
    "SC_rgb_rle_2frame.dcm": "r",
}


async def done(*command: str | Path) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, text = await process.communicate()
    assert process.returncode == 0, text.decode()


async def test_storescu_sends_them_in_every_syntax_it_can(site: Clinic, tmp_path: Path) -> None:
    """It numbers them anew, so that their pixels and reports are compared, not their bytes."""
    plain = [name for name in ULTRASOUND if name not in COMPRESSED]
    jobs = [(name, letter) for name in plain for letter in PLAIN]
    jobs += list(COMPRESSED.items())
    assert site.parts.modalities is not None
    archive, port, seen = site.parts.modalities.archive, str(dicom_port(site)), 0
    for name, letter in jobs:
        one, path = sample(name), tmp_path / "one.dcm"
        if name in COMPRESSED:
            path.write_bytes(one.path.read_bytes())
        else:
            await done("dcmconv", f"+t{letter}", one.path, path)
        await done("storescu", "-R", "+II", f"-x{letter}", "-aet", UNIT, "127.0.0.1", port, path)
        [instance] = await archive.index.after(seen, 10)
        seen = instance.id
        assert instance.transfer_syntax == PLAIN.get(letter, one.transfer_syntax), (name, letter)
        stored = pydicom.dcmread(archive.shelves.path(instance.path))
        original = pydicom.dcmread(one.path)
        if "PixelData" in original:
            assert (stored.pixel_array == original.pixel_array).all(), (name, letter)
        else:
            assert stored.get("ContentSequence") == original.get("ContentSequence")
