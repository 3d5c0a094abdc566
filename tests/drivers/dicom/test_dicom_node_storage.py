"""What becomes of instances: byte for byte, once, quarantined, or not for want of room."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from imaging_site import UNIT, Site, site
from peers import associated
from pynetdicom import AE, _config
from samples import ULTRASOUND, Sample, data_set, element, sample

from gateway.archive import Header, Instance
from gateway.notices import InstanceQuarantined
from gateway.protocols.dicom.sop_classes import COMPREHENSIVE_SR
from gateway.protocols.dicom.transfer_syntaxes import DEFLATED_LE
from gateway.store import SpacePolicy

SUCCESS, NO_ROOM, MISMATCH, UNREADABLE, DUPLICATE = 0x0000, 0xA700, 0xA900, 0xC000, 0x0111


async def kept(clinic: Site, uid: str) -> bytes:
    found = await clinic.imaging.archive.index.instance(uid)
    assert found is not None
    raw = clinic.imaging.archive.shelves.path(found.path).read_bytes()
    assert hashlib.sha256(raw[found.start :]).digest() == found.sha256
    assert found.size == len(raw) - found.start
    return raw[found.start :]


def send_by_pynetdicom(port: int, one: Sample) -> int:
    """The file's data set as it is, on a context of its own syntax."""
    ae = AE(UNIT)
    ae.add_requested_context(one.sop_class, one.transfer_syntax)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    status = association.send_c_store(str(one.path))
    association.release()
    return int(status.Status)


@pytest.mark.peer
@pytest.mark.parametrize("name", ULTRASOUND)
async def test_files_of_real_units_are_kept_byte_for_byte(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)  # the file as it is
    one = sample(name)
    async with site(tmp_path) as clinic:
        status = await asyncio.to_thread(send_by_pynetdicom, clinic.port, one)
        assert status == SUCCESS
        assert await kept(clinic, one.uid) == one.data_set
        (file,) = clinic.files()
        read, sent = pydicom.dcmread(file), pydicom.dcmread(one.path)
        assert file.read_bytes()[:132] == bytes(128) + b"DICM"
        assert read.file_meta.TransferSyntaxUID == one.transfer_syntax
        assert read.file_meta.SourceApplicationEntityTitle == UNIT
        (study,) = await clinic.imaging.archive.index.studies()
        (instance,) = await clinic.imaging.archive.index.instances(study.uid)
        check_against(sent, instance)
        assert study.uid == sent.StudyInstanceUID
        assert study.patient_name == str(sent.get("PatientName", "")).strip()
        assert study.accession == str(sent.get("AccessionNumber", "") or "")


def check_against(sent: pydicom.Dataset, instance: Instance) -> None:
    assert instance.patient_id == str(sent.get("PatientID", "") or "")
    assert instance.rows == str(sent.get("Rows", ""))
    assert instance.columns == str(sent.get("Columns", ""))
    assert instance.frames == str(sent.get("NumberOfFrames", ""))
    assert instance.number == str(sent.get("InstanceNumber", "") or "")


async def test_the_same_again_is_stored_once(tmp_path: Path) -> None:
    data = data_set("1.2.3")
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert [await peer.store("1.2.3", data) for _ in range(3)] == [SUCCESS] * 3
        assert len(clinic.files()) == 1
        (study,) = await clinic.imaging.archive.index.studies()
        assert study.instances == 1


async def test_a_repetition_mends_a_file_that_is_gone(tmp_path: Path) -> None:
    data = data_set("1.2.3")
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data) == SUCCESS
            (file,) = clinic.files()
            file.unlink()
            assert await peer.store("1.2.3", data) == SUCCESS
        assert await kept(clinic, "1.2.3") == data


@pytest.mark.parametrize(("policy", "status"), [("refuse", DUPLICATE), ("accept", SUCCESS)])
async def test_other_bytes_under_a_known_uid_are_kept_apart(
    tmp_path: Path, policy: str, status: int
) -> None:
    first, second = data_set("1.2.3"), data_set("1.2.3", pixels=b"\x01" * 64)
    async with site(tmp_path, duplicate_conflict=policy) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", first) == SUCCESS
            assert await peer.store("1.2.3", second) == status
            assert await peer.store("1.2.3", second) == status
        assert await kept(clinic, "1.2.3") == first
        (held,) = await clinic.imaging.archive.index.quarantined()
        raw = clinic.imaging.archive.shelves.path(held.path).read_bytes()
        assert raw[held.start :] == second
        assert (held.reason, held.device) == ("conflict", "us-room-2")
        assert len(clinic.files()) == 2
        alarms = [p.notice for p in clinic.notices.recent]
        assert alarms.count(InstanceQuarantined("us-room-2", "conflict")) == 2


LEVEL = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
DEEP = LEVEL * 400
UNREADABLE_DATA = {
    "noise": bytes(range(256)) * 20,
    "empty": b"",
    "no study": data_set("1.2.3").replace(b"\x20\x00\x0d\x00", b"\x20\x00\x0f\x00"),
    "a study that is no UID": data_set("1.2.3", study="../../etc"),
    "cut off within the head": data_set("1.2.3")[:60],
    "nested without end": DEEP,
}


@pytest.mark.parametrize("data", UNREADABLE_DATA.values(), ids=UNREADABLE_DATA.keys())
async def test_what_cannot_be_read_is_refused_and_kept(tmp_path: Path, data: bytes) -> None:
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data) == UNREADABLE
            assert await peer.store("1.2.4", data_set("1.2.4")) == SUCCESS
        (held,) = await clinic.imaging.archive.index.quarantined()
        assert held.reason == "unreadable"
        assert clinic.imaging.archive.shelves.path(held.path).read_bytes()[held.start :] == data


