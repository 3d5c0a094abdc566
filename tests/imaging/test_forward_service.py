"""Forwarding to an archive that refuses, loses and forgets: pynetdicom plays it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import AE, build_role, evt
from services_site import UNIT, Site, site, until
from stills import ULTRASOUND, still

from gateway.archive import Offered, Verdict
from gateway.imaging.commitment import Reference, Request
from gateway.imaging.forwarding import ForwardState

COMMITMENT = "1.2.840.10008.1.20.1"
EXPLICIT = "1.2.840.10008.1.2.1"
SR = "1.2.840.10008.5.1.4.1.1.88.33"


class Archive:
    """``statuses`` of C-STORE by instance number, one after the other, 0 when none is left;
    commitment is asked for and answered by ``promise``."""

    def __init__(self) -> None:
        self.statuses: dict[int, list[int]] = {}
        self.got: list[str] = []
        self.asked: list[Dataset] = []

    def store(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        left = self.statuses.get(int(uid.rsplit(".", 1)[1]), [])
        status = left.pop(0) if left else 0
        if status == 0:
            self.got.append(uid)
        return status

    def action(self, event: Any) -> tuple[int, None]:
        self.asked.append(event.action_information)
        return 0, None


@contextmanager
def archive(port: int, peer: Archive, *, commits: bool = True) -> Iterator[None]:
    ae = AE(ae_title="PACS")
    ae.add_supported_context(ULTRASOUND, EXPLICIT)
    if commits:
        ae.add_supported_context(COMMITMENT)
    handlers = [(evt.EVT_C_STORE, peer.store), (evt.EVT_N_ACTION, peer.action)]
    server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield
    finally:
        server.shutdown()


def promise(
    port: int, asked: Dataset, lost: frozenset[str] = frozenset(), title: str = "PACS"
) -> int:
    """N-EVENT-REPORT on an association of the archive's own."""
    report, safe, failed = Dataset(), [], []
    report.TransactionUID = asked.TransactionUID
    for item in asked.ReferencedSOPSequence:
        if item.ReferencedSOPInstanceUID in lost:
            item.FailureReason = 0x0112
            failed.append(item)
        else:
            safe.append(item)
    report.ReferencedSOPSequence = safe
    if failed:
        report.FailedSOPSequence = failed
    ae = AE(ae_title=title)
    ae.add_requested_context(COMMITMENT)
    role = build_role(COMMITMENT, scp_role=True)
    association = ae.associate("127.0.0.1", port, ext_neg=[role])
    assert association.is_established
    status, _ = association.send_n_event_report(
        report, 2 if failed else 1, COMMITMENT, f"{COMMITMENT}.1"
    )
    association.release()
    return int(status.Status)


def destination(port: int) -> dict[str, Any]:
    pacs = {"type": "dicom", "address": f"PACS@127.0.0.1:{port}", "commitment": True}
    return {"destinations": {"pacs": pacs}}


async def kept(clinic: Site, count: int) -> list[str]:
    stills = [still(number) for number in range(1, count + 1)]
    for one in stills:
        await clinic.keep(one.data_set, one.uid)
    return [one.uid for one in stills]


