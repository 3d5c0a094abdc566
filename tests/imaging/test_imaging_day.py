"""From the EHR's order over the unit's worklist and its steps to the study, with the whole gateway.

The EHR is a socket that speaks MLLP, the unit is pynetdicom, its worklist query DCMTK's findscu.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE
from services_site import UNIT, now, tool, until
from stills import ULTRASOUND, still

from gateway.app import Running, running
from gateway.config import parse
from gateway.notices import Noticeboard

pytestmark = pytest.mark.peer

MPPS = "1.2.840.10008.3.1.2.3.3"
IN_PROGRESS, COMPLETED, DISCONTINUED = "IN PROGRESS", "COMPLETED", "DISCONTINUED"
WANTED = ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID")
STEP = "ScheduledProcedureStepSequence[0].ScheduledProcedureStepID"


@dataclass(slots=True)
class Day:
    gateway: Running
    mllp: int
    dicom: int
    folder: Path
    sent: int = 0
    asked: int = 0

    async def ehr(self, kind: str, *segments: str) -> None:
        """One message over MLLP; it must be accepted."""
        self.sent += 1
        head = rf"MSH|^~\&|EHR|CLINIC|GATEWAY|C|20260105100000||{kind}|{self.sent}|P|2.5"
        body = "".join(f"{segment}\r" for segment in (head, *segments)).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.mllp)
        writer.write(b"\x0b" + body + b"\x1c\r")
        answer = await reader.readuntil(b"\x1c\r")
        writer.close()
        await writer.wait_closed()
        assert b"MSA|AA" in answer, answer

    async def order(self, placer: str, patient: str = "1", *, steps: Sequence[str] = ("",)) -> None:
        items = [f"IPC|ACC{placer}|RP{placer}||S{placer}{step}|US|||ROOM2|{UNIT}" for step in steps]
        await self.ehr(
            "OMI^O23^OMI_O23",
            f"PID|1||MRN{patient}^^^EHR^MR||DOE^JANE||19700101|F",
            f"ORC|NW|{placer}",
            f"OBR|1|{placer}||76942^US guidance^C4",
            *items,
        )

    async def worklist(self, unit: str = UNIT) -> list[Dataset]:
        self.asked += 1
        folder = self.folder / f"answers-{self.asked}"
        folder.mkdir()
        keys = [part for key in (*WANTED, STEP) for part in ("-k", key)]
        code, said = await tool(
            *("findscu", "-W", "-X", "-aet", unit, *keys, "127.0.0.1", self.dicom), folder=folder
        )
        assert code == 0, said
        return [dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]

    async def listed(self) -> list[str]:
        return [str(row.AccessionNumber) for row in await self.worklist()]

    async def steps(self) -> list[str]:
        rows = [row.ScheduledProcedureStepSequence[0] for row in await self.worklist()]
        return sorted(str(row.ScheduledProcedureStepID) for row in rows)

    async def until_listed(self, *accessions: str) -> None:
        async def so() -> bool:
            return sorted(await self.listed()) == sorted(accessions)

        await until(so)

    async def status(self, placer: str) -> str:
        return str(
            await self.gateway.store.engine.read(
                lambda c: c.execute("SELECT status FROM orders WHERE placer = ?", (placer,)).get
            )
        )

    async def until_status(self, placer: str, wanted: str) -> None:
        async def so() -> bool:
            return await self.status(placer) == wanted

        await until(so)

    async def begin(self, uid: str, row: Dataset) -> int:
        """N-CREATE, as a unit fills it from its worklist."""
        step = Dataset()
        step.StudyInstanceUID = row.StudyInstanceUID
        step.AccessionNumber = row.AccessionNumber
        [scheduled] = row.ScheduledProcedureStepSequence
        step.ScheduledProcedureStepID = scheduled.ScheduledProcedureStepID
        content = Dataset()
        content.ScheduledStepAttributesSequence = [step]
        content.PatientID, content.PatientName = row.PatientID, row.PatientName
        content.PerformedProcedureStepID = "P1"
        content.PerformedProcedureStepStatus = IN_PROGRESS
        content.PerformedProcedureStepStartDate = "20260105"
        content.PerformedProcedureStepStartTime = "0930"
        content.Modality = "US"
        content.PerformedSeriesSequence = []
        return await self._mpps(lambda a: a.send_n_create(content, MPPS, uid))

    async def set(self, uid: str, status: str) -> int:
        content = Dataset()
        content.PerformedProcedureStepStatus = status
        return await self._mpps(lambda a: a.send_n_set(content, MPPS, uid))

    async def store(self, row: Dataset) -> int:
        """An image with what the worklist said."""
        image = still(1, study=str(row.StudyInstanceUID)).content
        image.PatientID, image.PatientName = row.PatientID, row.PatientName
        image.AccessionNumber = row.AccessionNumber
        return await self._talk(ULTRASOUND, lambda a: a.send_c_store(image).Status)

    async def _mpps(self, talk: Callable[[Any], Any]) -> int:
        return await self._talk(MPPS, lambda a: talk(a)[0].Status)

    async def _talk(self, sop_class: str, talk: Callable[[Any], Any]) -> int:
        def conversation() -> int:
            ae = AE(ae_title=UNIT)
            ae.add_requested_context(sop_class)
            association = ae.associate("127.0.0.1", self.dicom)
            assert association.is_established
            try:
                return int(talk(association))
            finally:
                association.release()

        return await asyncio.to_thread(conversation)


@asynccontextmanager
async def day(folder: Path, free_port: Callable[[], int]) -> AsyncIterator[Day]:
    mllp, dicom = free_port(), free_port()
    text = f"""