async def test_another_instance_than_announced(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data_set("1.2.4")) == MISMATCH
            data = data_set("1.2.3", sop_class=COMPREHENSIVE_SR)
            assert await peer.store("1.2.3", data) == MISMATCH
        assert [h.reason for h in await clinic.imaging.archive.index.quarantined()] == [
            "mismatch",
            "mismatch",
        ]
        assert not await clinic.imaging.archive.index.studies()


HOSTILE = ("../../../../etc/passwd", "1.2/../3", "1.2\\3", "a" * 64, "1" * 65, "1..2", "%2e%2e")


@pytest.mark.parametrize("uid", HOSTILE)
async def test_hostile_uids_touch_no_path(tmp_path: Path, uid: str) -> None:
    async with site(tmp_path) as clinic, associated(clinic.port) as peer:
        before = sorted(p for p in tmp_path.parent.rglob("*"))
        assert await peer.store(uid, data_set(uid)) != SUCCESS
        assert sorted(p for p in tmp_path.parent.rglob("*") if p.name != "gateway.db-wal") == [
            p for p in before if p.name != "gateway.db-wal"
        ]


async def test_another_patient_in_the_same_study_is_marked(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            await peer.store("1.2.3", data_set("1.2.3"))
            await peer.store("1.2.4", data_set("1.2.4", patient="TEST-2"))
        (study,) = await clinic.imaging.archive.index.studies()
        assert study.mixed
        assert study.instances == 2


async def test_a_deflated_bomb_is_read_no_further_than_its_head(tmp_path: Path) -> None:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    head = data_set("1.2.3", sop_class=COMPREHENSIVE_SR)
    bomb = engine.compress(head) + engine.compress(bytes(1 << 27)) + engine.flush()
    async with site(tmp_path) as clinic:
        async with associated(clinic.port, COMPREHENSIVE_SR, DEFLATED_LE) as peer:
            assert await peer.store("1.2.3", bomb, COMPREHENSIVE_SR) == SUCCESS
        assert await kept(clinic, "1.2.3") == bomb


async def test_two_senders_of_one_instance(tmp_path: Path) -> None:
    rounds = int(os.environ.get("GATEWAY_ROUNDS", "20"))
    async with (
        site(tmp_path) as clinic,
        associated(clinic.port) as left,
        associated(clinic.port) as right,
    ):
        for number in range(rounds):
            uid = f"1.2.{number}"
            same = number % 2 == 0
            data = data_set(uid, pixels=bytes([1]) * 40_000)
            other = data if same else data_set(uid, pixels=bytes([2]) * 40_000)
            answers = await asyncio.gather(left.store(uid, data), right.store(uid, other))
            assert sorted(answers) == ([SUCCESS, SUCCESS] if same else [SUCCESS, DUPLICATE])
            assert await kept(clinic, uid) in (data, other)
        assert len(clinic.files()) == rounds + rounds // 2
        assert not clinic.imaging.archive.shelves.parts()


async def test_text_by_its_character_set(tmp_path: Path) -> None:
    character_set = element(0x0008, 0x0005, b"CS", b"ISO_IR 192")
    data = character_set + data_set("1.2.3").replace(
        element(0x0010, 0x0010, b"PN", b"DOE^JANE"),
        element(0x0010, 0x0010, b"PN", "TEST^JÜRGEN".encode()),
    )
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data) == SUCCESS
        (study,) = await clinic.imaging.archive.index.studies()
        assert study.patient_name == "TEST^JÜRGEN"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("reserve", [0, 1024 * 1024], ids=["the disk says", "the reserve says"])
async def test_no_room(tmp_path: Path, small_disk: Path, reserve: int) -> None:
    space = SpacePolicy(share=1.0, most=reserve, ballast=0)
    small = data_set("1.2.1")
    async with site(tmp_path / "data", archive_dir=small_disk / "archive", space=space) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.1", small) == SUCCESS
            assert await peer.store("1.2.2", data_set("1.2.2", pixels=bytes(20_000_000))) == NO_ROOM
            assert not clinic.imaging.archive.shelves.parts()
            assert await peer.store("1.2.3", data_set("1.2.3")) == SUCCESS
            filler = small_disk / "filler"
            with pytest.raises(OSError, match="No space"):
                filler.write_bytes(bytes(9_000_000))
            assert await peer.store("1.2.4", data_set("1.2.4")) == NO_ROOM
            filler.unlink()
            assert await peer.store("1.2.4", data_set("1.2.4")) == SUCCESS
            await peer.release()
        assert len(clinic.files()) == 3


async def test_no_room_for_the_index_takes_the_file_back(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        async with associated(clinic.port) as peer:
            assert await peer.store("1.2.3", data_set("1.2.3")) == SUCCESS
            await clinic.store.aclose()
            assert await peer.store("1.2.4", data_set("1.2.4")) == NO_ROOM
        assert len(clinic.files()) == 1


async def test_a_file_whose_head_the_disk_does_not_give_back_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Header:
        raise OSError(5, "I/O error")

    async with site(tmp_path) as clinic, associated(clinic.port) as peer:
        with monkeypatch.context() as patch:
            patch.setattr("gateway.archive.reception.scan", broken)
            assert await peer.store("1.2.3", data_set("1.2.3")) == NO_ROOM
        assert not clinic.files()
        assert not clinic.imaging.archive.shelves.parts()
        assert await peer.store("1.2.3", data_set("1.2.3")) == SUCCESS
        assert len(clinic.files()) == 1
