"""Query/Retrieve with DCMTK's findscu, getscu and movescu."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)
from services_site import ENVIRONMENT, UNIT, Site, site, tool, until
from stills import still

pytestmark = pytest.mark.peer


async def asked(port: int, folder: Path, level: str, *keys: str) -> list[Dataset]:
    folder.mkdir()
    parts = [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]
    code, said = await tool(
        "findscu", "-S", "-X", "-aet", UNIT, *parts, "127.0.0.1", port, folder=folder
    )
    assert code == 0, said
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


async def filled(clinic: Site) -> None:
    for number in (1, 2, 3):
        one = still(number)
        await clinic.keep(one.data_set, one.uid)
    other = still(1, study="2.25.2", name="TEST^Müller")
    await clinic.keep(other.data_set, other.uid)


async def test_find_at_every_level(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        await filled(clinic)
        port = clinic.port
        keys = ("PatientName", "StudyInstanceUID", "NumberOfStudyRelatedInstances")
        found = await asked(port, tmp_path / "a", "STUDY", *keys, "ModalitiesInStudy=US")
        assert {str(f.StudyInstanceUID): f.NumberOfStudyRelatedInstances for f in found} == {
            "2.25.1": 3,
            "2.25.2": 1,
        }
        assert {f.RetrieveAETitle for f in found} == {"GATEWAY"}
        found = await asked(port, tmp_path / "b", "STUDY", "PatientName=test^m*", "StudyDate=2026-")
        assert [str(f.PatientName) for f in found] == ["TEST^Müller"]
        assert not await asked(port, tmp_path / "c", "STUDY", "ModalitiesInStudy=CT")
        (here,) = await asked(
            port, tmp_path / "f", "STUDY", "StudyInstanceUID=2.25.2", "InstanceAvailability"
        )
        assert here.InstanceAvailability == "ONLINE"
        (series,) = await asked(
            port,
            tmp_path / "d",
            "SERIES",
            "StudyInstanceUID=2.25.1",
            "Modality",
            "SeriesNumber",
            "InstanceAvailability",
        )
        assert series.InstanceAvailability == "ONLINE"
        assert (series.Modality, series.SeriesNumber) == ("US", 1)
        uids = ("StudyInstanceUID=2.25.1", "SeriesInstanceUID=2.25.1.1")
        images = await asked(
            port, tmp_path / "e", "IMAGE", *uids, "SOPInstanceUID", "InstanceNumber=2", "Rows"
        )
        assert [(f.SOPInstanceUID, f.Rows) for f in images] == [("2.25.1.1.2", 16)]


async def test_get_gives_back_the_bytes(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    async with site(tmp_path / "data") as clinic:
        await filled(clinic)
        code, said = await tool(
            "getscu", "-v", "-S", "+B", "-aet", UNIT, "-od", out,
            "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=2.25.1",
            "127.0.0.1", clinic.port,
        )  # fmt: skip
    assert code == 0, said
    kept = {path.read_bytes()[-len(still(1).data_set) :] for path in out.iterdir()}
    assert kept == {still(number).data_set for number in (1, 2, 3)}


def deflated(data_set: bytes) -> bytes:
    """Of odd length, as DCMTK writes it, without the byte PS3.5 A.5 adds."""
    for level in range(10):
        engine = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        made = engine.compress(data_set) + engine.flush()
        if len(made) % 2:
            return made
    raise AssertionError("every level makes it even")


async def test_a_deflated_data_set_of_odd_length_is_sent_in_even_fragments(tmp_path: Path) -> None:
    """DCMTK ends an association over an odd one."""
    out, one = tmp_path / "out", still(1)
    out.mkdir()
    async with site(tmp_path / "data") as clinic:
        await clinic.keep(
            deflated(one.data_set), one.uid, transfer_syntax=str(DeflatedExplicitVRLittleEndian)
        )
        code, said = await tool(
            "getscu", "-v", "-S", "+xd", "+B", "-aet", UNIT, "-od", out,
            "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=2.25.1",
            "127.0.0.1", clinic.port,
        )  # fmt: skip
    assert code == 0, said
    (received,) = (dcmread(path) for path in out.iterdir())
    assert received.PixelData == one.content.PixelData


@asynccontextmanager
async def receiver(port: int, out: Path, *options: str) -> AsyncIterator[None]:
    """DCMTK's storescp, ended with the block."""
    out.mkdir()
    process = await asyncio.create_subprocess_exec(
        "storescp", "+B", *options, "-od", str(out), "-aet", "ARCHIVE", str(port), env=ENVIRONMENT
    )

    async def listens() -> bool:
        code, _ = await tool("echoscu", "127.0.0.1", port)
        return code == 0

    try:
        await until(listens)
        yield
    finally:
        process.terminate()
        await process.wait()


