"""Rows of a worklist: what is refused, and what an order becomes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.imaging.worklist import ScheduledStep, Unfit, check, data_set
from gateway.imaging.worklist_file import parse
from gateway.imaging_services.ordered import step_of
from gateway.orders.model import Identifier
from gateway.orders.patients import KnownPatient
from gateway.orders.worklist import WorklistRow

ROW = ScheduledStep(
    patient_id="MRN1",
    patient_name="TEST^BIOPSY",
    accession="US1",
    study_uid="2.25.1",
    procedure_id="RP1",
    step_id="S1",
    date=dt.date(2026, 1, 5),
)


def test_a_sound_row_has_no_fault() -> None:
    assert check(ROW) == ()


@pytest.mark.parametrize("name", ["accession", "procedure_id", "step_id", "station_name"])
def test_a_short_string_is_never_cut(name: str) -> None:
    assert not check(replace(ROW, **{name: "1" * 16}))
    (fault,) = check(replace(ROW, **{name: "1" * 17}))
    assert name in fault
    assert "17" in fault
    assert "1" * 17 not in fault


def test_other_faults() -> None:
    assert check(replace(ROW, study_uid="x")) == ("study_uid is no UID",)
    assert check(replace(ROW, patient_id=""))
    assert check(replace(ROW, patient_name="A" * 65))
    assert check(replace(ROW, accession="A\\B"))
    assert check(replace(ROW, stations=("A" * 17,)))


def test_an_identifier_is_not_spelled_out() -> None:
    with pytest.raises(Unfit, match="accession"):
        data_set(replace(ROW, accession="Ł1"), "ISO_IR 100")
    assert data_set(replace(ROW, patient_name="Ł"), "ISO_IR 100").PatientName == "L"


def test_mistakes_of_a_file_are_told_by_position(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(
        '{"procedures": [{"patient_id": "1", "patient_name": "A", "accession": "1", '
        '"study_uid": "2.25.1", "procedure_id": "1", "step_id": "1", "date": "2026-01-05"}, '
        '{"wrong": 1}, 5]}'
    )
    rows, mistakes = parse(path)
    assert [row.date for row in rows] == [dt.date(2026, 1, 5)]
    assert mistakes == ["procedures[2]: unknown key 'wrong'", "procedures[3]: is no table"]


def test_an_order_becomes_a_row() -> None:
    patient = KnownPatient(
        1,
        (Identifier("X9", "OTHER", "PI"), Identifier("MRN0001", "CLINIC", "MR")),
        (),
        "TEST^BIOPSY^M^JR^DR",
        "1970-01-01",
        "F",
    )
    row = WorklistRow(
        patient=patient,
        placer="P123",
        filler="F123",
        accession="US26000123",
        requested_procedure="RP1",
        procedure=("76942", "US guidance for needle placement", "C4"),
        study_uid="2.25.1234567890",
        step="S1",
        modality="US",
        station=None,
        location=None,
        ae_title="VOLUSON",
        scheduled_at=dt.datetime(2026, 1, 5, 23, 30, tzinfo=dt.UTC),
        priority="S",
        visit="V1",
        provider=("77", "HOUSE", "A"),
        specimens=("26S0042A",),
    )
    step = step_of(row, ZoneInfo("Europe/Berlin"), dt.date(2026, 1, 1))
    assert check(step) == ()
    assert (step.patient_id, step.issuer) == ("MRN0001", "CLINIC")
    assert step.patient_name == "TEST^BIOPSY^M^DR^JR"
    assert (step.date, step.time) == (dt.date(2026, 1, 6), dt.time(0, 30))
    assert step.referring_physician == "HOUSE^A"
    assert step.priority == "STAT"
    unplanned = step_of(replace(row, scheduled_at=None), ZoneInfo("UTC"), dt.date(2026, 1, 1))
    assert (unplanned.date, unplanned.time) == (dt.date(2026, 1, 1), None)
    written = data_set(step, "ISO_IR 100").ScheduledProcedureStepSequence[0]
    assert written.ScheduledSpecimenSequence[0].ContainerIdentifier == "26S0042A"
