"""dcmjs-dimse as a unit that tells of its performed procedure steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dcmjs_peer import ask, at_hand
from services_site import UNIT, site
from stills import ULTRASOUND, still

from gateway.imaging.procedure_step import StepStatus

pytestmark = [pytest.mark.peer, at_hand]

STEP = "2.25.77"


def begun(uid: str = STEP, study: str = "2.25.1", status: str = "IN PROGRESS") -> dict[str, Any]:
    scheduled = {
        "StudyInstanceUID": study,
        "ReferencedStudySequence": [],
        "AccessionNumber": "US1",
        "RequestedProcedureDescription": "Schilddrüse",
        "ScheduledProcedureStepID": "S1",
    }
    elements = {
        "SpecificCharacterSet": "ISO_IR 192",
        "Modality": "US",
        "ProcedureCodeSequence": [],
        "ReferencedPatientSequence": [],
        "PatientName": "Müller^Änne",
        "PatientID": "TEST-1",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyID": "1",
        "PerformedStationAETitle": UNIT,
        "PerformedProcedureStepStartDate": "20260105",
        "PerformedProcedureStepStartTime": "093000",
        "PerformedProcedureStepEndDate": "",
        "PerformedProcedureStepEndTime": "",
        "PerformedProcedureStepStatus": status,
        "PerformedProcedureStepID": "P1",
        "PerformedProtocolCodeSequence": [],
        "ScheduledStepAttributesSequence": [scheduled],
        "PerformedSeriesSequence": [],
    }
    return {"kind": "create", "uid": uid, "elements": elements}


def ended(status: str, *uids: str, uid: str = STEP) -> dict[str, Any]:
    images = [
        {"ReferencedSOPClassUID": ULTRASOUND, "ReferencedSOPInstanceUID": image} for image in uids
    ]
    series = {
        "RetrieveAETitle": "",
        "SeriesDescription": "",
        "OperatorsName": "",
        "ProtocolName": "Schilddrüse",
        "SeriesInstanceUID": "2.25.1.1",
        "ReferencedImageSequence": images,
        "ReferencedNonImageCompositeSOPInstanceSequence": [],
    }
    elements = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PerformedProcedureStepEndDate": "20260105",
        "PerformedProcedureStepEndTime": "094100",
        "PerformedProcedureStepStatus": status,
        "PerformedSeriesSequence": [series],
    }
    return {"kind": "set", "uid": uid, "elements": elements}


def statuses(answers: list[dict[str, Any]]) -> list[int]:
    return [status for answer in answers for status in answer["statuses"]]


def text(content: Any, tag: str) -> Any:
    """The value of an element in DICOM JSON, None for an empty one."""
    (value,) = content[tag].get("Value", [None])
    return value


async def test_from_the_beginning_to_the_end(tmp_path: Path) -> None:
    """Images on the way: one came before the end was told, one comes after it."""
    images = [still(1), still(2)]
    async with site(tmp_path) as clinic:
        await clinic.keep(images[0].data_set, images[0].uid)
        assert statuses(await ask(clinic.port, begun())) == [0]
        step = await clinic.services.steps.get(STEP)
        assert step is not None
        assert step.status is StepStatus.IN_PROGRESS
        assert (step.study_uid, step.accession, step.patient_id) == ("2.25.1", "US1", "TEST-1")
        done = ended("COMPLETED", *(image.uid for image in images))
        assert statuses(await ask(clinic.port, done)) == [0]
        assert await clinic.services.steps.missing(STEP) == [images[1].uid]
        step = await clinic.services.steps.get(STEP)
    assert step is not None
    assert step.status is StepStatus.COMPLETED
    assert step.manifest.instances == {image.uid for image in images}
    assert text(step.content, "00100010") == {"Alphabetic": "Müller^Änne"}
    assert text(text(step.content, "00400270"), "00321060") == "Schilddrüse"
    assert text(step.content, "00400251") == "094100"
    assert text(text(step.content, "00400340"), "00181030") == "Schilddrüse"


async def test_repetitions_are_done_already(tmp_path: Path) -> None:
    """The unit heard no answer, or was switched off before it."""
    done = ended("COMPLETED", "2.25.5")
    async with site(tmp_path) as clinic:
        first = await ask(clinic.port, begun(), begun(), done, done)
        again = await ask(clinic.port, begun(), done)
        history = await clinic.services.steps.history(STEP)
        step = await clinic.services.steps.get(STEP)
    assert statuses(first + again) == [0] * 6
    assert [event.kind for event in history] == ["create", "set"]
    assert step is not None
    assert step.status is StepStatus.COMPLETED


async def test_what_cannot_be(tmp_path: Path) -> None:
    refused = [
        (ended("COMPLETED", uid="2.25.404"), 0x0112),
        (begun(status="COMPLETED"), 0x0106),
        (begun(study=""), 0x0121),
        (begun(), 0),
        (begun(study="2.25.9"), 0x0111),
        (ended("HALFWAY"), 0x0106),
        (ended("DISCONTINUED", "2.25.5"), 0),
        (ended("COMPLETED", "2.25.6"), 0x0110),
    ]
    async with site(tmp_path) as clinic:
        answers = await ask(clinic.port, *(message for message, _ in refused))
        step = await clinic.services.steps.get(STEP)
        assert len(await clinic.services.steps.latest()) == 1
    assert statuses(answers) == [status for _, status in refused]
    assert answers[-1]["command"]["ErrorID"] == 0xA710
    assert step is not None
    assert (step.status, step.study_uid) == (StepStatus.DISCONTINUED, "2.25.1")
    assert step.manifest.instances == {"2.25.5"}


async def test_an_exam_is_opened_again(tmp_path: Path) -> None:
    talk = (
        begun(),
        ended("COMPLETED", "2.25.5"),
        ended("IN PROGRESS", "2.25.5"),
        ended("COMPLETED", "2.25.5", "2.25.6"),
    )
    async with site(tmp_path) as clinic:
        assert statuses(await ask(clinic.port, *talk)) == [0] * 4
        step = await clinic.services.steps.get(STEP)
    assert step is not None
    assert (step.reopened, step.status) == (1, StepStatus.COMPLETED)
    assert step.manifest.instances == {"2.25.5", "2.25.6"}


async def test_a_uid_is_made_for_a_unit_that_leaves_it_to_us(tmp_path: Path) -> None:
    message = begun()
    del message["uid"]
    async with site(tmp_path) as clinic:
        (answer,) = await ask(clinic.port, message)
        (step,) = await clinic.services.steps.latest()
    assert answer["statuses"] == [0]
    assert answer["command"]["AffectedSOPInstanceUID"] == step.uid
