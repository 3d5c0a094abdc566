"""dcmjs-dimse as a unit that asks for its worklist.

What dcmjs-dimse makes of a worklist query is its own: 40 keys, a Query/Retrieve Level that the
model lacks, UTF-8 whatever the answers come in, a C-CANCEL that names its class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import ask, at_hand
from services_site import UNIT, site
from test_worklist_service import listed, row

pytestmark = [pytest.mark.peer, at_hand]

PENDING, SUCCESS, CANCEL = 0xFF00, 0, 0xFE00
UTF_8 = "ISO_IR 192"


def query(**elements: Any) -> dict[str, Any]:
    return {"kind": "find", "level": "Worklist", "elements": elements}


def step(**elements: Any) -> dict[str, Any]:
    asked = {"ScheduledProcedureStepID": "", **elements}
    return query(ScheduledProcedureStepSequence=[asked])


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of an answer that ended well."""
    found: list[dict[str, Any]] = answer["data_sets"]
    assert answer["statuses"] == [PENDING] * len(found) + [SUCCESS]
    return found


def steps(answer: dict[str, Any]) -> list[str]:
    return [
        r["ScheduledProcedureStepSequence"][0]["ScheduledProcedureStepID"] for r in rows(answer)
    ]


def names(answer: dict[str, Any]) -> list[str]:
    return [found["PatientName"][0]["Alphabetic"] for found in rows(answer)]


async def test_a_row_says_what_the_order_said(tmp_path: Path) -> None:
    path = listed(tmp_path, row(1, "Müller^Änne"))
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        (answer,) = await ask(clinic.port, query())
    (found,) = rows(answer)
    (scheduled,) = found.pop("ScheduledProcedureStepSequence")
    assert {key: value for key, value in found.items() if value} == {
        "SpecificCharacterSet": UTF_8,  # dcmjs has decoded the text
        "AccessionNumber": "US00000001",
        "PatientName": [{"Alphabetic": "Müller^Änne"}],
        "PatientID": "MRN0001",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyInstanceUID": "2.25.1",
        "RequestedProcedureID": "RP1",
    }
    assert {key: value for key, value in scheduled.items() if value} == {
        "Modality": "US",
        "ScheduledStationAETitle": UNIT,
        "ScheduledProcedureStepStartDate": "20260105",
        "ScheduledProcedureStepStartTime": "093000",
        "ScheduledProcedureStepDescription": "Schilddrüse",
        "ScheduledProcedureStepID": "S1",
    }


@pytest.mark.parametrize(("character_set", "codec"), [("ISO_IR 100", "latin-1"), (UTF_8, "utf-8")])
async def test_names_by_wild_card_and_umlaut(
    tmp_path: Path, character_set: str, codec: str
) -> None:
    """Asked in UTF-8, answered in the device's set, read by somebody else's decoder."""
    path = listed(
        tmp_path,
        row(1, "Müller^Änne"),
        row(2, "Moeller^X"),
        row(3, "Weiß^Jörg"),
        row(4, "DOE^JANE"),
    )
    asked = ("müller*", "m?ller*", "MUELLER^AENNE", "weiß*", "*^j*", "niemand*")
    keys = [query(SpecificCharacterSet=UTF_8, PatientName=name) for name in asked]
    device = {"character_set": character_set}
    async with site(tmp_path / "data", dicom={"worklist": path}, device=device) as clinic:
        found = await ask(clinic.port, *keys)
    assert dict(zip(asked, map(names, found), strict=True)) == {
        "müller*": ["Müller^Änne"],
        "m?ller*": ["Müller^Änne"],
        "MUELLER^AENNE": ["Müller^Änne"],
        "weiß*": ["Weiß^Jörg"],
        "*^j*": ["Weiß^Jörg", "DOE^JANE"],
        "niemand*": [],
    }
    raw = bytes.fromhex(found[0]["read"])
    assert character_set.encode() in raw
    assert "Müller^Änne".encode(codec) in raw


async def test_dates_times_and_stations(tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        row(1, date="2026-01-04", time="23:00:00"),
        row(2, date="2026-01-05", time="09:00:00"),
        row(3, date="2026-01-05", time="08:00:00", station="OTHER"),
        row(4, date="2026-01-06", time="07:00:00", modality="CR"),
    )
    date, time = "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime"
    station = "ScheduledStationAETitle"
    expected: list[tuple[dict[str, str], list[str]]] = [
        ({}, ["S1", "S3", "S2", "S4"]),
        ({date: "20260105"}, ["S3", "S2"]),
        ({date: "20260105-"}, ["S3", "S2", "S4"]),
        ({date: "-20260104"}, ["S1"]),
        ({date: "20260104-20260105", time: "2200-0830"}, ["S1", "S3"]),
        ({date: "20260105", time: "0830-"}, ["S2"]),
        ({"Modality": "US", station: "OTHER"}, ["S3"]),
        ({station: UNIT}, ["S1", "S2", "S4"]),
        ({"Modality": "CT"}, []),
    ]
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        answers = await ask(clinic.port, *(step(**keys) for keys, _ in expected))
    for (keys, wanted), answer in zip(expected, answers, strict=True):
        assert steps(answer) == wanted, keys


async def test_keys_that_no_order_tells_of_narrow_nothing(tmp_path: Path) -> None:
    """PS3.4 K.2.2.1.1.2.  dcmjs asks for an empty binary number, the pregnancy, as 0."""
    path = listed(tmp_path, row(1), row(2))
    keys = {"PatientWeight": "70", "PregnancyStatus": 1, "StudyDate": "20260105"}
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        every, one, none = await ask(
            clinic.port,
            query(**keys),
            query(**keys, PatientID="MRN0002"),
            query(**keys, AdmissionID="V1"),
        )
    assert [found["PatientID"] for found in rows(every)] == ["MRN0001", "MRN0002"]
    assert [found["PatientID"] for found in rows(one)] == ["MRN0002"]
    assert [found["PatientWeight"] for found in rows(one)] == [None]
    assert not rows(none)


async def test_cancel(tmp_path: Path) -> None:
    path = listed(tmp_path, *(row(n) for n in range(1, 701)))
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        cut, whole = await ask(clinic.port, {**query(), "cancel_after": 3}, query())
    assert cut["statuses"][-1] == CANCEL
    assert 3 <= len(cut["data_sets"]) < 700
    assert len(rows(whole)) == 700
