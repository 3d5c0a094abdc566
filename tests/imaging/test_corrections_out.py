"""A corrected identity on everything that leaves, and not one other byte changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from orthanc_peer import orthanc
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from services_site import UNIT, Site, now, site, tool, until
from stills import ULTRASOUND, still

from gateway.archive.file_meta import file_meta
from gateway.imaging.correction import NAMES, SYSTEM
from gateway.imaging.forwarding import ForwardState
from gateway.imaging.outgoing import Content, Stored, corrected
from gateway.rendering.process import Renderer, Unrenderable
from gateway.store.moments import to_micros

FILES = (
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_jpeg2k.dcm",
    "examples_ybr_color.dcm",
    "ExplVR_BigEnd.dcm",
    "MR_small_implicit.dcm",
    "SC_rgb_rle_2frame.dcm",
    "test-SR.dcm",
    "image_dfl.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
)
STUDY, EXPLICIT = "2.25.1", "1.2.840.10008.1.2.1"
VALUES = ("MRN7", "CLINIC", "Doe^Jane", "19700101", "F")


def instruction(values: tuple[str, ...] = VALUES) -> dict[str, Any]:
    moment = "20260105101112.000000+0000"
    return {"names": NAMES, "values": values, "at": moment, "system": SYSTEM}


def archived(folder: Path, name: str, raw: bytes | None = None) -> tuple[Stored, bytes]:
    """The file as the archive would keep it, and its data set."""
    source = get_testdata_file(name)
    assert isinstance(source, str)
    whole = Path(source).read_bytes()
    head = dcmread(source, stop_before_pixels=True)
    start = 144 + int.from_bytes(whole[140:144], "little")
    data_set = whole[start:] if raw is None else raw
    syntax = str(head.file_meta.TransferSyntaxUID)
    meta = file_meta(str(head.SOPClassUID), str(head.SOPInstanceUID), syntax, "UNIT")
    path = folder / name
    path.write_bytes(meta + data_set)
    return Stored(path, len(meta), syntax), data_set


def read(content: Content) -> bytes:
    with content.open() as file:
        return file.read()


def elements(found: Dataset) -> Iterator[tuple[int, Any]]:
    for element in found:
        if element.keyword not in (*NAMES, "OriginalAttributesSequence"):
            yield int(element.tag), element.value


@pytest.mark.parametrize("name", FILES)
async def test_nothing_else_changes(tmp_path: Path, name: str) -> None:
    stored, data_set = archived(tmp_path, name)
    content = await corrected(Renderer(), stored, instruction(), 1)
    whole = read(content)
    assert len(whole) == content.start + content.size
    before, after = dcmread(stored.path), dcmread(BytesIO(whole))
    assert [str(after[name].value) for name in NAMES] == list(VALUES)
    [entry] = after.OriginalAttributesSequence
    assert entry.ModifyingSystem == "GATEWAY"
    assert entry.ReasonForTheAttributeModification == "CORRECT"
    [original] = entry.ModifiedAttributesSequence
    assert original.get("PatientID", "") == before.get("PatientID", "")
    assert original.PatientName == before.get("PatientName", "")
    kept = [(tag, value) for tag, value in elements(before) if tag & 0xFFFF]
    assert kept == list(elements(after))
    assert stored.path.read_bytes()[stored.start :] == data_set
    if "PixelData" in before and name != "image_dfl.dcm":
        big = before.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
        pixels = data_set.index(b"\x7f\xe0\x00\x10" if big else b"\xe0\x7f\x10\x00")
        assert whole.endswith(data_set[pixels:])


@pytest.mark.parametrize(
    ("charset", "description", "name", "expected"),
    [
        ("ISO_IR 100", "Schilddrüse", "Müller^Jörg", "ISO_IR 100"),
        ("ISO_IR 100", "Schilddrüse", "Дмитрий", "ISO_IR 192"),
        (None, "plain", "Müller^Jörg", "ISO_IR 192"),
        ("ISO_IR 192", "Schilddrüse", "Дмитрий", "ISO_IR 192"),
        ("ISO_IR 144", "Железа", "Müller^Jörg", "ISO_IR 192"),
    ],
)
async def test_no_text_is_read_by_the_wrong_alphabet(
    tmp_path: Path, charset: str | None, description: str, name: str, expected: str
) -> None:
    found = Dataset()
    if charset:
        found.SpecificCharacterSet = charset
    found.SOPInstanceUID, found.PatientName, found.PatientID = "1.2.3", "Old^One", "1"
    found.StudyDescription = description
    item = Dataset()
    item.CodeMeaning = description
    found.ProcedureCodeSequence = [item]
    out = BytesIO()
    found.save_as(out, implicit_vr=False, little_endian=True)
    stored, _ = archived(tmp_path, "examples_palette.dcm", out.getvalue())
    values = ("7", "", name, "", "")
    after = dcmread(BytesIO(read(await corrected(Renderer(), stored, instruction(values), 1))))
    assert after.SpecificCharacterSet == expected
    assert (str(after.PatientName), after.StudyDescription) == (name, description)
    assert after.ProcedureCodeSequence[0].CodeMeaning == description
    [entry] = after.OriginalAttributesSequence
    assert entry.ModifiedAttributesSequence[0].PatientName == "Old^One"


async def test_what_cannot_be_corrected_does_not_leave(tmp_path: Path) -> None:
    stored, _ = archived(tmp_path, "examples_palette.dcm")
    cut = Stored(tmp_path / "cut.dcm", stored.start, stored.transfer_syntax)
    cut.path.write_bytes(stored.path.read_bytes()[:400])
    with pytest.raises(Unrenderable):
        await corrected(Renderer(), cut, instruction(), 1)
    with pytest.raises(FileNotFoundError):
        await corrected(Renderer(), Stored(tmp_path / "no", 1, "1.2"), instruction(), 1)


async def correct(clinic: Site, study: str, patient: str, name: str) -> None:
    row = (study, patient, "", name, "19700101", "F", to_micros(now()), "ada", "typo")
    await clinic.store.engine.write(
        lambda c: (
            c.execute(
                "INSERT INTO study_corrections (study_uid, patient_id, issuer, patient_name, "
                "birth_date, sex, at, actor, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            ).get
        )
    )


@pytest.mark.peer
async def test_the_pacs_gets_it_and_gets_it_anew_by_a_person_s_word(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ours, theirs, http = free_port(), free_port(), free_port()
    one, two = still(1), still(2)
    pacs = {"type": "dicom", "address": f"ORTHANC@127.0.0.1:{theirs}", "commitment": True}
    async with (
        site(tmp_path / "data", listen=ours, destinations={"pacs": pacs}) as clinic,
        orthanc(tmp_path / "orthanc", theirs, http, ("GATEWAY", ours)) as peer,
    ):
        forwardings = clinic.services.forwardings

        async def right() -> list[Any]:
            """Instances it has under the right name.  (For Orthanc an instance of another patient
            is another one: it keeps both, and commits to neither.)"""
            every = await peer.get("/instances")
            tags = [await peer.get(f"/instances/{i}/tags?simplify") for i in every]
            name = "Müller^Jörg"
            return [t for t in tags if (t["PatientID"], t["PatientName"]) == ("MRN7", name)]

        async def settled(count: int) -> None:
            async def done() -> bool:
                [found] = await forwardings.of_study(STUDY) or [None]
                return found is not None and found.committed == count

            await until(done)

        first = await clinic.keep(one.data_set, one.uid)
        await settled(1)
        await correct(clinic, STUDY, "MRN7", "Müller^Jörg")
        await clinic.keep(two.data_set, two.uid)
        await settled(2)
        [state] = await forwardings.of_study(STUDY)
        assert (state.instances, state.outdated) == (2, 1)
        assert len(await right()) == 1
        for patient in await peer.get("/patients"):
            if (await peer.get(f"/patients/{patient}"))["MainDicomTags"]["PatientID"] != "MRN7":
                await peer.delete(f"/patients/{patient}")
        queued = await clinic.store.engine.write(
            lambda c: forwardings.queue_study(c, "pacs", STUDY)
        )
        clinic.store.outbox.announce(frozenset({"pacs"}))
        assert queued == 2

        async def renewed() -> bool:
            return {tag["SOPInstanceUID"] for tag in await right()} == {one.uid, two.uid}

        await until(renewed)
        await settled(2)
        [state] = await forwardings.of_study(STUDY)
        assert state.outdated == 0
        [again] = await forwardings.of(one.uid)
        assert again.state is ForwardState.COMMITTED
        for tag in await right():
            [original] = tag["OriginalAttributesSequence"][0]["ModifiedAttributesSequence"]
            assert original["PatientID"] == "TEST-1"
        assert first.read_bytes().endswith(one.data_set)


def got(port: int, syntaxes: list[str]) -> list[Dataset]:
    """By C-GET, with pynetdicom."""
    found: list[Dataset] = []

    def store(event: Any) -> int:
        found.append(event.dataset)
        return 0

    ae = AE(ae_title=UNIT)
    ae.add_requested_context("1.2.840.10008.5.1.4.1.2.2.3")
    ae.add_requested_context(ULTRASOUND, syntaxes)
    role = build_role(ULTRASOUND, scp_role=True)
    handlers = [(evt.EVT_C_STORE, store)]
    association = ae.associate("127.0.0.1", port, ext_neg=[role], evt_handlers=handlers)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = STUDY
    answers = list(association.send_c_get(identifier, "1.2.840.10008.5.1.4.1.2.2.3"))
    association.release()
    assert answers[-1][0].Status == 0, answers[-1]
    return found


async def test_it_is_found_and_given_back_under_its_right_name(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        for number in (1, 2):
            await clinic.keep(still(number).data_set, still(number).uid)
        wrong = (await clinic.archive.index.studies())[0].patient_id
        await correct(clinic, STUDY, "MRN7", "Right^Name")
        stored = await asyncio.to_thread(got, clinic.port, [EXPLICIT])
        plain = await asyncio.to_thread(got, clinic.port, [ImplicitVRLittleEndian])
        assert [d.PatientID for d in (*stored, *plain)] == ["MRN7"] * 4
        sent = [still(number).content.PixelData for number in (1, 2)]
        assert [d.PixelData for d in (*stored, *plain)] == [*sent, *sent]
        for patient, count in ((wrong, 0), ("MRN7", 1)):
            folder = tmp_path / patient
            folder.mkdir()
            code, said = await tool(
                *("findscu", "-S", "-X", "-aet", UNIT, "-k", "QueryRetrieveLevel=STUDY"),
                *("-k", f"PatientID={patient}", "-k", "PatientName", "127.0.0.1", clinic.port),
                folder=folder,
            )
            assert code == 0, said
            answers = [dcmread(path, force=True) for path in folder.glob("rsp*.dcm")]
            assert [str(answer.PatientName) for answer in answers] == ["Right^Name"] * count