[gateway]
site = "clinic"
timezone = "Europe/Berlin"
data_dir = "{folder}/data"
[orders]
listen = "127.0.0.1:{mllp}"
[dicom]
listen = "127.0.0.1:{dicom}"
[devices.us-room-2]
profile = "ultrasound"
ae_title = "{UNIT}"
address = "127.0.0.1/32"
worklist_rows = "own"
[devices.us-room-3]
profile = "ultrasound"
ae_title = "ROOM3"
address = "127.0.0.1/32"
worklist_rows = "own"
"""
    chosen = parse(text, folder / "gateway.toml")
    async with running(chosen, notices=Noticeboard(now), clock=now) as gateway:
        yield Day(gateway, mllp, dicom, folder)


async def test_an_exam_from_the_order_to_the_end(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("A1")
        await clinic.order("A2")
        first, second = sorted(await clinic.worklist(), key=lambda row: str(row.AccessionNumber))
        assert (first.PatientID, first.AccessionNumber) == ("MRN1", "ACCA1")
        assert await clinic.worklist("ROOM3") == []
        assert await clinic.begin("2.25.71", first) == 0
        await clinic.until_status("A1", "in-progress")
        assert await clinic.store(first) == 0
        assert await clinic.set("2.25.71", COMPLETED) == 0
        await clinic.until_listed("ACCA2")
        assert await clinic.status("A1") == "done"
        assert await clinic.set("2.25.71", COMPLETED) == 0
        assert await clinic.set("2.25.71", IN_PROGRESS) == 0
        await clinic.until_listed("ACCA1", "ACCA2")
        assert await clinic.set("2.25.71", COMPLETED) == 0
        await clinic.until_listed("ACCA2")
        assert await clinic.begin("2.25.72", second) == 0
        await clinic.until_status("A2", "in-progress")
        assert await clinic.set("2.25.72", DISCONTINUED) == 0
        await clinic.until_status("A2", "active")
        assert await clinic.begin("2.25.73", second) == 0
        assert await clinic.set("2.25.73", COMPLETED) == 0
        await clinic.until_listed()

        async def matched() -> bool:
            [study] = await clinic.gateway.desk.ask("studies.list", {})
            return bool(study["match"] == "matched")

        await until(matched)
        entries = (await clinic.gateway.desk.ask("audit.list", {}))["entries"]
        assert "order performed" in {entry["action"] for entry in entries}
    async with day(tmp_path, free_port) as clinic:
        assert (await clinic.status("A1"), await clinic.status("A2")) == ("done", "done")


async def test_an_order_of_two_steps_is_done_when_both_are(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("B1", steps=("x", "y"))
        first, second = await clinic.worklist()
        assert await clinic.steps() == ["SB1x", "SB1y"]
        assert await clinic.begin("2.25.81", first) == 0
        assert await clinic.steps() == ["SB1x", "SB1y"]
        assert await clinic.set("2.25.81", COMPLETED) == 0
        await clinic.until_status("B1", "in-progress")
        assert await clinic.steps() == ["SB1y"]
        assert await clinic.set("2.25.81", IN_PROGRESS) == 0
        assert await clinic.steps() == ["SB1x", "SB1y"]
        assert await clinic.set("2.25.81", COMPLETED) == 0
        assert await clinic.begin("2.25.82", second) == 0
        assert await clinic.set("2.25.82", COMPLETED) == 0
        await clinic.until_status("B1", "done")


async def test_changes_cancels_and_merges_reach_the_worklist(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with day(tmp_path, free_port) as clinic:
        await clinic.order("C1", "1")
        await clinic.order("C2", "2")
        assert sorted(await clinic.listed()) == ["ACCC1", "ACCC2"]
        pid = "PID|1||MRN1^^^EHR^MR||MÜLLER^JANE||19700101|F"
        await clinic.ehr("ADT^A08", pid)
        rows = {str(row.AccessionNumber): row for row in await clinic.worklist()}
        assert str(rows["ACCC1"].PatientName) == "MÜLLER^JANE"
        await clinic.ehr(
            "ADT^A40", "PID|1||MRN9^^^EHR^MR||DOE^JANE||19700101|F", "MRG|MRN2^^^EHR^MR"
        )
        rows = {str(row.AccessionNumber): row for row in await clinic.worklist()}
        assert rows["ACCC2"].PatientID == "MRN9"
        await clinic.ehr("OMI^O23^OMI_O23", pid, "ORC|CA|C1")
        assert await clinic.listed() == ["ACCC2"]
        one = rows["ACCC1"]
        assert await clinic.begin("2.25.91", one) == 0
        assert await clinic.set("2.25.91", COMPLETED) == 0
        assert await clinic.status("C1") == "cancelled"
