"""DICOMweb on a real socket: what C-STORE and STOW-RS brought is found and given back."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pydicom
import pytest
import pytest_asyncio
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid
from web_site import Clinic, clinic

from gateway.web.dicomweb.multipart import BadMultipart, Begin, Data, End, Reader

FILES = (
    "examples_ybr_color.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "examples_jpeg2k.dcm",
    "ExplVR_BigEnd.dcm",
    "test-SR.dcm",
    "SC_rgb_rle_2frame.dcm",
    "MR_small.dcm",
)


def file_bytes(name: str) -> bytes:
    found = get_testdata_file(name, download=False)
    assert found is not None
    return Path(str(found)).read_bytes()


def data_set(part10: bytes) -> bytes:
    """What follows the file meta group."""
    return part10[144 + int.from_bytes(part10[140:144], "little") :]


def related(parts: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
    body = b"".join(
        b"\r\n--BOUND\r\nContent-Type: application/dicom\r\n\r\n" + part for part in parts
    )
    kind = 'multipart/related; type="application/dicom"; boundary=BOUND'
    return body + b"\r\n--BOUND--\r\n", {"content-type": kind}


def parts_of(answer: httpx.Response) -> list[bytes]:
    """Bodies of the parts, cut at the boundary by hand."""
    mark = answer.headers["content-type"].rpartition("boundary=")[2].encode()
    pieces = answer.content.split(b"\r\n--" + mark)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    return [piece.split(b"\r\n\r\n", 1)[1] for piece in pieces[1:-1]]


def place(part10: bytes) -> str:
    read = pydicom.dcmread(io.BytesIO(part10), stop_before_pixels=True)
    return (
        f"/dicom-web/studies/{read.StudyInstanceUID}/series/{read.SeriesInstanceUID}"
        f"/instances/{read.SOPInstanceUID}"
    )


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    dicom = f"""
[dicom]
listen = "127.0.0.1:{free_port()}"
[devices.us-room]
profile = "ultrasound"
ae_title = "CX50"
address = "127.0.0.1/32"
"""
    async with clinic(tmp_path, free_port, dicom) as made:
        yield made


async def stow(site: Clinic, *parts: bytes, study: str = "") -> httpx.Response:
    body, head = related(parts)
    return await site.client.post(f"/dicom-web/studies{study}", content=body, headers=head)


async def test_what_was_stored_is_given_back_byte_for_byte(site: Clinic) -> None:
    sent = [file_bytes(name) for name in FILES]
    answer = await stow(site, *sent)
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == len(FILES)
    for one in sent:
        [back] = parts_of(await site.client.get(place(one)))
        assert data_set(back) == data_set(one)
        assert back[:128] == bytes(128)
    again = await stow(site, *sent)
    assert again.status_code == 200
    found = (await site.client.get("/dicom-web/instances")).json()
    assert len(found) == len(FILES)


async def test_a_study_comes_as_one_multipart_body(site: Clinic) -> None:
    one = file_bytes("examples_rgb_color.dcm")
    other = pydicom.dcmread(io.BytesIO(one))
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    written = io.BytesIO()
    other.save_as(written)
    await stow(site, one, written.getvalue())
    study = place(one).split("/series/")[0]
    for address in (study, place(one).split("/instances/")[0]):
        parts = parts_of(await site.client.get(address))
        assert [data_set(p) for p in parts] == [data_set(one), data_set(written.getvalue())]


async def test_the_metadata_is_the_data_sets_own(site: Clinic) -> None:
    for name in FILES:
        one = file_bytes(name)
        await stow(site, one)
        answer = await site.client.get(place(one) + "/metadata")
        assert answer.headers["content-type"] == "application/dicom+json"
        [shown] = answer.json()
        read = pydicom.dcmread(io.BytesIO(one))
        assert shown["00080018"]["Value"] == [read.SOPInstanceUID]
        assert shown.get("00100020", {}).get("Value", [""])[0] == read.get("PatientID", "")
        assert {int(tag, 16) for tag in shown} == {int(element.tag) for element in read}
        if "PixelData" in read:
            bulk = await site.client.get(shown["7FE00010"]["BulkDataURI"])
            assert bulk.status_code == 200
            assert len(parts_of(bulk)) == int(read.get("NumberOfFrames") or 1)


@pytest.mark.parametrize("name", [n for n in FILES if n != "test-SR.dcm"])
async def test_frames_come_as_stored(site: Clinic, name: str) -> None:
    one = file_bytes(name)
    await stow(site, one)
    read = pydicom.dcmread(io.BytesIO(one))
    count = int(read.get("NumberOfFrames") or 1)
    answer = await site.client.get(f"{place(one)}/frames/{count}")
    [frame] = parts_of(answer)
    if read.file_meta.TransferSyntaxUID.is_encapsulated:
        stored = list(generate_frames(read.PixelData, number_of_frames=count))
        assert frame == stored[count - 1]
    else:
        assert frame == read.PixelData[len(read.PixelData) * (count - 1) // count :][: len(frame)]
    missing = await site.client.get(f"{place(one)}/frames/{count + 1}")
    assert missing.status_code == 404


@pytest.mark.parametrize("name", [n for n in FILES if n != "test-SR.dcm"])
async def test_pictures_show_what_is_there(site: Clinic, name: str) -> None:
    one = file_bytes(name)
    await stow(site, one)
    read = pydicom.dcmread(io.BytesIO(one))
    png = await site.client.get(place(one) + "/rendered", headers={"accept": "image/png"})
    assert png.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(png.content))
    assert image.size == (read.Columns, read.Rows)
    assert np.asarray(image).std() > 1
    small = await site.client.get(place(one) + "/thumbnail")
    assert small.headers["content-type"] == "image/jpeg"
    assert max(Image.open(io.BytesIO(small.content)).size) <= 200
    study = place(one).split("/series/")[0]
    assert (await site.client.get(study + "/thumbnail")).status_code == 200


async def test_monochrome1_is_shown_the_right_way_round(site: Clinic) -> None:
    read = pydicom.dcmread(io.BytesIO(file_bytes("MR_small.dcm")))
    pictures = []
    for interpretation in ("MONOCHROME2", "MONOCHROME1"):
        read.PhotometricInterpretation = interpretation
        read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        written = io.BytesIO()
        read.save_as(written)
        await stow(site, written.getvalue())
        address = place(written.getvalue()) + "/rendered"
        answer = await site.client.get(address, headers={"accept": "image/png"})
        pictures.append(np.asarray(Image.open(io.BytesIO(answer.content))).astype(int))
    assert (pictures[0] + pictures[1] == 255).all()


async def test_a_report_has_no_picture(site: Clinic) -> None:
    one = file_bytes("test-SR.dcm")
    await stow(site, one)
    assert (await site.client.get(place(one) + "/rendered")).status_code == 406


@pytest.mark.parametrize(
    "asked",
    [
        *("quality=0", "quality=101", "quality=0001000000", "quality=" + "9" * 5000),
        *("quality=best", "viewport=100", "viewport=0,100", "viewport=5000,5000"),
        "viewport=1,2,3",
    ],
)
async def test_a_picture_nobody_could_draw_is_bad_asking(site: Clinic, asked: str) -> None:
    one = file_bytes("MR_small.dcm")
    await stow(site, one)
    assert (await site.client.get(f"{place(one)}/rendered?{asked}")).status_code == 400


async def test_queries_filter_and_page(site: Clinic) -> None:
    await stow(site, *(file_bytes(name) for name in FILES))
    everything = (await site.client.get("/dicom-web/studies")).json()

    async def uids(query: str) -> set[str]:
        answer = await site.client.get(f"/dicom-web/studies?{query}")
        found = answer.json() if answer.status_code == 200 else []
        return {study["0020000D"]["Value"][0] for study in found}

    whole = await uids("")
    assert len(whole) == len(everything) > 3
    [sono] = await uids("PatientID=204")
    assert await uids(f"StudyInstanceUID={sono}") == {sono}
    assert await uids(f"0020000D={sono}") == {sono}
    assert sono in await uids("ModalitiesInStudy=US")
    assert await uids("PatientID=20?") == {sono}
    assert await uids("PatientID=NONE") == set()
    assert await uids("StudyDate=19000101-20990101") | {sono} <= whole
    assert await uids("StudyDate=20990101-") == set()
    paged = [await uids(f"limit=1&offset={n}") for n in range(len(everything) + 1)]
    assert [len(page) for page in paged] == [1] * len(everything) + [0]
    assert set().union(*paged) == whole
    series = (await site.client.get(f"/dicom-web/studies/{sono}/series?Modality=US")).json()
    uid = series[0]["0020000E"]["Value"][0]
    address = f"/dicom-web/studies/{sono}/series/{uid}/instances?includefield=all"
    [instance] = (await site.client.get(address)).json()
    assert instance["00280008"]["Value"] == [30]
    ignored = await site.client.get("/dicom-web/studies?StudyComments=x&fuzzymatching=true")
    assert ignored.headers["warning"].startswith("299 ")
    for query in ("limit=x", "odd=1", "StudyDate=a-b", "PatientID=" + "x" * 2000):
        assert (await site.client.get(f"/dicom-web/studies?{query}")).status_code == 400, query


async def test_hostile_addresses_lead_nowhere(site: Clinic) -> None:
    await stow(site, file_bytes("examples_rgb_color.dcm"))
    for uid in ("..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "1.2%00", "'%20OR%201=1--", "[", "*"):
        for tail in ("", "/metadata", "/series/1/instances/1/rendered"):
            answer = await site.client.get(f"/dicom-web/studies/{uid}{tail}")
            assert answer.status_code in (204, 404), (uid, tail)


async def test_what_cannot_be_stored_is_told_part_by_part(site: Clinic) -> None:
    good = file_bytes("examples_rgb_color.dcm")
    mixed = await stow(site, good, b"no dicom at all")
    assert mixed.status_code == 202
    assert mixed.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xC000]
    assert (await stow(site, b"x" * 100_000)).status_code == 409
    changed = good[:-2] + b"\x01\x02"
    conflict = await stow(site, changed)
    assert conflict.status_code == 409
    assert conflict.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0x0111]
    elsewhere = await stow(site, file_bytes("examples_palette.dcm"), study="/1.2.3")
    assert elsewhere.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    assert (await site.client.post("/dicom-web/studies", content=b"x")).status_code == 415
    body, head = related([file_bytes("examples_palette.dcm")])
    cut = await site.client.post("/dicom-web/studies", content=body[:-400], headers=head)
    assert cut.status_code == 400
    assert len((await site.client.get("/dicom-web/instances")).json()) == 1
    assert not list(Path(site.parts.store.engine.directory).glob("archive/incoming/*"))


@pytest.mark.peer
async def test_what_a_unit_stores_is_found_here(site: Clinic, tmp_path: Path) -> None:
    """dcmtk's storescu in, DICOMweb out."""
    program = shutil.which("storescu")
    assert program, "dcmtk is missing: run 'make peers'"
    assert site.parts.modalities is not None
    one = file_bytes("examples_palette.dcm")
    file = tmp_path / "one.dcm"
    file.write_bytes(one)
    port = str(site.parts.modalities.port)
    storing = await asyncio.create_subprocess_exec(
        program, "-aet", "CX50", "-aec", "GATEWAY", "-R", "127.0.0.1", port, str(file)
    )
    assert await storing.wait() == 0
    [instance] = (await site.client.get("/dicom-web/instances")).json()
    assert place(one).endswith(instance["00080018"]["Value"][0])
    assert (await site.client.get(place(one) + "/thumbnail")).status_code == 200


SLICED = (
    b"preamble\r\n--B\r\nContent-Type: application/dicom; x=y\r\n\r\n\r\n--C\r\n-\r\n--B \r\n"
    b"content-type:TEXT/Plain\r\nX: 1\r\n\r\n\r\n--B--\r\nepilogue"
)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 11, 50, 500])
def test_any_slicing_of_a_multipart_body_gives_the_same(step: int) -> None:
    reader = Reader("B")
    merged: list[Any] = []
    for start in range(0, len(SLICED), step):
        for event in reader.feed(SLICED[start : start + step]):
            if isinstance(event, Data) and merged and isinstance(merged[-1], Data):
                merged[-1] = Data(merged[-1].data + event.data)
            else:
                merged.append(event)
    assert reader.over
    assert merged == [
        Begin("application/dicom"),
        Data(b"\r\n--C\r\n-"),
        End(),
        Begin("text/plain"),
        End(),
    ]


def test_what_is_no_multipart_body_is_refused() -> None:
    for body in (b"x" * 20_000, b"--B" + b"x" * 100, b"--B\r\n" + b"h: x\r\n" * 5000):
        with pytest.raises(BadMultipart):
            list(Reader("B").feed(body))