def archive(port: int) -> dict[str, object]:
    pacs = {"type": "dicom", "address": f"ARCHIVE@127.0.0.1:{port}", "devices": ["nobody"]}
    return {"destinations": {"pacs": pacs}}


async def moved(clinic: Site, destination: str, study: str) -> tuple[int, str]:
    return await tool(
        "movescu", "-d", "-S", "-aet", UNIT, "-aem", destination,
        "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}",
        "127.0.0.1", clinic.port,
    )  # fmt: skip


async def test_move_to_a_configured_peer_and_to_nobody(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, out = free_port(), tmp_path / "out"
    async with site(tmp_path / "data", **archive(port)) as clinic, receiver(port, out):
        await filled(clinic)
        code, said = await moved(clinic, "ARCHIVE", "2.25.1")
        assert code == 0, said
        assert len(list(out.iterdir())) == 3
        code, said = await moved(clinic, "NOBODY", "2.25.1")
        assert "0xa801" in said, said
        code, said = await moved(clinic, "ARCHIVE", "2.25.404")
        assert code == 0, said


async def test_a_peer_that_is_not_there_fails_every_suboperation(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with site(tmp_path / "data", **archive(free_port())) as clinic:
        await filled(clinic)
        _, said = await moved(clinic, "ARCHIVE", "2.25.1")
    assert "0xa702" in said, said


async def test_big_endian_for_a_peer_that_takes_little_endian(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """storescp +xi takes Implicit Little Endian only; words are turned."""
    port, out = free_port(), tmp_path / "out"
    one = still(1)
    one.content.BitsAllocated = 16
    one.content.Columns = 8
    one.content["PixelData"].VR = "OW"
    words = one.content.PixelData
    one.content.PixelData = bytes(b for n in range(0, 256, 2) for b in (words[n + 1], words[n]))
    path = tmp_path / "big.dcm"
    one.content.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    one.content.save_as(path, implicit_vr=False, little_endian=False)
    raw = path.read_bytes()
    data_set = raw[raw.index(b"\x00\x08\x00\x05CS") :]
    async with site(tmp_path / "data", **archive(port)) as clinic, receiver(port, out, "+xi"):
        await clinic.keep(data_set, one.uid, transfer_syntax=str(ExplicitVRBigEndian))
        code, said = await moved(clinic, "ARCHIVE", "2.25.1")
        assert code == 0, said
    (found,) = (dcmread(received) for received in out.iterdir())
    assert found.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert found.PixelData == words
    assert found.PatientName == "DOE^JANE"


async def test_a_jpeg_clip_is_decoded_for_whom_takes_no_jpeg(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """storescp takes no JPEG by default; with +xa it does."""
    source = get_testdata_file("examples_ybr_color.dcm")
    assert isinstance(source, str)
    raw, cine = Path(source).read_bytes(), dcmread(source, stop_before_pixels=True)
    start = 144 + cine.file_meta.FileMetaInformationGroupLength
    port = free_port()
    async with site(tmp_path / "data", **archive(port)) as clinic:
        await clinic.keep(
            raw[start:],
            cine.SOPInstanceUID,
            sop_class=cine.SOPClassUID,
            transfer_syntax=str(JPEGBaseline8Bit),
        )
        async with receiver(port, tmp_path / "plain"):
            code, said = await moved(clinic, "ARCHIVE", cine.StudyInstanceUID)
            assert code == 0, said
        (received,) = (dcmread(path) for path in (tmp_path / "plain").iterdir())
        assert received.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert received.SOPInstanceUID == cine.SOPInstanceUID
        assert len(received.PixelData) == 30 * 240 * 320 * 3
        async with receiver(port, tmp_path / "jpeg", "+xa"):
            code, said = await moved(clinic, "ARCHIVE", cine.StudyInstanceUID)
            assert code == 0, said
        (received,) = (tmp_path / "jpeg").iterdir()
        assert received.read_bytes().endswith(raw[start:])
