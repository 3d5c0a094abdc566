"""A study as a ZIP: what independent readers find in it, and what must not come out."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from services_site import Site, now, site, tool
from stills import still
from test_corrections_out import STUDY, correct

from gateway.archive.file_meta import file_meta
from gateway.desk.images import _file
from gateway.imaging.correction import correction_of
from gateway.imaging.export import ExportFailed, Item, Packing, packing_of, zipped
from gateway.imaging.outgoing import Stored

REAL = ("examples_ybr_color.dcm", "test-SR.dcm", "examples_palette.dcm")


async def keep_real(clinic: Site, name: str) -> str:
    """One of pydicom's files as part of our study."""
    path = get_testdata_file(name)
    assert isinstance(path, str)
    found = dcmread(path)
    found.StudyInstanceUID = STUDY
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = False, True
    write_dataset(out, Dataset(found))
    syntax = str(found.file_meta.TransferSyntaxUID)
    uid, sop_class = str(found.SOPInstanceUID), str(found.SOPClassUID)
    await clinic.keep(out.getvalue(), uid, sop_class=sop_class, transfer_syntax=syntax)
    return uid


async def packed(clinic: Site) -> Packing:
    instances = await clinic.archive.index.instances(STUDY)
    found = await clinic.store.engine.read(lambda c: correction_of(c, STUDY))
    correction = None if found is None else {**found.instruction(), "number": found.id}
    answer = {"files": [_file(one) for one in instances], "correction": correction}
    return packing_of(answer, clinic.archive.shelves.directory)


async def write(packing: Packing, path: Path) -> Path:
    with path.open("wb") as file:
        async for piece in zipped(packing):
            file.write(piece)
    return path


def records(folder: Path) -> list[Dataset]:
    return list(dcmread(folder / "DICOMDIR").DirectoryRecordSequence)


def leaves(folder: Path) -> list[tuple[Dataset, Path]]:
    """The records of instances, and the files they name."""
    found = [one for one in records(folder) if "ReferencedFileID" in one]
    return [(one, folder.joinpath(*one.ReferencedFileID)) for one in found]


async def unpacked(clinic: Site, folder: Path) -> Path:
    path = await write(await packed(clinic), folder / "study.zip")
    with zipfile.ZipFile(path) as found:
        assert found.testzip() is None
        found.extractall(folder / "out")
    return folder / "out"


@pytest.mark.peer
async def test_independent_readers_find_every_image(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        uids = [await keep_real(clinic, name) for name in REAL]
        for number in range(1, 4):
            await clinic.keep(still(number).data_set, still(number).uid)
            uids.append(still(number).uid)
        out = await unpacked(clinic, tmp_path)
        stored = {
            one.uid: clinic.archive.shelves.path(one.path).read_bytes()
            for one in await clinic.archive.index.instances(STUDY)
        }
    files = {str(one.ReferencedSOPInstanceUIDInFile): path for one, path in leaves(out)}
    assert set(files) == set(uids) == set(stored)
    assert {uid: path.read_bytes() for uid, path in files.items()} == stored
    code, text = await tool("dcmdump", out / "DICOMDIR")
    assert code == 0
    kinds = re.findall(r"\[([A-Z ]+?) ?\] +# .* DirectoryRecordType", text)
    assert (kinds.count("IMAGE"), kinds.count("SR DOCUMENT")) == (5, 1)
    for uid in uids:
        assert f"[{uid}]" in text
    checked = subprocess.run(
        ["dciodvfy", out / "DICOMDIR"], capture_output=True, text=True, check=False
    )
    assert "Error" not in checked.stderr, checked.stderr


async def test_the_right_name_in_files_and_directory(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        await clinic.keep(still(1).data_set, still(1).uid)
        await correct(clinic, STUDY, "MRN7", "Дмитрий^Жуков")
        out = await unpacked(clinic, tmp_path)
    patient = records(out)[0]
    assert (patient.PatientID, str(patient.PatientName)) == ("MRN7", "Дмитрий^Жуков")
    [(_, path)] = leaves(out)
    found = dcmread(path)
    assert (found.PatientID, str(found.PatientName)) == ("MRN7", "Дмитрий^Жуков")
    assert found.PixelData == still(1).content.PixelData
    assert found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientID == "TEST-1"
    assert b"TEST-1" not in (out / "DICOMDIR").read_bytes()


@pytest.mark.parametrize("corrected", [False, True])
async def test_a_damaged_file_is_not_handed_out(tmp_path: Path, corrected: bool) -> None:
    async with site(tmp_path / "data") as clinic:
        path = await clinic.keep(still(1).data_set, still(1).uid)
        whole = bytearray(path.read_bytes())
        whole[-1] ^= 1
        path.write_bytes(whole)
        if corrected:
            await correct(clinic, STUDY, "MRN7", "Right^Name")
        with pytest.raises(ExportFailed, match="not what was received"):
            await write(await packed(clinic), tmp_path / "study.zip")
        path.unlink()
        with pytest.raises(Exception, match="cannot be"):
            await write(await packed(clinic), tmp_path / "study.zip")


async def test_what_a_device_left_out_does_not_stop_it(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        found = still(1).content
        for name in ("PatientID", "StudyID", "StudyTime", "SeriesNumber", "InstanceNumber"):
            delattr(found, name)
        out = DicomBytesIO()
        out.is_implicit_VR, out.is_little_endian = False, True
        write_dataset(out, Dataset(found))
        date = b"\x08\x00\x20\x00DA"
        old = out.getvalue().replace(date + b"\x08\x0020260105", date + b"\x0a\x001994.11.05")
        await clinic.keep(old, still(1).uid)
        folder = await unpacked(clinic, tmp_path)
    patient, study, *_ = records(folder)
    assert (patient.PatientID, study.StudyDate) == ("-", "19941105")
    [(_, path)] = leaves(folder)
    assert "PatientID" not in dcmread(path)


async def test_memory_does_not_grow_with_the_study(tmp_path: Path) -> None:
    content = still(1).data_set
    pixels = content[:-256] + b""
    length = 96 * 1024 * 1024
    head = pixels[:-4] + length.to_bytes(4, "little")
    meta = file_meta("1.2.840.10008.5.1.4.1.1.6.1", still(1).uid, "1.2.840.10008.1.2.1", "U")
    path = tmp_path / "large.dcm"
    digest = hashlib.sha256(head)
    with path.open("wb") as file:
        file.write(meta + head)
        for _ in range(length // 2**20):
            file.write(bytes(2**20))
            digest.update(bytes(2**20))
    stored = Stored(path, len(meta), "1.2.840.10008.1.2.1")
    item = Item(stored, len(head) + length, digest.digest())
    day = f"{now():%Y%m%d}"
    instruction: dict[str, Any] = {
        "names": ("PatientID",),
        "values": ("MRN7",),
        "at": f"{day}000000.000000+0000",
        "system": "GATEWAY",
    }
    for chosen in (None, instruction):
        total = 0
        tracemalloc.start()
        try:
            async for piece in zipped(Packing((item,), chosen, 1, day)):
                total += len(piece)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert total > length
        assert peak < 8 * 1024 * 1024
