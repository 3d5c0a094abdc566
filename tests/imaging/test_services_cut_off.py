"""The caller hangs up while its message is on its way to the disk: what is kept is acted upon."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom import Dataset
from services_site import ROOMY, site
from stills import still

from gateway.drivers.dicom.service import AssociationOver, Caller, Dialogue, Exchange
from gateway.drivers.dicom.services.commitment import StorageCommitment
from gateway.drivers.dicom.services.commitment_report import CommitmentReports
from gateway.drivers.dicom.services.procedure_step import PerformedProcedureStep
from gateway.drivers.dicom.services.reporter import Reporter
from gateway.imaging import datasets
from gateway.imaging.commitment import (
    Failure,
    Reference,
    Report,
    Request,
    write_report,
    write_request,
)
from gateway.imaging.commitments import Commitments
from gateway.imaging.forwarding import Forwardings
from gateway.imaging.procedure_step import Effect
from gateway.imaging.procedure_steps import ProcedureSteps
from gateway.protocols.dicom import (
    STORAGE_COMMITMENT_INSTANCE,
    Context,
    NActionRQ,
    NCreateRQ,
    NEventReportRQ,
)
from gateway.store import Store

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
COMMITMENT = "1.2.840.10008.1.20.1"
PERFORMED = "1.2.840.10008.3.1.2.3.3"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
EXPLICIT = "1.2.840.10008.1.2.1"


@dataclass(slots=True)
class Gone:
    """An ``Exchange`` and a ``Dialogue`` with somebody who is not there any more."""

    over: bool = True
    context: Context = field(
        default_factory=lambda: Context(1, COMMITMENT, EXPLICIT, scu=False, scp=True)
    )
    caller: Caller = field(default_factory=lambda: Caller("us-1", "ROOM-1", "GATEWAY", "192.0.2.1"))

    @property
    def dialogue(self) -> Dialogue:
        return cast("Dialogue", self)

    async def respond(self, *_: Any) -> None:
        raise AssociationOver("the association has ended")


def gone() -> Exchange:
    return cast("Exchange", Gone())


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    store = await Store.open(folder, clock=lambda: NOON, space=ROOMY)
    try:
        async with asyncio.timeout(10):
            yield store
    finally:
        await store.aclose()


async def cut_off(store: Store, providing: Awaitable[None]) -> None:
    """Cancels it while what it writes waits for the disk; then the disk goes on."""
    disk = threading.Event()
    writing = asyncio.ensure_future(store.engine.write(lambda _: disk.wait(10)))
    writer = store.engine.writer
    assert writer is not None
    await asyncio.sleep(0)
    while writer._pending:  # the writer has not yet begun to wait
        await asyncio.sleep(0)
    task = asyncio.ensure_future(providing)
    while not writer._pending:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    disk.set()
    await writing


async def hung_up(_store: Store, providing: Awaitable[None]) -> None:
    """Nobody is there to hear the answer."""
    with pytest.raises(AssociationOver):
        await providing


def begun() -> Dataset:
    found = Dataset()
    scheduled = Dataset()
    scheduled.StudyInstanceUID = "2.25.5"
    found.ScheduledStepAttributesSequence = [scheduled]
    found.PatientID = "TEST-1"
    found.PerformedProcedureStepID = "P1"
    found.PerformedStationAETitle = "ROOM-1"
    found.PerformedProcedureStepStartDate = "20260105"
    found.PerformedProcedureStepStartTime = "0930"
    found.PerformedProcedureStepStatus = "IN PROGRESS"
    found.Modality = "US"
    found.PerformedSeriesSequence = []
    return found


class OneWrite(Commitments):
    """Its request is the first thing that waits for the disk."""

    async def call_again(self, calling: str) -> None: ...


@pytest.mark.parametrize("end", [cut_off, hung_up])
async def test_a_performed_step_is_told_of(tmp_path: Path, end: Any) -> None:
    """A repeat of the message changes nothing any more: this is the only time to tell."""
    changed: asyncio.Queue[tuple[str, Effect]] = asyncio.Queue()
    async with opened(tmp_path) as store:
        provider = PerformedProcedureStep(
            ProcedureSteps(store.engine),
            make_uid=lambda: "2.25.1",
            changed=lambda uid, effect: changed.put_nowait((uid, effect)),
        )
        request = NCreateRQ(
            message_id=1, affected_sop_class_uid=PERFORMED, affected_sop_instance_uid="2.25.1"
        )
        content = datasets.write(begun(), EXPLICIT)
        await end(store, provider.provide(gone(), request, content))
        assert await changed.get() == ("2.25.1", Effect.CREATED)


@pytest.mark.parametrize("end", [cut_off, hung_up])
async def test_a_commitment_that_was_asked_for_is_seen_to(tmp_path: Path, end: Any) -> None:
    """The unit waits for its report, on an association of ours."""
    inspected = asyncio.Event()

    async def inspect(_one: Reference, _calling: str) -> Failure | None:
        inspected.set()
        return None

    async with opened(tmp_path) as store:
        commitments = OneWrite(store.engine)
        reporter = Reporter(
            commitments,
            inspect,
            ae_title="GATEWAY",
            ports={},
            clock=lambda: NOON,
            random=lambda: 0.0,
        )
        running = asyncio.create_task(reporter.run())
        provider = StorageCommitment(commitments, reporter)
        request = NActionRQ(
            message_id=1,
            requested_sop_class_uid=COMMITMENT,
            requested_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
            action_type_id=1,
        )
        wanted = write_request(Request("2.25.9", (Reference(ULTRASOUND, "2.25.1"),)))
        await end(store, provider.provide(gone(), request, datasets.write(wanted, EXPLICIT)))
        try:
            await inspected.wait()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_what_an_archive_did_not_commit_to_is_sent_again(tmp_path: Path) -> None:
    queued: asyncio.Queue[frozenset[str]] = asyncio.Queue()
    async with site(tmp_path) as clinic, asyncio.timeout(10):
        forwardings = Forwardings(clinic.store.engine)
        await forwardings.begin("pacs")
        await clinic.keep(still(1).data_set, still(1).uid)
        instance = await clinic.archive.index.instance(still(1).uid)
        assert instance is not None
        await forwardings.sent("pacs", instance.id, EXPLICIT, None)
        reference = Reference(ULTRASOUND, still(1).uid)
        await forwardings.asked("pacs", Request("2.25.9", (reference,)))
        provider = CommitmentReports(forwardings, queued.put_nowait)
        request = NEventReportRQ(
            message_id=1,
            affected_sop_class_uid=COMMITMENT,
            affected_sop_instance_uid=STORAGE_COMMITMENT_INSTANCE,
            event_type_id=2,
        )
        report = write_report(Report("2.25.9", (), ((reference, Failure.RESOURCES),)), "PACS")
        content = datasets.write(report, EXPLICIT)
        await cut_off(clinic.store, provider.provide(gone(), request, content))
        assert await queued.get() == frozenset({"pacs"})
