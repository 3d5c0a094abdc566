"""Commitment asked for by pynetdicom: on which association the report comes, and when."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from services_site import UNIT, Site, site, until
from stills import ULTRASOUND, still

from gateway.imaging.commitments import CommitmentState
from simulators.ultrasound import PERSONALITIES
from simulators.ultrasound.unit import Peer, Unit

CLASS = "1.2.840.10008.1.20.1"
INSTANCE = "1.2.840.10008.1.20.1.1"
TRANSACTION = "2.25.500"


def wanted(*uids: str, transaction: str = TRANSACTION) -> Dataset:
    found = Dataset()
    found.TransactionUID = transaction
    references = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = ULTRASOUND
        item.ReferencedSOPInstanceUID = uid
        references.append(item)
    found.ReferencedSOPSequence = references
    return found


class Reports:
    """What came: event type and data set; ``answers`` are the statuses given, the last for ever."""

    def __init__(self, *answers: int) -> None:
        self.came: list[tuple[int, Dataset]] = []
        self.one = threading.Event()
        self._answers = list(answers) or [0]

    def take(self, event: Any) -> tuple[int, None]:
        self.came.append((event.request.EventTypeID, event.event_information))
        self.one.set()
        return (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]), None

    async def until_one(self) -> tuple[int, Dataset]:
        assert await asyncio.to_thread(self.one.wait, 20)
        return self.came[-1]


def ask(port: int, data_set: Dataset, reports: Reports | None = None, *, action: int = 1) -> int:
    """N-ACTION; with ``reports`` the association stays until one has come."""
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(CLASS)
    handlers = [] if reports is None else [(evt.EVT_N_EVENT_REPORT, reports.take)]
    association: Association = ae.associate("127.0.0.1", port, evt_handlers=handlers)
    assert association.is_established
    status, _ = association.send_n_action(data_set, action, CLASS, INSTANCE)
    if reports is not None:
        assert reports.one.wait(20)
    association.release()
    return int(status.Status)


@contextmanager
def listening(port: int, reports: Reports) -> Iterator[None]:
    """A device that listens for reports, and takes them only in the roles the standard has."""
    ae = AE(ae_title=UNIT)
    ae.add_supported_context(CLASS, scu_role=False, scp_role=True)
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.take)]
    )
    try:
        yield
    finally:
        server.shutdown()


async def kept(clinic: Site) -> str:
    one = still(1)
    await clinic.keep(one.data_set, one.uid)
    return one.uid


async def test_without_a_port_the_report_comes_on_the_same_association(tmp_path: Path) -> None:
    reports = Reports()
    async with site(tmp_path) as clinic:
        uid = await kept(clinic)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid, "2.25.9"), reports) == 0
    ((event, report),) = reports.came
    assert event == 2
    assert report.TransactionUID == TRANSACTION
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [uid]
    assert [item.FailureReason for item in report.FailedSOPSequence] == [0x0112]


async def test_with_a_port_on_an_association_of_ours(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, reports = free_port(), Reports()
    async with site(tmp_path, port=port) as clinic:
        uid = await kept(clinic)
        with listening(port, reports):
            assert await asyncio.to_thread(ask, clinic.port, wanted(uid)) == 0
            event, report = await reports.until_one()
    assert event == 1
    assert "FailedSOPSequence" not in report


async def test_nobody_at_the_port_then_on_the_same_association(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    reports = Reports()
    async with site(tmp_path, port=free_port()) as clinic:
        uid = await kept(clinic)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid), reports) == 0
    assert [event for event, _ in reports.came] == [1]


async def test_tried_again_after_a_restart(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port, reports = free_port(), Reports()
    async with site(tmp_path, port=port) as clinic:
        uid = await kept(clinic)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid)) == 0

        async def tried() -> bool:
            (commitment,) = await clinic.services.commitments.latest()
            return commitment.attempts > 0

        await until(tried)
    with listening(port, reports):
        async with site(tmp_path, port=port) as clinic:
            event, _ = await reports.until_one()

            async def written() -> bool:
                (commitment,) = await clinic.services.commitments.latest()
                return commitment.state is CommitmentState.REPORTED

            await until(written)
    assert event == 1
    assert len(reports.came) == 1


async def test_a_report_that_is_refused_comes_again(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, reports = free_port(), Reports(0x0110, 0)
    async with site(tmp_path, port=port) as clinic:
        uid = await kept(clinic)
        with listening(port, reports):
            assert await asyncio.to_thread(ask, clinic.port, wanted(uid)) == 0

            async def twice() -> bool:
                return len(reports.came) == 2

            await until(twice)


async def tried_in_vain(clinic: Site) -> None:
    async def so() -> bool:
        (commitment,) = await clinic.services.commitments.latest()
        return commitment.attempts > 0

    await until(so)


def verify(port: int) -> None:
    ae = AE(ae_title=UNIT)
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", port)
    assert association.send_c_echo().Status == 0
    association.release()


async def test_a_unit_that_calls_for_anything_is_told_what_it_is_owed(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """It was switched off when the report was due, and the next try is hours away."""
    port, reports = free_port(), Reports()
    async with site(tmp_path, port=port, report_first=9000.0) as clinic:
        uid = await kept(clinic)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid)) == 0
        await tried_in_vain(clinic)
    async with site(tmp_path, port=port, report_first=9000.0) as clinic:
        with listening(port, reports):
            await asyncio.to_thread(verify, clinic.port)
            event, _ = await reports.until_one()
    assert event == 1


async def test_a_unit_that_listens_nowhere_is_told_when_it_asks_again(tmp_path: Path) -> None:
    """On the association of its next request, also about the one before."""
    async with site(tmp_path, report_first=9000.0) as clinic:
        uid = await kept(clinic)
        deaf = Reports(0x0110)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid), deaf) == 0
        await tried_in_vain(clinic)
        reports, both = Reports(), threading.Event()

        def take(event: Any) -> tuple[int, None]:
            answer = reports.take(event)
            if len(reports.came) == 2:
                both.set()
            return answer

        def next_request() -> None:
            ae = AE(ae_title=UNIT)
            ae.add_requested_context(CLASS)
            handlers = [(evt.EVT_N_EVENT_REPORT, take)]
            association = ae.associate("127.0.0.1", clinic.port, evt_handlers=handlers)
            other = wanted(uid, transaction="2.25.501")
            assert association.send_n_action(other, 1, CLASS, INSTANCE)[0].Status == 0
            assert both.wait(20)
            association.release()

        await asyncio.to_thread(next_request)
    assert {report.TransactionUID for _, report in reports.came} == {TRANSACTION, "2.25.501"}


async def test_the_same_request_again_and_another_under_its_name(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        uid = await kept(clinic)
        for _ in range(2):
            reports = Reports()
            assert await asyncio.to_thread(ask, clinic.port, wanted(uid), reports) == 0
            assert [event for event, _ in reports.came] == [1]
        assert len(await clinic.services.commitments.latest()) == 1
        reports = Reports()
        other = wanted(uid, "2.25.9")
        assert await asyncio.to_thread(ask, clinic.port, other, reports) == 0
    ((event, report),) = reports.came
    assert event == 2
    assert {item.FailureReason for item in report.FailedSOPSequence} == {0x0131}
    assert len(report.FailedSOPSequence) == 2


async def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    async with site(tmp_path) as clinic:
        nothing = Dataset()
        nothing.TransactionUID = TRANSACTION
        assert await asyncio.to_thread(ask, clinic.port, nothing) == 0x0115
        action = asyncio.to_thread(ask, clinic.port, wanted("2.25.1"), None, action=2)
        assert await action == 0x0123
        assert not await clinic.services.commitments.latest()


async def test_a_disputed_instance_is_not_safe(tmp_path: Path) -> None:
    """The device sent other bytes under the UID; what it holds is not what we hold."""
    reports = Reports()
    async with site(tmp_path) as clinic:
        uid = await kept(clinic)
        ae = AE(ae_title=UNIT)
        ae.add_requested_context(ULTRASOUND, "1.2.840.10008.1.2.1")
        other = still(1, seed=7).content

        def store() -> int:
            association = ae.associate("127.0.0.1", clinic.port)
            status = association.send_c_store(other)
            association.release()
            return int(status.Status)

        assert await asyncio.to_thread(store) != 0
        await clinic.store.engine.write(lambda c: c.execute(OTHER_CASES, (1200,)).get)
        assert await asyncio.to_thread(ask, clinic.port, wanted(uid), reports) == 0
    assert reports.came[0][0] == 2


OTHER_CASES = """WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
    INSERT INTO quarantine (reason, detail, sop_class, uid, study_uid, transfer_syntax, device,
    calling, called, host, received_at, sha256, size, start, path)
    SELECT reason, detail, sop_class, uid || '.' || n, study_uid, transfer_syntax, device,
    calling, called, host, received_at, sha256, size, start, path || n FROM quarantine, n"""
"""More than fit on any page of the list."""


async def test_the_simulated_unit_hears_its_report_where_it_listens(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, one = free_port(), still(1)
    async with site(tmp_path / "data", device={"port": port}) as clinic:
        await clinic.keep(one.data_set, one.uid)
        personality = replace(PERSONALITIES["ge"], ae_title=UNIT)
        unit = Unit(personality, Peer("GATEWAY", "127.0.0.1", clinic.port))
        promise = await asyncio.to_thread(unit.commit, wanted(one.uid), port, 20.0)
    assert promise.committed == {one.uid}
    assert not promise.refused
