"""dcmjs-dimse as an ultrasound unit: what it stores, whole and cut."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import at_hand, conversation, converse
from pydicom import FileDataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_fragments
from services_site import Site, site, until
from stills import still

from gateway.archive.rows import Instance

pytestmark = [pytest.mark.peer, at_hand]

FILES = (
    "examples_ybr_color.dcm",
    "examples_rgb_color.dcm",
    "examples_palette.dcm",
    "examples_jpeg2k.dcm",
    "ExplVR_BigEnd.dcm",
    "test-SR.dcm",
    "reportsi.dcm",
    "SC_rgb_rle_2frame.dcm",
)
CONFLICT = 0x0111


def path_of(name: str) -> str:
    found = get_testdata_file(name)
    assert isinstance(found, str)
    return found


def store(path: str | Path) -> dict[str, Any]:
    return {"kind": "store", "file": str(path)}


async def stored(clinic: Site) -> dict[str, Instance]:
    index = clinic.archive.index
    studies = await index.studies()
    return {one.uid: one for study in studies for one in await index.instances(study.uid)}


def digest(clinic: Site, one: Instance) -> str:
    raw = clinic.archive.shelves.path(one.path).read_bytes()
    return hashlib.sha256(raw[one.start : one.start + one.size]).hexdigest()


def same(sent: FileDataset, found: FileDataset) -> None:
    """What must come through any writer: the identity and the pixels."""
    for name in ("SOPInstanceUID", "StudyInstanceUID", "PatientID", "PatientName", "Rows"):
        assert found.get(name) == sent.get(name), name
    assert pixels(found) == pixels(sent)


def pixels(of: FileDataset) -> bytes:
    """Compressed ones as they are; fragments and the offset table are the writer's choice."""
    if "PixelData" not in of:
        return b""
    if of.file_meta.TransferSyntaxUID.is_encapsulated:
        _, *fragments = generate_fragments(of.PixelData)
        return b"".join(fragments)
    return of.pixel_array.tobytes()


async def test_echo(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        echo = conversation(clinic.port, {"kind": "echo"})
        (found,) = await converse(echo)
    assert found["answers"][0]["statuses"] == [0]
    assert found["released"]


@pytest.mark.parametrize("together", [True, False], ids=["one association", "one each"])
async def test_what_it_wrote_is_what_is_stored(tmp_path: Path, together: bool) -> None:
    """Together each file has a context of its own syntax; alone the first that it offers counts."""
    files = [dcmread(path_of(name)) for name in FILES]
    stores = [store(path_of(name)) for name in FILES]
    async with site(tmp_path / "data") as clinic:
        port = clinic.port
        if together:
            contexts = [(f.SOPClassUID, f.file_meta.TransferSyntaxUID) for f in files]
            talks = [conversation(port, *stores, contexts=contexts)]
        else:
            talks = [conversation(port, one) for one in stores]
        found = await converse(*talks)
        answers = [answer for one in found for answer in one["answers"]]
        assert [answer["statuses"] for answer in answers] == [[0]] * len(FILES)
        assert all(one["released"] for one in found)
        kept = await stored(clinic)
        assert not clinic.archive.shelves.parts()
        for file, answer in zip(files, answers, strict=True):
            one = kept[file.SOPInstanceUID]
            assert digest(clinic, one) == answer["sent"]
            if together:
                assert one.transfer_syntax == file.file_meta.TransferSyntaxUID
            same(file, dcmread(clinic.archive.shelves.path(one.path)))


async def test_other_bytes_under_one_uid(tmp_path: Path) -> None:
    """One report by two programs: the second waits for a person, and the unit is told."""
    pair = [path_of(name) for name in ("reportsi.dcm", "reportsi_with_empty_number_tags.dcm")]
    async with site(tmp_path / "data") as clinic:
        talk = conversation(clinic.port, *map(store, pair))
        (found,) = await converse(talk)
        assert [answer["statuses"] for answer in found["answers"]] == [[0], [CONFLICT]]
        (kept,) = (await stored(clinic)).values()
        assert digest(clinic, kept) == found["answers"][0]["sent"]
        (other,) = await clinic.archive.index.quarantined()
        assert other.sha256.hex() == found["answers"][1]["sent"]


@pytest.mark.parametrize("how", ["abort", "close"])
async def test_a_store_that_is_cut_leaves_nothing(tmp_path: Path, how: str) -> None:
    """The command and two of three pieces of the data set, and then no more."""
    big = store(path_of("examples_palette.dcm"))
    small = still(1)
    async with site(tmp_path / "data") as clinic:
        port = clinic.port
        cut = conversation(port, big, cut={"after": 3, "how": how})
        whole = conversation(port, store(small.save(tmp_path / "still.dcm")))
        found, after = await converse(cut, whole)
        assert found["answers"][0]["statuses"] == []
        assert after["answers"][0]["statuses"] == [0]

        async def tidy() -> bool:
            return not clinic.archive.shelves.parts()

        await until(tidy)
        assert list(await stored(clinic)) == [small.uid]
        assert len(clinic.archive.shelves.files()) == 1
