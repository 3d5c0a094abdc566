"""What DICOMweb clients ask for in their own ways: names, pages, media types, regions, windows."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import pytest_asyncio
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from starlette.requests import Request
from test_dicomweb import file_bytes, parts_of, place, related, stow
from web_site import Clinic, clinic

from gateway.web.dicomweb import search
from gateway.web.dicomweb.media import accepted

CLIP, PALETTE, BIG = "examples_ybr_color.dcm", "examples_palette.dcm", "ExplVR_BigEnd.dcm"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
PLAIN = str(ExplicitVRLittleEndian)


@pytest_asyncio.fixture
async def site(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Clinic]:
    async with clinic(tmp_path, free_port, f'[dicom]\nlisten = "127.0.0.1:{free_port()}"') as made:
        yield made


def changed(name: str, **values: Any) -> bytes:
    """A file of pydicom's with other values, under a UID of its own."""
    read = pydicom.dcmread(io.BytesIO(file_bytes(name)))
    read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword, value in values.items():
        setattr(read, keyword, value)
    written = io.BytesIO()
    read.save_as(written)
    return written.getvalue()


def named(number: int, name: str) -> bytes:
    uids = {"StudyInstanceUID": f"2.25.{number}", "SeriesInstanceUID": f"2.25.{number}.1"}
    return changed(BIG, SpecificCharacterSet="ISO_IR 192", PatientName=name, **uids)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        *(("MÜLLER*", "1"), ("müller^jürgen", "1"), ("M?ller*", "1"), ("ŻÓŁĆ*", "2")),
        *(("yamada^tarou", "3"), ("山田*", "3"), ("Yamada*", "3"), ("mueller*", None)),
        *(("[mM]üller*", None), ("*", "1 2 3"), ("STRASSE", None)),
    ],
)
async def test_names_are_found_in_either_case_and_every_writing(
    site: Clinic, asked: str, found: str | None
) -> None:
    people = ("Müller^Jürgen", "Żółć^Łukasz", "Yamada^Tarou=山田^太郎")
    await stow(site, *(named(number, name) for number, name in enumerate(people, 1)))
    answer = await site.client.get("/dicom-web/studies", params={"PatientName": asked})
    studies = answer.json() if answer.status_code == 200 else []
    uids = sorted(study["0020000D"]["Value"][0] for study in studies)
    assert uids == [f"2.25.{number}" for number in (found or "").split()]


async def test_who_is_not_given_everything_is_told(
    site: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST", 2)
    await stow(site, *(named(number, "A^B") for number in (1, 2)))
    for query in ("", "?limit=5", "?limit=1"):
        assert "warning" not in (await site.client.get(f"/dicom-web/studies{query}")).headers
    await stow(site, named(3, "A^B"))
    for query, told in (("?limit=9", True), ("?limit=2", False), ("?limit=9&offset=1", False)):
        answer = await site.client.get(f"/dicom-web/studies{query}")
        assert len(answer.json()) == 2
        assert ("there are more results" in answer.headers.get("warning", "")) is told, query


async def test_every_match_says_where_it_is_and_whether(site: Clinic) -> None:
    one = named(1, "A^B")
    await stow(site, one)
    instance = f"{site.url}{place(one)}"
    series = instance.split("/instances/")[0]
    for path, address in (
        ("studies", series.split("/series/")[0]),
        ("studies/2.25.1/series", series),
        ("instances", instance),
    ):
        [match] = (await site.client.get(f"/dicom-web/{path}")).json()
        assert match["00081190"] == {"vr": "UR", "Value": [address]}
        assert match["00080056"]["Value"] == ["ONLINE"]
        assert (await site.client.get(match["00081190"]["Value"][0])).status_code == 200


async def test_several_modalities_and_attributes_in_sequences(site: Clinic) -> None:
    await stow(site, file_bytes(PALETTE), file_bytes("test-SR.dcm"), file_bytes("MR_small.dcm"))

    async def count(query: str) -> int:
        answer = await site.client.get(f"/dicom-web/studies?{query}")
        assert answer.status_code in (200, 204), query
        return len(answer.json()) if answer.status_code == 200 else 0

    assert await count("ModalitiesInStudy=US,SR") == 2
    assert await count("ModalitiesInStudy=US%5CMR") == 2
    assert await count("ModalitiesInStudy=?R") == 2
    ignored = await site.client.get("/dicom-web/studies?00400275.00400009=S1")
    assert (ignored.status_code, ignored.headers["warning"][:3]) == (200, "299")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        *(("application/dicom+json", 200), ("application/json", 200), ("*/*", 200)),
        *(("text/html, application/*;q=0.1", 200), ("application/dicom+json;q=0", 406)),
        *(("text/html", 406), ('multipart/related; type="application/dicom+xml"', 406)),
    ],
)
async def test_matches_and_metadata_are_json_or_nothing(
    site: Clinic, header: str, status: int
) -> None:
    one = named(1, "A^B")
    await stow(site, one)
    for path in ("/dicom-web/studies", f"{place(one)}/metadata"):
        answer = await site.client.get(path, headers={"accept": header})
        assert answer.status_code == status, path
        instead = await site.client.get(path, params={"accept": header})
        assert instead.status_code == status, path


