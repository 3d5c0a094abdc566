"""The worklist as DCMTK's findscu sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from services_site import UNIT, site, tool

pytestmark = pytest.mark.peer

ROW = """
[[procedures]]
patient_id = "MRN{n:04d}"
patient_name = "{name}"
birth_date = 1970-01-01
sex = "F"
accession = "US{n:08d}"
study_uid = "2.25.{n}"
procedure_id = "RP{n}"
step_id = "S{n}"
date = {date}
time = {time}
modality = "{modality}"
stations = ["{station}"]
step_description = "Schilddrüse"
"""


def row(
    n: int,
    name: str = "TEST^BIOPSY",
    date: str = "2026-01-05",
    time: str = "09:30:00",
    modality: str = "US",
    station: str = UNIT,
) -> str:
    return ROW.format(n=n, name=name, date=date, time=time, modality=modality, station=station)


async def ask(port: int, folder: Path, *keys: str, more: tuple[str, ...] = ()) -> list[Dataset]:
    folder.mkdir(exist_ok=True)
    asked = [part for key in keys for part in ("-k", key)]
    code, said = await tool(
        "findscu", "-v", "-W", "-X", "-aet", UNIT, *more, *asked, "127.0.0.1", port, folder=folder
    )
    assert code == 0, said
    return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


def listed(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "worklist.toml"
    path.write_text("".join(rows), encoding="utf-8")
    return path


async def test_names_match_by_wild_card_case_and_spelling(tmp_path: Path) -> None:
    path = listed(
        tmp_path, row(1, "Müller^Änne"), row(2, "DOE^JANE"), row(3, "Łódzki^Jan"), row(4, "Doering")
    )
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        found = await ask(clinic.port, tmp_path / "a", "PatientName=mueller*", "PatientID")
        assert [str(f.PatientName) for f in found] == ["Müller^Änne"]
        assert found[0].SpecificCharacterSet == "ISO_IR 100"
        found = await ask(clinic.port, tmp_path / "b", "PatientName=do?*")
        assert [str(f.PatientName) for f in found] == ["DOE^JANE", "Doering"]
        found = await ask(clinic.port, tmp_path / "c", "PatientName=DOE")
        assert [str(f.PatientName) for f in found] == ["DOE^JANE"]
        found = await ask(clinic.port, tmp_path / "d", "PatientID=MRN0003", "PatientName")
        assert [str(f.PatientName) for f in found] == ["Lódzki^Jan"]
        assert not await ask(clinic.port, tmp_path / "e", "PatientName=NOBODY*")


async def test_a_query_in_latin_1_finds_the_umlaut(tmp_path: Path) -> None:
    path = listed(tmp_path, row(1, "Müller^Änne"), row(2, "Moeller^X"))
    key = tmp_path / "key.dcm"
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 100"
    query.PatientName = "müller*"
    query.PatientID = ""
    query.save_as(key, implicit_vr=True, little_endian=True)
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        folder = tmp_path / "b"
        folder.mkdir()
        code, said = await tool(
            "findscu", "-W", "-X", "-aet", UNIT, "127.0.0.1", clinic.port, key, folder=folder
        )
        assert code == 0, said
        found = [dcmread(one, force=True) for one in folder.glob("rsp*.dcm")]
    assert [f.PatientID for f in found] == ["MRN0001"]


SPS = "(0040,0100)[0]."


async def test_dates_times_and_stations(tmp_path: Path) -> None:
    path = listed(
        tmp_path,
        row(1, date="2026-01-04", time="23:00:00"),
        row(2, date="2026-01-05", time="09:00:00"),
        row(3, date="2026-01-05", time="08:00:00", station="OTHER"),
        row(4, date="2026-01-06", time="07:00:00", modality="CR"),
    )

    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:

        async def steps(name: str, *keys: str) -> list[str]:
            asked = (f"{SPS}(0040,0009)", *(f"{SPS}{key}" for key in keys))
            found = await ask(clinic.port, tmp_path / name, *asked)
            return [f.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID for f in found]

        assert await steps("all") == ["S1", "S3", "S2", "S4"]
        assert await steps("day", "(0040,0002)=20260105") == ["S3", "S2"]
        assert await steps("from", "(0040,0002)=20260105-") == ["S3", "S2", "S4"]
        assert await steps("to", "(0040,0002)=-20260104") == ["S1"]
        assert await steps("us", "(0008,0060)=US", "(0040,0001)=OTHER") == ["S3"]
        stretch = ("(0040,0002)=20260104-20260105", "(0040,0003)=2200-0830")
        assert await steps("stretch", *stretch) == ["S1", "S3"]
        assert await steps("time", "(0040,0003)=0800-0930") == ["S3", "S2"]


async def test_a_row_for_no_station_is_every_units_own(tmp_path: Path) -> None:
    """Most units ask for what is scheduled at them; few EHRs know their AE titles."""
    anywhere = row(1).replace(f'stations = ["{UNIT}"]', "")
    path = listed(tmp_path, anywhere, row(2, station="OTHER"))
    station = f"{SPS}(0040,0001)"
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        (mine,) = await ask(clinic.port, tmp_path / "mine", f"{station}={UNIT}", "PatientID")
        both = await ask(clinic.port, tmp_path / "both", station, "PatientID")
        (theirs,) = await ask(clinic.port, tmp_path / "theirs", f"{station}=OTHER", "PatientID")
    assert mine.PatientID == "MRN0001"
    shown = [f.ScheduledProcedureStepSequence[0].ScheduledStationAETitle for f in both]
    assert shown == [UNIT, "OTHER"]
    assert theirs.PatientID == "MRN0002"


async def test_500_rows_and_cancel(tmp_path: Path) -> None:
    path = listed(tmp_path, *(row(n) for n in range(1, 501)))
    keys = ("PatientName", "PatientID", f"{SPS}(0040,0009)")
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        assert len(await ask(clinic.port, tmp_path / "all", *keys)) == 500
        some = await ask(clinic.port, tmp_path / "some", *keys, more=("--cancel", "5"))
    assert 5 <= len(some) < 500


async def test_the_file_is_read_again_and_bad_rows_are_left_out(tmp_path: Path) -> None:
    path = listed(tmp_path, row(1))
    async with site(tmp_path / "data", dicom={"worklist": path}) as clinic:
        assert len(await ask(clinic.port, tmp_path / "a", "PatientID")) == 1
        broken = row(3).replace('"US00000003"', '"US000000000000000003"')
        listed(tmp_path, row(1), row(2), broken)
        found = await ask(clinic.port, tmp_path / "b", "PatientID")
        assert [f.PatientID for f in found] == ["MRN0001", "MRN0002"]
        path.write_text("[[procedures]\n")
        assert len(await ask(clinic.port, tmp_path / "c", "PatientID")) == 2


async def test_what_was_not_known_comes_empty(tmp_path: Path) -> None:
    async with site(tmp_path / "data", dicom={"worklist": listed(tmp_path, row(1))}) as clinic:
        (found,) = await ask(
            clinic.port, tmp_path / "a", "PatientWeight", "AccessionNumber", "PatientSize"
        )
    assert found.AccessionNumber == "US00000001"
    assert "PatientWeight" in found
    assert found.PatientWeight is None
