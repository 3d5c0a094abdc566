"""What C-GET and C-MOVE say of sub-operations that fail, warn or are stopped (PS3.4 C.4.2.1)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from services_site import UNIT, Site, site
from stills import ULTRASOUND, still
from test_corrections_out import correct

GET = "1.2.840.10008.5.1.4.1.2.2.3"
MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
EXPLICIT = "1.2.840.10008.1.2.1"
STUDY = "2.25.1"


@dataclass
class Receiver:
    """Takes C-STORE and answers ``statuses`` by instance number."""

    statuses: dict[int, int] = field(default_factory=dict)
    got: list[str] = field(default_factory=list)

    def store(self, event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        self.got.append(uid)
        return self.statuses.get(int(uid.rsplit(".", 1)[1]), 0)


@dataclass
class Outcome:
    """The final answer, and what stood in the pending ones."""

    status: int
    remaining: int | None
    completed: int
    failed: int
    warning: int
    listed: list[str]
    pending: list[tuple[int, int, int, int]]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.status, self.completed, self.failed, self.warning


def outcome(answers: list[tuple[Dataset, Dataset | None]]) -> Outcome:
    *pending, (last, identifier) = answers
    listed = identifier.FailedSOPInstanceUIDList if identifier else []
    return Outcome(
        last.Status,
        last.get("NumberOfRemainingSuboperations"),
        last.NumberOfCompletedSuboperations,
        last.NumberOfFailedSuboperations,
        last.NumberOfWarningSuboperations,
        [listed] if isinstance(listed, str) else list(listed),
        [
            (
                one.NumberOfRemainingSuboperations,
                one.NumberOfCompletedSuboperations,
                one.NumberOfFailedSuboperations,
                one.NumberOfWarningSuboperations,
            )
            for one, _ in pending
        ],
    )


def wanted() -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    found.StudyInstanceUID = STUDY
    return found


def got(port: int, receiver: Receiver) -> Outcome:
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(GET)
    ae.add_requested_context(ULTRASOUND, EXPLICIT)
    role = build_role(ULTRASOUND, scp_role=True)
    handlers = [(evt.EVT_C_STORE, receiver.store)]
    association = ae.associate("127.0.0.1", port, ext_neg=[role], evt_handlers=handlers)
    assert association.is_established
    answers = list(association.send_c_get(wanted(), GET))
    assert association.is_established
    association.release()
    return outcome(answers)


def moved(port: int, destination: str = "ARCHIVE") -> Outcome:
    ae = AE(ae_title=UNIT)
    ae.add_requested_context(MOVE)
    association = ae.associate("127.0.0.1", port)
    assert association.is_established
    answers = list(association.send_c_move(wanted(), destination, MOVE))
    association.release()
    return outcome(answers)


@contextmanager
def archive(port: int, receiver: Receiver, *, strict: bool = False) -> Iterator[None]:
    ae = AE(ae_title="ARCHIVE")
    ae.add_supported_context(ULTRASOUND, EXPLICIT)
    if strict:
        ae.require_calling_aet = ["SOMEBODY"]
    server = ae.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_C_STORE, receiver.store)]
    )
    try:
        yield
    finally:
        server.shutdown()


def peers(port: int) -> dict[str, Any]:
    pacs = {"type": "dicom", "address": f"ARCHIVE@127.0.0.1:{port}", "devices": ["nobody"]}
    return {"destinations": {"pacs": pacs}}


async def filled(clinic: Site, count: int = 4) -> tuple[list[str], list[Path]]:
    stills = [still(number) for number in range(1, count + 1)]
    paths = [await clinic.keep(one.data_set, one.uid) for one in stills]
    return [one.uid for one in stills], paths


def gone(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(40))


DAMAGES = [gone, cut, longer]
Way = Callable[[Site, Receiver], Any]


async def by_get(clinic: Site, receiver: Receiver) -> Outcome:
    return await asyncio.to_thread(got, clinic.port, receiver)


async def by_move(clinic: Site, _receiver: Receiver) -> Outcome:
    return await asyncio.to_thread(moved, clinic.port)


@pytest.mark.parametrize("way", [by_get, by_move])
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("corrected", [False, True])
async def test_a_file_that_is_not_whole_fails_alone(
    tmp_path: Path,
    free_port: Callable[[], int],
    way: Way,
    damage: Callable[[Path], None],
    corrected: bool,
) -> None:
    """Nobody noticed yet: the index still calls it stored."""
    port, receiver = free_port(), Receiver()
    with archive(port, receiver):
        async with site(tmp_path, **peers(port)) as clinic:
            uids, paths = await filled(clinic)
            if corrected:
                await correct(clinic, STUDY, "MRN7", "Right^Name")
            damage(paths[1])
            found = await way(clinic, receiver)
    assert found.counts == (0xB000, 3, 1, 0)
    assert found.listed == [uids[1]]
    assert receiver.got == [uids[0], uids[2], uids[3]]
    assert found.pending[-1] == (1, 2, 1, 0)


@pytest.mark.parametrize("way", [by_get, by_move])
async def test_warnings_are_told_as_a_warning(
    tmp_path: Path, free_port: Callable[[], int], way: Way
) -> None:
    port, receiver = free_port(), Receiver({1: 0xB000, 3: 0xB007})
    with archive(port, receiver):
        async with site(tmp_path, **peers(port)) as clinic:
            await filled(clinic)
            found = await way(clinic, receiver)
    assert found.counts == (0xB000, 2, 0, 2)
    assert found.listed == []
    assert found.remaining is None


@pytest.mark.parametrize("way", [by_get, by_move])
async def test_refusals_are_counted_and_listed(
    tmp_path: Path, free_port: Callable[[], int], way: Way
) -> None:
    port, receiver = free_port(), Receiver({1: 0xC000, 2: 0xB006, 4: 0xA900})
    with archive(port, receiver):
        async with site(tmp_path, **peers(port)) as clinic:
            uids, _ = await filled(clinic)
            found = await way(clinic, receiver)
    assert found.counts == (0xB000, 1, 2, 1)
    assert found.listed == [uids[0], uids[3]]


async def test_a_destination_that_refuses_the_association(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, receiver = free_port(), Receiver()
    with archive(port, receiver, strict=True):
        async with site(tmp_path, **peers(port)) as clinic:
            uids, _ = await filled(clinic, 3)
            found = await by_move(clinic, receiver)
    assert found.counts == (0xA702, 0, 3, 0)
    assert found.listed == uids


@dataclass
class Stopping(Receiver):
    """Answers the second C-STORE only when the cancel is out."""

    reached: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def store(self, event: Any) -> int:
        status = super().store(event)
        if len(self.got) == 2:
            self.reached.set()
            assert self.cancelled.wait(20)
        return status


async def test_a_move_is_stopped_in_the_middle(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port, receiver = free_port(), Stopping({1: 0xC000})

    def conversation(listen: int) -> Outcome:
        ae = AE(ae_title=UNIT)
        ae.add_requested_context(MOVE)
        association = ae.associate("127.0.0.1", listen)
        answers = []
        responses = association.send_c_move(wanted(), "ARCHIVE", MOVE, msg_id=7)
        for answer in responses:
            answers.append(answer)
            if len(answers) == 1:
                assert receiver.reached.wait(20)
                association.send_c_cancel(7, association.accepted_contexts[0].context_id)
                receiver.cancelled.set()
        association.release()
        return outcome(answers)

    with archive(port, receiver):
        async with site(tmp_path, **peers(port)) as clinic:
            uids, _ = await filled(clinic, 8)
            found = await asyncio.to_thread(conversation, clinic.port)
    assert found.status == 0xFE00
    assert found.remaining is not None
    assert found.remaining + found.completed + found.failed == 8
    assert (found.completed, found.failed) == (len(receiver.got) - 1, 1)
    assert found.listed == [uids[0]]
    assert len(receiver.got) < 8


@dataclass
class Cancelling(Receiver):
    """Sends C-CANCEL before it answers the second C-STORE."""

    def store(self, event: Any) -> int:
        status = super().store(event)
        if len(self.got) == 2:
            event.assoc.send_c_cancel(1, event.assoc.accepted_contexts[0].context_id)
        return status


async def test_a_get_is_stopped_in_the_middle(tmp_path: Path) -> None:
    receiver = Cancelling({2: 0xC000})
    async with site(tmp_path) as clinic:
        uids, _ = await filled(clinic, 6)
        found = await by_get(clinic, receiver)
    assert found.counts == (0xFE00, 1, 1, 0)
    assert found.remaining == 4
    assert found.listed == [uids[1]]
    assert receiver.got == uids[:2]