@pytest.mark.parametrize(
    ("header", "syntax"),
    [
        *(("*/*", "as stored"), (DICOM, "as stored"), ("multipart/related", "as stored")),
        *((f"{DICOM}; transfer-syntax=*", "as stored"), ("multipart/*;q=0.5", "as stored")),
        *((f"{DICOM}; transfer-syntax={PLAIN}", PLAIN), ("application/dicom", "as stored")),
        *((f"application/dicom; transfer-syntax={PLAIN}", PLAIN), ("image/jpeg", None)),
        (f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.50"),
        (f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.90", None),
        ('multipart/related; type="application/dicom+json"', None),
    ],
)
async def test_an_instance_comes_in_the_transfer_syntax_asked_for(
    site: Clinic, header: str, syntax: str | None
) -> None:
    one = file_bytes(CLIP)
    await stow(site, one)
    answer = await site.client.get(place(one), headers={"accept": header})
    if syntax is None:
        assert answer.status_code == 406
        return
    bare = answer.headers["content-type"] == "application/dicom"
    assert bare is header.startswith("application")
    back = pydicom.dcmread(io.BytesIO(answer.content if bare else parts_of(answer)[0]))
    stored = "1.2.840.10008.1.2.4.50"
    assert back.file_meta.TransferSyntaxUID == (stored if syntax == "as stored" else syntax)
    assert back.file_meta.MediaStorageSOPInstanceUID == back.SOPInstanceUID
    if not bare:
        said = f"application/dicom; transfer-syntax={back.file_meta.TransferSyntaxUID}"
        assert f"Content-Type: {said}\r\n" in answer.content[:400].decode("latin-1")
    assert len(back.PixelData) == 30 * 240 * 320 * 3 or syntax != PLAIN


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        *(("*/*", "image/jpeg"), ('multipart/related; type="image/jpeg"', "image/jpeg")),
        *((f"{OCTETS}; transfer-syntax=*", "image/jpeg"), ("image/*", "image/jpeg")),
        *((OCTETS, "application/octet-stream"), ("application/octet-stream", "decoded")),
        (f"{OCTETS}; transfer-syntax={PLAIN}", "application/octet-stream"),
        *(('multipart/related; type="image/jp2"', None), ("text/html", None)),
        (f'{OCTETS};q=0.1, multipart/related; type="image/jpeg"', "image/jpeg"),
    ],
)
async def test_a_frame_comes_as_stored_or_decoded(
    site: Clinic, header: str, kind: str | None
) -> None:
    one = file_bytes(CLIP)
    await stow(site, one)
    answer = await site.client.get(f"{place(one)}/frames/2", headers={"accept": header})
    if kind is None:
        assert answer.status_code == 406
        return
    assert answer.status_code == 200
    bare = not answer.headers["content-type"].startswith("multipart/")
    frame = answer.content if bare else parts_of(answer)[0]
    if kind == "image/jpeg":
        assert frame[:2] == b"\xff\xd8"
        assert kind in answer.headers["content-type"]
        return
    assert len(frame) == 240 * 320 * 3
    shown = await site.client.get(
        f"{place(one)}/frames/2/rendered", headers={"accept": "image/png"}
    )
    assert frame == np.asarray(Image.open(io.BytesIO(shown.content)).convert("RGB")).tobytes()


async def test_big_endian_words_and_halved_colours_come_plain(site: Clinic) -> None:
    half, words = (
        file_bytes("SC_ybr_full_422_uncompressed.dcm"),
        file_bytes("MR_small_bigendian.dcm"),
    )
    await stow(site, half, words)
    for one in (half, words):
        answer = await site.client.get(f"{place(one)}/frames/1", headers={"accept": OCTETS})
        read = pydicom.dcmread(io.BytesIO(one))
        stored = read.PixelData
        if one is words:
            stored = read.pixel_array.astype("<i2").tobytes()
        assert parts_of(answer) == [stored]


