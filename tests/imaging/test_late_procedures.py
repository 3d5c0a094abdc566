"""Orders that come when their exam was done, or that the EHR closes before the unit does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import Dataset
from services_site import until
from test_imaging_day import COMPLETED, DISCONTINUED, Day, day

from gateway.imaging.procedure_step import Content, StepStatus
from gateway.imaging.procedure_steps import ProcedureSteps, Sender
from gateway.matching.performed import apply
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, ImagingStep, OrderData, Person
from gateway.store import SpacePolicy, Store
from gateway.store.moments import to_micros


def scheduled(accession: str, study: str, patient: str = "MRN1") -> Dataset:
    """What the unit says of an exam, however it came to know of it."""
    found, item = Dataset(), Dataset()
    item.ScheduledProcedureStepID = ""
    found.PatientID, found.PatientName = patient, "DOE^JANE"
    found.AccessionNumber, found.StudyInstanceUID = accession, study
    found.ScheduledProcedureStepSequence = [item]
    return found


async def performed(clinic: Day, uid: str, row: Dataset, *states: str) -> None:
    assert await clinic.begin(uid, row) == 0
    for state in states:
        assert await clinic.set(uid, state) == 0


async def test_an_order_that_comes_after_its_exam_is_done(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        await performed(clinic, "2.25.71", scheduled("ACCA1", "2.25.700"), COMPLETED)
        await performed(clinic, "2.25.72", scheduled("ACCA2", "2.25.701"))
        await performed(clinic, "2.25.73", scheduled("ACCA3", "2.25.702"), DISCONTINUED)
        await performed(clinic, "2.25.74", scheduled("ACCA4", "2.25.703", "MRN2"), COMPLETED)
        for placer in ("A1", "A2", "A3", "A4"):
            await clinic.order(placer)
        await clinic.until_status("A1", "done")
        await clinic.until_status("A2", "in-progress")
        assert (await clinic.status("A3"), await clinic.status("A4")) == ("active", "active")


async def test_an_order_of_two_steps_that_comes_late_is_done_when_both_are(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        for number, placer, step in ((81, "B1", "x"), (82, "B1", "y"), (83, "B2", "x")):
            row = scheduled(f"ACC{placer}", f"2.25.80{placer[1]}")
            row.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID = f"S{placer}{step}"
            await performed(clinic, f"2.25.{number}", row, COMPLETED)
        for placer in ("B2", "B1"):
            await clinic.order(placer, steps=("x", "y"))
        await clinic.until_status("B1", "done")
        assert await clinic.status("B2") == "active"


async def test_what_the_ehr_closed_stays_closed_though_the_unit_never_said_so(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("C1")
        await performed(clinic, "2.25.91", scheduled("ACCC1", "2.25.900"))
        await clinic.until_status("C1", "in-progress")
        pid = "PID|1||MRN1^^^EHR^MR||DOE^JANE||19700101|F"
        await clinic.ehr("OMI^O23^OMI_O23", pid, *closed("C1"))
        assert await clinic.status("C1") == "done"
    async with day(tmp_path, free_port) as clinic:
        clinic.sent = 10  # message numbers
        await performed(clinic, "2.25.92", scheduled("ACCC2", "2.25.901"), COMPLETED)
        await clinic.order("C2")
        await clinic.until_status("C2", "done")
        assert await clinic.status("C1") == "done"


async def test_two_exams_of_one_study(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """The second begins before the first has ended; the one told of last decides."""
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("D1")
        row = scheduled("ACCD1", "2.25.950")
        await performed(clinic, "2.25.951", row)
        await performed(clinic, "2.25.952", row)
        assert await clinic.set("2.25.951", COMPLETED) == 0
        await clinic.until_status("D1", "done")
        assert await clinic.set("2.25.952", COMPLETED) == 0
        assert await clinic.set("2.25.951", COMPLETED) == 0
        assert await clinic.status("D1") == "done"


async def test_images_that_come_before_their_step_belong_to_its_order(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """The images name neither order nor step; the step names the study and the order."""
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("E1")
        assert await clinic.store(scheduled("", "2.25.960")) == 0
        await performed(clinic, "2.25.961", scheduled("ACCE1", "2.25.960"), COMPLETED)

        async def matched() -> bool:
            [study] = await clinic.gateway.desk.ask("studies.list", {})
            return bool(study["match"] == "matched")

        await until(matched)
        await clinic.until_status("E1", "done")


def closed(placer: str) -> tuple[str, ...]:
    return (
        f"ORC|SC|{placer}|||CM",
        f"OBR|1|{placer}||76942^US guidance^C4",
        f"IPC|ACC{placer}|RP{placer}||S{placer}|US",
    )


NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ROOMY = SpacePolicy(share=0.0, most=0, ballast=0)


def told(status: StepStatus) -> Content:
    item = {
        "0020000D": {"vr": "UI", "Value": ["2.25.700"]},
        "00080050": {"vr": "SH", "Value": ["ACC1"]},
    }
    return {
        "00400252": {"vr": "CS", "Value": [status.value]},
        "00400270": {"vr": "SQ", "Value": [item]},
        "00100020": {"vr": "LO", "Value": ["MRN1"]},
    }


@pytest.mark.parametrize("hours", [-3, 3])
async def test_what_was_said_last_counts_whatever_the_clock_did(tmp_path: Path, hours: int) -> None:
    """The first exam was broken off; the next one began after the clock was put right."""
    now = [NOON]
    store = await Store.open(tmp_path, clock=lambda: now[0], space=ROOMY)
    try:
        engine, steps = store.engine, ProcedureSteps(store.engine)
        data = OrderData("A1", "EHR", "US", imaging=(ImagingStep("S1", "ACC1", "R1", "2.25.700"),))
        person = Person((Identifier("MRN1"),), "DOE^JANE")

        def placed(connection: object) -> int:
            owner = patients.register(connection, person, to_micros(NOON))  # type: ignore[arg-type]
            return placing.place(connection, data, owner, 1, NOON, timedelta(days=30))  # type: ignore[arg-type]

        await engine.write(placed)
        sender = Sender("us", "US", "192.0.2.1")

        async def status() -> str:
            return str(await engine.read(lambda c: c.execute("SELECT status FROM orders").get))

        await steps.create("2.25.1", told(StepStatus.IN_PROGRESS), sender)
        await steps.change("2.25.1", told(StepStatus.DISCONTINUED), sender)
        now[0] += timedelta(hours=hours)
        for state, expected in (
            (StepStatus.IN_PROGRESS, "in-progress"),
            (StepStatus.COMPLETED, "done"),
        ):
            verb = steps.create if state is StepStatus.IN_PROGRESS else steps.change
            await verb("2.25.2", told(state), sender)
            await engine.write(lambda c: apply(engine, c, "2.25.2"))
            assert await status() == expected
        await engine.write(lambda c: apply(engine, c, "2.25.1"))
        assert await status() == "done"
    finally:
        await store.aclose()