async def test_one_that_is_refused_does_not_hold_up_the_others(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, peer = free_port(), Archive()
    peer.statuses = {2: [0xC000] * 9}
    with archive(port, peer):
        async with site(tmp_path, **destination(port)) as clinic:
            uids = await kept(clinic, 4)

            async def parked() -> bool:
                queues = await clinic.store.outbox.queues()
                return [(q.queued, q.parked) for q in queues] == [(0, 1)]

            await until(parked)
    assert peer.got == [uids[0], uids[2], uids[3]]


async def test_a_full_archive_is_waited_for(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port, peer = free_port(), Archive()
    peer.statuses = {2: [0xA700, 0xA700]}
    with archive(port, peer):
        async with site(tmp_path, **destination(port)) as clinic:
            uids = await kept(clinic, 3)

            async def done() -> bool:
                return len(peer.got) == 3

            await until(done)
    assert peer.got == uids


async def test_what_was_lost_over_there_is_sent_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, peer = free_port(), Archive()
    with archive(port, peer):
        async with site(tmp_path, **destination(port)) as clinic:
            uids = await kept(clinic, 2)

            async def asked() -> bool:
                return bool(peer.asked)

            await until(asked)
            first = peer.asked.pop()

            status = await asyncio.to_thread(promise, clinic.port, first, frozenset({uids[1]}))
            assert status == 0
            assert await clinic.services.forwardings.committed_elsewhere(uids[0])
            assert not await clinic.services.forwardings.committed_elsewhere(uids[1])
            await until(asked)
            second = peer.asked.pop()
            assert [i.ReferencedSOPInstanceUID for i in second.ReferencedSOPSequence] == [uids[1]]
            assert await asyncio.to_thread(promise, clinic.port, second) == 0
            assert await clinic.services.forwardings.committed_elsewhere(uids[1])
            (state,) = await clinic.services.forwardings.of(uids[1])
            assert state.state is ForwardState.COMMITTED
            second.TransactionUID = "2.25.404"
            assert await asyncio.to_thread(promise, clinic.port, second) != 0
    assert peer.got == [*uids, uids[1]]


class Slow(Archive):
    """Answers a C-STORE when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.may_answer = threading.Event(), threading.Event()

    def store(self, event: Any) -> int:
        self.reached.set()
        self.may_answer.wait(20)
        return super().store(event)


async def test_an_archive_may_take_minutes_to_answer(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cine it compresses first: it has every byte, and is not sent it again."""
    loop = asyncio.get_running_loop()
    clock, passed = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: clock() + passed[0])
    port, peer = free_port(), Slow()
    with archive(port, peer):
        async with site(tmp_path, **destination(port)) as clinic:
            uids = await kept(clinic, 1)
            await asyncio.to_thread(peer.reached.wait, 20)
            passed[0] += 200.0
            for _ in range(100):  # turns of the loop, in which whatever is due by now happens
                await asyncio.sleep(0)
            peer.may_answer.set()

            async def asked() -> bool:
                return bool(peer.asked)

            await until(asked)
    assert peer.got == uids


async def test_what_a_crash_left_goes_to_the_archive_of_its_unit(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """It was in its place and not yet in the index; that the unit sends it again is nothing new."""
    port, peer, one = free_port(), Archive(), still(1)
    pacs = {"type": "dicom", "address": f"PACS@127.0.0.1:{port}", "devices": ["us-room-2"]}
    with archive(port, peer):
        async with site(tmp_path, destinations={"pacs": pacs}) as clinic:
            offered = Offered(ULTRASOUND, one.uid, EXPLICIT, "us-room-2", UNIT)
            reception = clinic.archive.receive(offered)
            reception.write([memoryview(one.data_set)])
            reception.put_in_place()
        async with site(tmp_path, destinations={"pacs": pacs}) as clinic:
            await clinic.keep(one.data_set, one.uid, verdict=Verdict.DUPLICATE)

            async def there() -> bool:
                return peer.got == [one.uid]

            await until(there)
            [study] = await clinic.archive.index.studies()
    assert study.device == "us-room-2"


async def test_an_archive_that_only_stores(tmp_path: Path, free_port: Callable[[], int]) -> None:
    """It knows neither commitment nor the class of what comes first."""
    port, peer = free_port(), Archive()
    pacs = {"type": "dicom", "address": f"PACS@127.0.0.1:{port}"}
    with archive(port, peer, commits=False):
        async with site(tmp_path, destinations={"pacs": pacs}) as clinic:
            report = data_set(SR, "2.25.7.7.1")
            await clinic.keep(report, "2.25.7.7.1", sop_class=SR)
            uids = await kept(clinic, 2)

            async def done() -> bool:
                queues = await clinic.store.outbox.queues()
                parked = [(q.queued, q.parked) for q in queues] == [(0, 1)]
                return parked and len(peer.got) == 2

            await until(done)
    assert peer.got == uids


def data_set(sop_class: str, uid: str) -> bytes:
    found = still(1).content
    found.SOPClassUID, found.SOPInstanceUID, found.StudyInstanceUID = sop_class, uid, "2.25.7"
    del found.PixelData
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = False, True
    write_dataset(target, Dataset(found))
    return target.getvalue()


async def asked_again(clinic: Site, uid: str, transaction: str) -> None:
    """As the forwarder does when no answer came for long."""
    forwardings = clinic.services.forwardings
    await forwardings.asked("pacs", Request(transaction, (Reference(ULTRASOUND, uid),)))


async def test_an_archive_may_take_hours_to_promise(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """It answers what it was asked first when it has been asked again, and again."""
    port, peer = free_port(), Archive()
    with archive(port, peer):
        async with site(tmp_path, **destination(port)) as clinic:
            uids = await kept(clinic, 2)

            async def asked() -> bool:
                return bool(peer.asked)

            await until(asked)
            first = peer.asked.pop()
            for uid in uids:
                for transaction in ("2.25.901", "2.25.902"):
                    await asked_again(clinic, uid, transaction)
            lost = frozenset({uids[1]})
            assert await asyncio.to_thread(promise, clinic.port, first, lost) == 0
            (state,) = await clinic.services.forwardings.of(uids[0])
            assert state.state is ForwardState.COMMITTED
            await until(asked)
            assert peer.got == [*uids, uids[1]]
            second = peer.asked.pop()
            assert [i.ReferencedSOPInstanceUID for i in second.ReferencedSOPSequence] == [uids[1]]
            first.TransactionUID = "2.25.902"
            assert await asyncio.to_thread(promise, clinic.port, first) != 0
            assert not await clinic.services.forwardings.committed_elsewhere(uids[1])
            assert await asyncio.to_thread(promise, clinic.port, second) == 0
            assert await clinic.services.forwardings.committed_elsewhere(uids[1])
            left = "SELECT COUNT(*) FROM commitment_requests"
            assert await clinic.store.engine.read(lambda c: c.execute(left).get) == 0