async def test_every_bulk_data_address_leads_somewhere(site: Clinic) -> None:
    long, deep = bytes(range(256)) * 300, bytes(range(255, -1, -1)) * 300
    read = pydicom.dcmread(io.BytesIO(file_bytes(PALETTE)))
    block = read.private_block(0x0099, "GATEWAY TEST", create=True)
    block.add_new(0x01, "OB", long)
    inner = pydicom.Dataset()
    inner.add_new(0x00991001, "OB", deep)
    block.add_new(0x02, "SQ", [pydicom.Dataset(), inner])
    written = io.BytesIO()
    read.save_as(written)
    await stow(site, written.getvalue())
    address = place(written.getvalue())
    [shown] = (await site.client.get(f"{address}/metadata")).json()
    assert shown["7FE00010"]["vr"] == read["PixelData"].VR
    nested = shown["00991002"]["Value"][1]["00991001"]
    for found, value in ((shown["00991001"], long), (nested, deep)):
        assert parts_of(await site.client.get(found["BulkDataURI"])) == [value]
        bare = await site.client.get(
            found["BulkDataURI"], headers={"accept": "application/octet-stream"}
        )
        assert bare.content == value
    for odd in ("00100010", "0010", "00991002.7.00991001", "00991001.0.00991001", "12345678"):
        assert (await site.client.get(f"{address}/bulk/{odd}")).status_code == 404, odd


async def picture(site: Clinic, address: str, query: str) -> Any:
    answer = await site.client.get(f"{address}/rendered?{query}", headers={"accept": "image/png"})
    assert answer.status_code == 200, (query, answer.text)
    return np.asarray(Image.open(io.BytesIO(answer.content))).astype(float)


async def test_a_window_is_the_one_asked_for(site: Clinic) -> None:
    one = file_bytes("MR_small.dcm")
    await stow(site, one)
    pixels = pydicom.dcmread(io.BytesIO(one)).pixel_array.astype(float)
    for query, shown in (
        ("window=1000,801,linear", (pixels - 999.5) / 800 + 0.5),
        ("window=1000,800,LINEAR-EXACT", (pixels - 1000) / 800 + 0.5),
        ("window=1000.0,800,sigmoid", 1 / (1 + np.exp(-4 * (pixels - 1000) / 800))),
    ):
        found = await picture(site, place(one), query)
        assert np.abs(found - np.clip(shown, 0, 1) * 255).max() <= 1, query
    for odd in (
        "",
        "1000",
        "1000,0,linear",
        "1000,-5,linear",
        "a,b,c",
        "1,2,cubic",
        "1,2,linear,3",
    ):
        answer = await site.client.get(f"{place(one)}/rendered?window={odd}")
        assert answer.status_code == 400, odd


async def test_a_viewport_is_filled_with_the_region_asked_for(site: Clinic) -> None:
    one = file_bytes("MR_small.dcm")
    await stow(site, one)
    whole = await picture(site, place(one), "")
    assert whole.shape == (64, 64)
    assert (await picture(site, place(one), "viewport=32,16")).shape == (16, 16)
    assert (await picture(site, place(one), "viewport=128,200")).shape == (128, 128)
    region = await picture(site, place(one), "viewport=20,10,5,7,20,10")
    assert (region == whole[7:17, 5:25]).all()
    rest = await picture(site, place(one), "viewport=24,24,40,40,,")
    assert (rest == whole[40:, 40:]).all()
    for odd in ("1,2,3,4", "10,10,0,0,0,0", "10,10,-1,0,5,5", "10,,0,0,5,5"):
        answer = await site.client.get(f"{place(one)}/rendered?viewport={odd}")
        assert answer.status_code == 400, odd


