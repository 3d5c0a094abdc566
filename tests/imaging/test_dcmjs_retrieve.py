"""dcmjs-dimse asks for what is stored, and gets it: on its association, and by another peer's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import ask, at_hand, conversation, converse, digest, listening
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from services_site import UNIT, Site, site
from stills import ULTRASOUND, Still, clip, still

pytestmark = [pytest.mark.peer, at_hand]

PENDING, CANCEL = 0xFF00, 0xFE00
STUDY, SERIES = "2.25.1", "2.25.1.1"
UTF_8 = "ISO_IR 192"


def find(level: str, **elements: Any) -> dict[str, Any]:
    return {"kind": "find", "level": level, "elements": elements}


def get(*uids: str) -> dict[str, Any]:
    return {"kind": "get", "uids": uids}


def found_by(answer: dict[str, Any], *keywords: str) -> list[tuple[Any, ...]]:
    assert answer["statuses"] == [PENDING] * len(answer["data_sets"]) + [0]
    return sorted(tuple(one[keyword] for keyword in keywords) for one in answer["data_sets"])


def suboperations(answer: dict[str, Any]) -> tuple[int, int, int]:
    """Completed, failed, with a warning."""
    kinds = ("Completed", "Failed", "Warning")
    completed, failed, warned = (answer["command"][f"NumberOf{k}Suboperations"] for k in kinds)
    return completed, failed, warned


async def filled(clinic: Site) -> list[Still]:
    stills = [still(1), still(2), still(3)]
    for one in (*stills, still(1, study="2.25.2", name="Müller^Änne")):
        await clinic.keep(one.data_set, one.uid)
    return stills


async def test_find_at_every_level(tmp_path: Path) -> None:
    series = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": SERIES}
    async with site(tmp_path) as clinic:
        await filled(clinic)
        everything, by_name, none, of_study, of_series, one = await ask(
            clinic.port,
            find("Study"),
            find("Study", PatientName="müller*", SpecificCharacterSet=UTF_8, StudyDate="2026-"),
            find("Study", ModalitiesInStudy="CT"),
            find("Series", StudyInstanceUID=STUDY),
            find("Image", **series, Rows=None, Columns=None),  # from "" dcmjs would make 0
            find("Image", **series, InstanceNumber="2", SOPClassUID=""),
        )
    keys = ("StudyInstanceUID", "NumberOfStudyRelatedInstances", "AccessionNumber")
    assert found_by(everything, *keys) == [(STUDY, 3, "US1"), ("2.25.2", 1, "US1")]
    ((uid, name),) = found_by(by_name, "StudyInstanceUID", "PatientName")
    assert (uid, name) == ("2.25.2", [{"Alphabetic": "Müller^Änne"}])
    assert not found_by(none)
    keys = ("SeriesInstanceUID", "Modality", "SeriesNumber", "NumberOfSeriesRelatedInstances")
    assert found_by(of_study, *keys) == [(SERIES, "US", 1, 3)]
    keys = ("SOPInstanceUID", "InstanceNumber", "Rows", "Columns")
    assert found_by(of_series, *keys) == [(f"{SERIES}.{n}", n, 16, 16) for n in (1, 2, 3)]
    assert found_by(one, "SOPInstanceUID", "SOPClassUID") == [(f"{SERIES}.2", ULTRASOUND)]


async def test_get_as_stored_and_in_the_plainest_syntax(tmp_path: Path) -> None:
    """By itself dcmjs offers Implicit Little Endian first; beside it, a context as stored."""
    as_stored = {"contexts": [(ULTRASOUND, ExplicitVRLittleEndian)]}
    async with site(tmp_path) as clinic:
        stills = await filled(clinic)
        port = clinic.port
        stored, plain, few = await converse(
            conversation(port, get(STUDY), **as_stored),
            conversation(port, get(STUDY)),
            conversation(port, get(STUDY, SERIES, stills[1].uid), get("2.25.404"), **as_stored),
        )
    for found, syntax in ((stored, ExplicitVRLittleEndian), (plain, ImplicitVRLittleEndian)):
        assert found["answers"][0]["statuses"] == [PENDING, PENDING, 0]
        assert suboperations(found["answers"][0]) == (3, 0, 0)
        assert {one["syntax"] for one in found["stored"]} == {syntax}
    raw = {one.uid: digest(one.data_set) for one in stills}
    assert {one["uid"]: one["sha256"] for one in stored["stored"]} == raw
    turned = {one.uid: digest(one.implicit()) for one in stills}
    assert {one["uid"]: one["sha256"] for one in plain["stored"]} == turned
    assert [one["sha256"] for one in few["stored"]] == [raw[stills[1].uid]]
    assert [suboperations(answer) for answer in few["answers"]] == [(1, 0, 0), (0, 0, 0)]


async def test_get_is_cancelled_while_the_first_image_comes(tmp_path: Path) -> None:
    """The C-CANCEL is on the wire before the answer to the first C-STORE."""
    async with site(tmp_path) as clinic:
        stills = await filled(clinic)
        talk = conversation(clinic.port, get(STUDY), cancel_at_first=True)
        (found,) = await converse(talk)
    assert [one["uid"] for one in found["stored"]] == [stills[0].uid]
    (answer,) = found["answers"]
    assert answer["statuses"][-1] == CANCEL
    assert suboperations(answer) == (1, 0, 0)
    assert answer["command"]["NumberOfRemainingSuboperations"] == 2
    assert found["released"]


async def test_a_clip_comes_in_jpeg_or_decoded(tmp_path: Path) -> None:
    cine = clip()
    sop_class, syntax = cine.sop_class, cine.transfer_syntax
    async with site(tmp_path) as clinic:
        kind = {"sop_class": sop_class, "transfer_syntax": syntax}
        await clinic.keep(cine.data_set, cine.uid, **kind)
        jpeg, plain = await converse(
            conversation(clinic.port, get(cine.study), contexts=[(sop_class, syntax)]),
            conversation(clinic.port, get(cine.study)),
        )
    ((one,), (answer,)) = jpeg["stored"], jpeg["answers"]
    assert (one["syntax"], one["sha256"]) == (syntax, digest(cine.data_set))
    assert suboperations(answer) == (1, 0, 0)
    ((one,), (answer,)) = plain["stored"], plain["answers"]
    assert one["syntax"] in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    assert one["sha256"] != digest(cine.data_set)
    assert suboperations(answer) == (1, 0, 0)


async def test_a_clip_that_nothing_decodes_is_told_as_failed(tmp_path: Path) -> None:
    cine, h264 = clip(), "1.2.840.10008.1.2.4.102"
    async with site(tmp_path) as clinic:
        await clinic.keep(cine.data_set, cine.uid, sop_class=cine.sop_class, transfer_syntax=h264)
        (plain,) = await converse(conversation(clinic.port, get(cine.study)))
    (answer,) = plain["answers"]
    assert (answer["statuses"], suboperations(answer)) == ([0xA702], (0, 1, 0))
    (failed,) = answer["data_sets"]
    assert failed["FailedSOPInstanceUIDList"] == cine.uid
    assert not plain["stored"]


async def test_move_to_an_archive_and_to_nobody(tmp_path: Path) -> None:
    async with listening(syntaxes=[ExplicitVRLittleEndian]) as archive:
        address = f"ARCHIVE@127.0.0.1:{archive.port}"
        pacs = {"type": "dicom", "address": address, "devices": ["nobody"]}
        async with site(tmp_path, destinations={"pacs": pacs}) as clinic:
            stills = await filled(clinic)
            move = {"kind": "move", "destination": "ARCHIVE"}
            whole, one, nobody, nothing = await ask(
                clinic.port,
                {**move, "uids": [STUDY]},
                {**move, "uids": [STUDY, SERIES, stills[2].uid]},
                {**move, "uids": [STUDY], "destination": "NOBODY"},
                {**move, "uids": ["2.25.404"]},
            )
            came = [await archive.next("store") for _ in range(4)]
    assert whole["statuses"] == [PENDING, PENDING, 0]
    assert [suboperations(answer) for answer in (whole, one, nothing)] == [
        (3, 0, 0),
        (1, 0, 0),
        (0, 0, 0),
    ]
    assert nobody["statuses"] == [0xA801]
    sent = [*stills, stills[2]]
    assert [(one["uid"], one["sha256"]) for one in came] == [
        (one.uid, digest(one.data_set)) for one in sent
    ]
    assert {one["originator"] for one in came} == {UNIT}
