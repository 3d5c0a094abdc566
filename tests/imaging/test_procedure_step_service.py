"""Performed procedure steps, told by pynetdicom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.association import Association
from services_site import UNIT, Site, site
from stills import ULTRASOUND, still

from gateway.imaging.procedure_step import StepStatus

T = TypeVar("T")
CLASS = "1.2.840.10008.3.1.2.3.3"
STEP = "2.25.77"


def begun(status: str = "IN PROGRESS", study: str = "2.25.1") -> Dataset:
    found = Dataset()
    scheduled = Dataset()
    scheduled.StudyInstanceUID = study
    scheduled.AccessionNumber = "US1"
    scheduled.ScheduledProcedureStepID = "S1"
    found.ScheduledStepAttributesSequence = [scheduled]
    found.PatientName = "DOE^JANE"
    found.PatientID = "TEST-1"
    found.PerformedProcedureStepID = "P1"
    found.PerformedStationAETitle = UNIT
    found.PerformedProcedureStepStartDate = "20260105"
    found.PerformedProcedureStepStartTime = "0930"
    found.PerformedProcedureStepStatus = status
    found.Modality = "US"
    found.PerformedSeriesSequence = []
    return found


def ended(status: str, *uids: str) -> Dataset:
    found = Dataset()
    found.PerformedProcedureStepStatus = status
    found.PerformedProcedureStepEndDate = "20260105"
    series = Dataset()
    series.SeriesInstanceUID = "2.25.1.1"
    images = []
    for uid in uids:
        image = Dataset()
        image.ReferencedSOPClassUID = ULTRASOUND
        image.ReferencedSOPInstanceUID = uid
        images.append(image)
    series.ReferencedImageSequence = images
    found.PerformedSeriesSequence = [series]
    return found


async def says(clinic: Site, talk: Callable[[Association], T]) -> T:
    """Runs a conversation in a thread, as pynetdicom has it."""

    def conversation() -> T:
        ae = AE(ae_title=UNIT)
        ae.add_requested_context(CLASS)
        association = ae.associate("127.0.0.1", clinic.port)
        assert association.is_established
        try:
            return talk(association)
        finally:
            association.release()

    return await asyncio.to_thread(conversation)


def create(data_set: Dataset, uid: str | None = STEP) -> Callable[[Association], Dataset]:
    def talk(association: Association) -> Dataset:
        status, _ = association.send_n_create(data_set, CLASS, uid)
        found: Dataset = status
        return found

    return talk


def change(data_set: Dataset, uid: str = STEP) -> Callable[[Association], Dataset]:
    def talk(association: Association) -> Dataset:
        status, _ = association.send_n_set(data_set, CLASS, uid)
        found: Dataset = status
        return found

    return talk


async def test_from_the_beginning_to_the_end(tmp_path: Path) -> None:
    images = [still(1), still(2)]
    async with site(tmp_path) as clinic:
        await clinic.keep(images[0].data_set, images[0].uid)
        assert (await says(clinic, create(begun()))).Status == 0
        step = await clinic.services.steps.get(STEP)
        assert step is not None
        assert step.status is StepStatus.IN_PROGRESS
        assert (step.study_uid, step.accession, step.patient_id) == ("2.25.1", "US1", "TEST-1")
        done = ended("COMPLETED", *(image.uid for image in images))
        assert (await says(clinic, change(done))).Status == 0
        assert await clinic.services.steps.missing(STEP) == [images[1].uid]
        await clinic.keep(images[1].data_set, images[1].uid)
        assert await clinic.services.steps.missing(STEP) == []
        (step,) = await clinic.services.steps.of_study("2.25.1")
        assert step.status is StepStatus.COMPLETED
        assert step.manifest.instances == {image.uid for image in images}
        history = await clinic.services.steps.history(STEP)
        assert [(event.kind, event.device) for event in history] == [
            ("create", "us-room-2"),
            ("set", "us-room-2"),
        ]


async def test_repetitions_are_done_already(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        for _ in range(2):
            assert (await says(clinic, create(begun()))).Status == 0
        for _ in range(2):
            assert (await says(clinic, change(ended("COMPLETED", "2.25.5")))).Status == 0
        assert (await says(clinic, create(begun()))).Status == 0
        step = await clinic.services.steps.get(STEP)
        assert step is not None
        assert step.status is StepStatus.COMPLETED
        assert len(await clinic.services.steps.history(STEP)) == 2


async def test_what_cannot_be(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        assert (await says(clinic, change(ended("COMPLETED")))).Status == 0x0112
        assert (await says(clinic, create(begun("COMPLETED")))).Status == 0x0106
        without = begun()
        del without.ScheduledStepAttributesSequence
        assert (await says(clinic, create(without))).Status == 0x0120
        assert (await says(clinic, create(begun()))).Status == 0
        assert (await says(clinic, create(begun(study="2.25.9")))).Status == 0x0111
        assert (await says(clinic, change(ended("HALFWAY")))).Status == 0x0106
        assert (await says(clinic, change(ended("DISCONTINUED")))).Status == 0
        refused = await says(clinic, change(ended("COMPLETED", "2.25.6")))
        assert refused.Status == 0x0110
        assert refused.ErrorID == 0xA710


async def test_an_exam_is_opened_again(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        await says(clinic, create(begun()))
        await says(clinic, change(ended("COMPLETED", "2.25.5")))
        again = Dataset()
        again.PerformedProcedureStepStatus = "IN PROGRESS"
        assert (await says(clinic, change(again))).Status == 0
        assert (await says(clinic, change(ended("COMPLETED", "2.25.5", "2.25.6")))).Status == 0
        step = await clinic.services.steps.get(STEP)
    assert step is not None
    assert step.reopened == 1
    assert step.status is StepStatus.COMPLETED
    assert step.manifest.instances == {"2.25.5", "2.25.6"}


async def test_an_exam_of_somebody_else_is_not_opened_under_a_uid_that_has_ended(
    tmp_path: Path,
) -> None:
    """Two units, one copied from the other, that count their steps alike."""
    async with site(tmp_path) as clinic:
        await says(clinic, create(begun()))
        await says(clinic, change(ended("COMPLETED", "2.25.5")))
        other, again = begun(), begun()
        other.PatientID = "TEST-2"
        again.PerformedProcedureStepStartTime = "1015"
        assert (await says(clinic, create(begun(study="2.25.2")))).Status == 0x0111
        assert (await says(clinic, create(other))).Status == 0x0111
        step = await clinic.services.steps.get(STEP)
        assert step is not None
        assert (step.status, step.patient_id) == (StepStatus.COMPLETED, "TEST-1")
        assert (await says(clinic, create(again))).Status == 0
        step = await clinic.services.steps.get(STEP)
    assert step is not None
    assert (step.status, step.reopened) == (StepStatus.IN_PROGRESS, 1)


async def test_begin_and_end_on_two_associations_at_once(tmp_path: Path) -> None:
    """An end that comes before its beginning is refused; one that is taken is kept."""
    async with site(tmp_path) as clinic:
        for number in range(1, 9):
            uid = f"2.25.77.{number}"
            begin, end = await asyncio.gather(
                says(clinic, create(begun(), uid)),
                says(clinic, change(ended("COMPLETED", "2.25.5"), uid)),
            )
            assert begin.Status == 0
            step = await clinic.services.steps.get(uid)
            assert step is not None
            taken = step.status is StepStatus.COMPLETED
            assert end.Status == (0 if taken else 0x0112)
            assert (await says(clinic, change(ended("COMPLETED", "2.25.5"), uid))).Status == 0


async def test_without_a_uid_of_its_own_a_step_gets_one(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:

        def talk(association: Association) -> Any:
            return association.send_n_create(begun(), CLASS, None)

        status, _ = await says(clinic, talk)
        assert status.Status == 0
        (step,) = await clinic.services.steps.latest()
    assert step.uid.startswith("2.25.")


async def test_a_step_outlives_a_restart(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        await says(clinic, create(begun()))
    async with site(tmp_path) as clinic:
        assert (await says(clinic, change(ended("COMPLETED", "2.25.5")))).Status == 0


async def test_an_operation_the_class_does_not_have_is_told_as_such(tmp_path: Path) -> None:
    async with site(tmp_path / "data") as clinic:
        status = await says(clinic, lambda a: a.send_n_get([0x00400252], CLASS, STEP)[0])
    assert status.Status == 0x0211