async def test_several_pictures_come_as_one_body(site: Clinic) -> None:
    uids = {"StudyInstanceUID": "2.25.9", "SeriesInstanceUID": "2.25.9.1"}
    clip, still = changed(CLIP, **uids), changed("MR_small.dcm", **uids)
    await stow(site, clip, still, changed("test-SR.dcm", **uids))
    jpeg = {"accept": 'multipart/related; type="image/jpeg"'}
    sizes = [(320, 240), (64, 64)]
    for address in ("/dicom-web/studies/2.25.9", "/dicom-web/studies/2.25.9/series/2.25.9.1"):
        for head in (jpeg, {}):
            found = await site.client.get(f"{address}/rendered?viewport=64,64", headers=head)
            assert found.headers["content-type"].startswith('multipart/related; type="image/jpeg"')
            shown = [Image.open(io.BytesIO(part)).size for part in parts_of(found)]
            assert shown == [(64, 48), (64, 64)]
    alone = await site.client.get(f"{place(still)}/rendered", headers=jpeg)
    assert [Image.open(io.BytesIO(part)).size for part in parts_of(alone)] == sizes[1:]
    frames = await site.client.get(f"{place(clip)}/frames/3,1/rendered", headers={"accept": "*/*"})
    assert [Image.open(io.BytesIO(part)).size for part in parts_of(frames)] == sizes[:1] * 2
    assert len(set(parts_of(frames))) == 2
    bare = await site.client.get(
        f"{place(clip)}/frames/3,1/rendered", headers={"accept": "image/jpeg"}
    )
    assert bare.status_code == 406
    assert (await site.client.get(f"{place(clip)}/frames/1,31/rendered")).status_code == 404
    assert (await site.client.get(f"{place(clip)}/frames/1,2/thumbnail")).status_code == 400


async def test_what_was_stored_is_told_with_its_address(site: Clinic) -> None:
    one, other = named(1, "A^B"), named(2, "A^B")
    told = (await stow(site, one)).json()
    assert told["00081190"] == {"vr": "UR", "Value": [f"{site.url}/dicom-web/studies/2.25.1"]}
    [stored] = told["00081199"]["Value"]
    assert stored["00081190"]["Value"] == [f"{site.url}{place(one)}"]
    both = (await stow(site, one, other)).json()
    assert both["00081190"] == {"vr": "UR"}
    body, head = related([one])
    head["content-type"] = head["content-type"].replace(
        "application/dicom", "application/dicom+json"
    )
    refused = await site.client.post("/dicom-web/studies", content=body, headers=head)
    assert refused.status_code == 415


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", ["*/*"]),
        ("a/b;q=0.1, c/d, e/f;q=0", ["c/d", "a/b"]),
        ('x/y; type="a,b;c/d"; Q=0.5 , z/*', ["z/*", "x/y"]),
        ("nonsense, ;;, a/b;q=much", []),
        (" , IMAGE/PNG", ["image/png"]),
    ],
)
def test_an_accept_header_is_read_as_media_ranges(header: str, wanted: list[str]) -> None:
    head = [(b"accept", header.encode())] if header else []
    request = Request({"type": "http", "headers": head, "query_string": b""})
    found = accepted(request)
    assert [one.kind for one in found] == wanted
    assert all(one.parameters.get("type", "a,b;c/d") == "a,b;c/d" for one in found)


@pytest.mark.peer
@pytest.mark.parametrize(
    ("program", "syntax"),
    [
        *((("dcmcjpeg", "+el"), "4.57"), (("dcmcjpeg", "+e1"), "4.70")),
        *((("dcmcjpls", "+el"), "4.80"), (("dcmconv", "+td"), "1.99"), (("dcmcrle",), "5")),
    ],
)
@pytest.mark.parametrize("name", ["examples_rgb_color.dcm", "MR_small.dcm"])
async def test_every_lossless_syntax_is_shown_as_what_it_is_made_from(
    site: Clinic, tmp_path: Path, name: str, program: Sequence[str], syntax: str
) -> None:
    """Philips' EPIQ sends JPEG lossless."""
    plain, made = tmp_path / "plain.dcm", tmp_path / "made.dcm"
    plain.write_bytes(changed(name))
    done = await asyncio.create_subprocess_exec(*program, plain, made)
    assert await done.wait() == 0
    read = pydicom.dcmread(made)
    assert str(read.file_meta.TransferSyntaxUID).endswith(f".1.2.{syntax}")
    read.SOPInstanceUID = read.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    read.save_as(made)
    await stow(site, plain.read_bytes(), made.read_bytes())
    before, after = (place(path.read_bytes()) for path in (plain, made))
    assert (await picture(site, before, "") == await picture(site, after, "")).all()
    assert (await site.client.get(f"{after}/thumbnail")).status_code == 200
    head = {"accept": f"{DICOM}; transfer-syntax={PLAIN}"}
    [back] = parts_of(await site.client.get(after, headers=head))
    pixels = pydicom.dcmread(io.BytesIO(back)).pixel_array
    assert (pixels == pydicom.dcmread(plain).pixel_array).all()
    frames = [
        await site.client.get(f"{at}/frames/1", headers={"accept": OCTETS})
        for at in (before, after)
    ]
    assert parts_of(frames[0]) == parts_of(frames[1])
