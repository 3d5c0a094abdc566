"""Studies and orders: what ties them, what never does, and what a person can set right."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pydicom
import pytest
import pytest_asyncio
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from gateway.archive import Archive, Index, Offered
from gateway.desk.images import Images
from gateway.desk.mistakes import Missing, Mistake
from gateway.desk.parts import Parts
from gateway.desk.studies import Studies as StudyVerbs
from gateway.imaging.outgoing import Outgoing
from gateway.orders import patients, placing
from gateway.orders.model import Identifier, ImagingStep, OrderData, OrderStatus, Person
from gateway.rendering.process import Renderer
from gateway.store import SpacePolicy, Store
from gateway.store.moments import to_micros
from gateway.studies import Studies

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
US = "1.2.840.10008.5.1.4.1.1.6.1"


class Department:
    """A store with one ordered patient, and images coming in."""

    def __init__(self, store: Store, archive: Archive) -> None:
        self.store, self.archive = store, archive
        self.desk = StudyVerbs(store).verbs()
        self.changed: list[str] = []
        self.matcher = Studies(store, lambda: NOW, self.changed.append)
        self._images = 0

    async def order(self, placer: str, patient: str, name: str, **more: Any) -> None:
        step = ImagingStep(
            more.get("step", f"SPS-{placer}"),
            more.get("accession", f"ACC-{placer}"),
            f"RP-{placer}",
            more.get("study_uid"),
            ae_title=more.get("ae_title"),
            scheduled_at=more.get("scheduled_at"),
        )
        status = more.get("status", OrderStatus.ACTIVE)
        data = OrderData(placer, "EHR", "US-THYROID", status=status, imaging=(step,))
        person = Person((Identifier(patient),), name, "1970-01-01", "F")

        def operation(connection: Any) -> None:
            owner = patients.register(connection, person, to_micros(NOW))
            placing.place(connection, data, owner, 1, NOW, timedelta(days=30))

        await self.store.engine.write(operation)

    async def image(self, study: str = "1.2.3", **attributes: Any) -> None:
        self._images += 1
        made = Dataset()
        made.SOPClassUID, made.SOPInstanceUID = US, f"{study}.1.{self._images}"
        made.StudyInstanceUID, made.SeriesInstanceUID = study, f"{study}.1"
        made.Modality = "US"
        made.PatientBirthDate, made.PatientSex = "19700101", "F"
        made.PatientName, made.PatientID = "DOE^JANE", "MRN1"
        for name, value in attributes.items():
            setattr(made, name, value)
        out = io.BytesIO()
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.file_meta.MediaStorageSOPClassUID = UID(US)
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        pydicom.dcmwrite(out, made, enforce_file_format=True)
        whole = out.getvalue()
        data = whole[144 + int.from_bytes(whole[140:144], "little") :]
        offered = Offered(US, made.SOPInstanceUID, ExplicitVRLittleEndian, None, "TEST")
        reception = self.archive.receive(offered)
        pieces = [memoryview(data)]
        reception.digest(pieces)
        reception.write(pieces)
        reception.complete()
        await self.archive.file(reception.arrived())

    async def look(self) -> dict[str, Any]:
        await self.matcher.look(NOW - timedelta(days=1))
        return await self.show()

    async def show(self, study: str = "1.2.3") -> dict[str, Any]:
        return dict(await self.desk["studies.show"]({"uid": study}))


@pytest_asyncio.fixture
async def department(tmp_path: Path) -> AsyncIterator[Department]:
    store = await Store.open(tmp_path / "data", clock=lambda: NOW)
    numbers = iter(range(1000))
    archive = await Archive.open(
        tmp_path / "archive",
        store,
        clock=lambda: NOW,
        token=lambda: f"{next(numbers):032d}",
        space=SpacePolicy(share=0.0),
    )
    try:
        yield Department(store, archive)
    finally:
        await archive.aclose()
        await store.aclose()


def request(step: str) -> pydicom.Sequence:
    item = Dataset()
    item.ScheduledProcedureStepID = step
    return pydicom.Sequence([item])


@pytest.mark.parametrize(
    "attributes",
    [
        {"AccessionNumber": "ACC-A1"},
        {"RequestAttributesSequence": request("SPS-A1")},
    ],
)
async def test_an_identifier_and_the_patient_id_tie(
    department: Department, attributes: dict[str, Any]
) -> None:
    await department.order("A1", "MRN1", "DOE^JANE")
    await department.order("A2", "MRN1", "DOE^JANE")
    await department.image(**attributes)
    shown = await department.look()
    assert (shown["match"], shown["order"]) == ("matched", "1")
    trail = await department.store.audit.list()
    assert (trail[0].actor, trail[0].action) == ("gateway", "link study")


async def test_the_study_uid_ties_even_without_a_patient_id(department: Department) -> None:
    await department.order("A1", "MRN1", "DOE^JANE", study_uid="1.2.3")
    await department.image(PatientID="", PatientName="")
    assert (await department.look())["match"] == "matched"


@pytest.mark.parametrize(
    "attributes",
    [
        {"PatientID": ""},
        {"PatientID": "MRN2", "AccessionNumber": "ACC-A1"},
        {"PatientID": "NOBODY", "AccessionNumber": "ACC-A1"},
        {"AccessionNumber": "ACC-A1", "PatientBirthDate": "19710101"},
        {"AccessionNumber": "ACC-A1", "PatientName": "ROE^RICHARD"},
        {"AccessionNumber": "ACC-A1", "PatientSex": "M"},
        {"AccessionNumber": "acc-a1"},
        {"PatientID": "", "AccessionNumber": "ACC-A1"},
    ],
)
async def test_less_than_that_or_a_contradiction_ties_nothing(
    department: Department, attributes: dict[str, Any]
) -> None:
    await department.order("A1", "MRN1", "DOE^JANE")
    await department.order("B1", "MRN2", "ROE^RICHARD")
    await department.image(**attributes)
    assert (await department.look())["match"] == "unmatched"


async def test_suggestions_say_why_and_what_is_against_them(department: Department) -> None:
    await department.order("A1", "MRN1", "DOE^JANE")
    await department.image(AccessionNumber="ACC-A1", PatientSex="M")
    [suggestion] = (await department.look())["suggestions"]
    assert suggestion["placer"] == "A1"
    reasons = ["same accession number", "same patient id", "same name", "same birth date"]
    assert suggestion["why"] == reasons
    assert suggestion["against"] == ["name, birth date or sex differ"]


async def test_two_orders_that_fit_are_for_a_person(department: Department) -> None:
    await department.order("A1", "MRN1", "DOE^JANE", accession="ACC")
    await department.order("A2", "MRN1", "DOE^JANE", accession="ACC")
    await department.image(AccessionNumber="ACC")
    shown = await department.look()
    assert shown["match"] == "unmatched"
    assert len(shown["suggestions"]) == 2


async def test_a_cancelled_order_and_a_mixed_study_tie_nothing(department: Department) -> None:
    await department.order("A1", "MRN1", "DOE^JANE", status=OrderStatus.CANCELLED)
    await department.image(AccessionNumber="ACC-A1")
    assert (await department.look())["match"] == "unmatched"
    await department.order("A2", "MRN1", "DOE^JANE", study_uid="9.9")
    await department.image("9.9")
    await department.image("9.9", PatientID="MRN2", PatientName="ROE^RICHARD")
    await department.look()
    assert (await department.show("9.9"))["match"] == "unmatched"


async def test_an_order_that_comes_after_the_images_is_found(department: Department) -> None:
    await department.image(AccessionNumber="ACC-A1")
    assert (await department.look())["match"] == "unmatched"
    await department.order("A1", "MRN1", "DOE^JANE")
    assert (await department.look())["match"] == "matched"


async def test_a_person_links_and_unlinks_and_it_stays_so(department: Department) -> None:
    await department.order("A1", "MRN1", "DOE^JANE")
    await department.image(AccessionNumber="ACC-A1")
    await department.look()
    verbs, study = department.desk, {"uid": "1.2.3", "user": "ada"}
    with pytest.raises(Mistake, match="linked already"):
        await verbs["studies.link"]({**study, "order": "A1"})
    with pytest.raises(Mistake, match="reason"):
        await verbs["studies.unlink"](study)
    await verbs["studies.unlink"]({**study, "reason": "mistaken"})
    assert (await department.look())["match"] == "unmatched"
    for wrong in ("NONE", "#77", ""):
        with pytest.raises(Mistake, match="no such order"):
            await verbs["studies.link"]({**study, "order": wrong})
    await verbs["studies.link"]({**study, "order": "#1"})
    assert (await department.show())["order"] == "1"
    with pytest.raises(Mistake, match="who"):
        await verbs["studies.link"]({"uid": "1.2.3", "order": "A1"})
    with pytest.raises(Missing):
        await verbs["studies.show"]({"uid": "9"})
    acts = [entry.action for entry in await department.store.audit.list()]
    assert acts == ["link study", "unlink study", "link study"]


async def test_a_moved_study_goes_out_corrected_and_stays_as_it_came(
    department: Department,
) -> None:
    await department.order("A1", "MRN1", "DOE^JANE^^JR^DR")
    await department.image(PatientID="TYPO", PatientName="ROE^RICHARD")
    moving = {"uid": "1.2.3", "user": "ada", "reason": "typed wrong"}
    with pytest.raises(Mistake, match="no patient"):
        await department.desk["studies.move"]({**moving, "patient_id": "NOBODY"})
    await department.desk["studies.move"]({**moving, "patient_id": "MRN1"})
    shown = await department.look()
    assert shown["match"] == "unmatched"
    assert [s["placer"] for s in shown["suggestions"]] == ["A1"]
    [instance] = await department.archive.index.instances("1.2.3")
    path = department.archive.shelves.path(instance.path)
    before = path.read_bytes()
    outgoing = Outgoing(department.archive, department.store.engine, Renderer())
    content = await outgoing.content(instance)
    with content.open() as file:
        sent = pydicom.dcmread(io.BytesIO(file.read()))
    assert (sent.PatientID, str(sent.PatientName)) == ("MRN1", "DOE^JANE^^DR^JR")
    [original] = sent.OriginalAttributesSequence
    [replaced] = original.ModifiedAttributesSequence
    assert (replaced.PatientID, str(replaced.PatientName)) == ("TYPO", "ROE^RICHARD")
    assert original.ReasonForTheAttributeModification == "CORRECT"
    assert path.read_bytes() == before


async def test_a_clock_that_was_put_back_keeps_no_tie_from_being_told(
    department: Department,
) -> None:
    moment = NOW
    matcher = Studies(department.store, lambda: moment, department.changed.append)
    moment -= timedelta(days=1)
    await department.order("P1", "MRN1", "DOE^JANE")
    await department.image(AccessionNumber="ACC-P1")
    running = asyncio.create_task(matcher.run())
    async with asyncio.timeout(10):
        while not department.changed:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert department.changed == ["1.2.3"]


async def until_changed(department: Department, matcher: Studies, count: int) -> None:
    running = asyncio.create_task(matcher.run())
    async with asyncio.timeout(10):
        while len(department.changed) < count:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize("days", [-6000, 6000])
async def test_an_order_that_comes_when_the_clock_was_put_right_still_ties(
    department: Department, days: int
) -> None:
    """The images came while the battery was empty."""
    await department.image(AccessionNumber="ACC-P1")
    await department.image("1.2.4", AccessionNumber="ACC-P2")
    await department.order("P1", "MRN1", "DOE^JANE")
    moment = NOW + timedelta(days=days)
    matcher = Studies(department.store, lambda: moment, department.changed.append)
    await until_changed(department, matcher, 1)
    assert department.changed == ["1.2.3"]


async def test_a_tie_is_told_though_another_seems_to_be_of_later(department: Department) -> None:
    """The one before was made while the clock was ahead, and is not told yet."""
    await department.order("P1", "MRN1", "DOE^JANE")
    await department.image(AccessionNumber="ACC-P1")
    moment = NOW + timedelta(hours=3)
    matcher = Studies(department.store, lambda: moment, department.changed.append)
    await until_changed(department, matcher, 1)
    moment = NOW
    await department.order("P2", "MRN1", "DOE^JANE")
    await department.image("1.2.4", AccessionNumber="ACC-P2")
    await until_changed(department, matcher, 2)
    assert department.changed == ["1.2.3", "1.2.4"]


@pytest.mark.parametrize("linked", [True, False])
async def test_a_link_is_judged_as_it_stands_when_it_is_written(
    department: Department, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    """Somebody links, or unlinks, what a person has just looked at."""
    await department.order("A1", "MRN1", "DOE^JANE")
    await department.order("A2", "MRN1", "DOE^JANE")
    await department.image()
    verbs, study = department.desk, {"uid": "1.2.3", "user": "ben", "reason": "seen"}
    first, second = ("studies.link", "studies.link") if linked else ("studies.unlink",) * 2
    if not linked:
        await verbs["studies.link"]({**study, "order": "A1"})
    read = Index.study

    async def overtaken(index: Index, uid: str) -> Any:
        found = await read(index, uid)
        monkeypatch.setattr(Index, "study", read)
        await verbs[first]({**study, "order": "A1"})
        return found

    monkeypatch.setattr(Index, "study", overtaken)
    with pytest.raises(Mistake, match="linked already" if linked else "linked to no order"):
        await verbs[second]({**study, "user": "ada", "order": "A2"})
    assert (await department.show())["order"] == ("1" if linked else None)
    assert "ada" not in {entry.actor for entry in await department.store.audit.list()}


async def test_a_study_is_not_forwarded_in_part(
    department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention takes its images after they were looked at."""
    await department.image()
    parts = SimpleNamespace(store=department.store, destinations={"pacs": "dicom"})
    verbs, read = Images(cast("Parts", parts)).verbs(), Index.instances

    async def overtaken(index: Index, uid: str) -> Any:
        found = await read(index, uid)
        await department.store.engine.write(
            lambda c: c.execute("UPDATE instances SET state = 'purging'").get
        )
        return found

    monkeypatch.setattr(Index, "instances", overtaken)
    with pytest.raises(Mistake, match="change just now"):
        await verbs["studies.forward"]({"uid": "1.2.3", "user": "ada", "reason": "asked for"})
    assert await department.store.audit.list() == []
