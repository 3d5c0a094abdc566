"""The simulated unit against independent peers: dcmtk's storescp, a pynetdicom provider."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import AE, evt

from simulators.ultrasound import PERSONALITIES
from simulators.ultrasound.personality import COMPREHENSIVE_SR, IMPLICIT, US, US_MULTIFRAME, Retry
from simulators.ultrasound.picture import Size
from simulators.ultrasound.scenarios import SCENARIOS, Session
from simulators.ultrasound.unit import COMMITMENT, PERFORMED, WORKLIST, Failed, Peer, Unit

AT = datetime(2026, 1, 5, 10, 11, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def session(port: int, name: str, **options: Any) -> Session:
    peer = Peer("ANY", "127.0.0.1", port)
    numbers = count(1)
    unit = Unit(PERSONALITIES[name], peer, retry=Retry(2, 0.0, 10.0), pause=lambda _: None)
    return Session(
        unit,
        peer,
        np.random.default_rng(7),
        lambda: AT,
        lambda: f"1.2.826.0.1.3680043.10.999.{next(numbers)}",
        size=Size(96, 128),
        frames=3,
        stills=2,
        **options,
    )


def wait_for(port: int) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            continue
        else:
            return
    raise AssertionError("nobody listens")


@pytest.fixture
def storescp(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[tuple[int, Path]]:
    program = shutil.which("storescp")
    assert program, "dcmtk is not installed; see .ci/peers"
    port, folder = free_port(), tmp_path / "received"
    folder.mkdir()
    command = [program, "+xa", "+B", "-od", str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(port)
            yield port, folder
        finally:
            server.kill()


@pytest.mark.peer
@pytest.mark.parametrize("name", sorted(PERSONALITIES))
def test_every_make_stores_an_exam(name: str, storescp: tuple[int, Path]) -> None:
    port, folder = storescp
    sent = SCENARIOS["exam"](session(port, name))
    files = [pydicom.dcmread(file) for file in folder.iterdir()]
    assert {f.SOPInstanceUID for f in files} == {d.SOPInstanceUID for d in sent}
    classes = sorted(str(f.SOPClassUID) for f in files)
    report = [COMPREHENSIVE_SR] if PERSONALITIES[name].report else []
    assert classes == sorted([US, US, US_MULTIFRAME, *report])
    loop = next(f for f in files if f.SOPClassUID == US_MULTIFRAME)
    assert loop.pixel_array.shape == (3, 96, 128, 3)


@pytest.mark.peer
@pytest.mark.parametrize("name", sorted(PERSONALITIES))
def test_what_is_stored_is_valid(name: str, storescp: tuple[int, Path]) -> None:
    port, folder = storescp
    SCENARIOS["exam"](session(port, name))
    program = shutil.which("dciodvfy")
    assert program, "dicom3tools is not installed; see .ci/peers"
    for file in folder.iterdir():
        told = subprocess.run([program, file], capture_output=True, text=True, check=False).stderr
        errors = [line for line in told.splitlines() if line.startswith("Error")]
        assert [e for e in errors if "<Laterality>" not in e] == []


@pytest.mark.peer
def test_a_loop_that_was_cut_off_is_sent_again(storescp: tuple[int, Path]) -> None:
    port, folder = storescp
    [loop] = SCENARIOS["abort"](session(port, "samsung"))
    [file] = [f for f in folder.iterdir() if f.stat().st_size]
    assert pydicom.dcmread(file).SOPInstanceUID == loop.SOPInstanceUID


def test_same_seed_same_pictures() -> None:
    one, two = (session(1, "ge") for _ in range(2))
    assert one.cine_of(one.invented(), "1.2", 1) == two.cine_of(two.invented(), "1.2", 1)


def test_identity_without_worklist_is_the_makes_own() -> None:
    assert session(1, "hand-held").invented().PatientID == ""
    assert session(1, "philips").invented().PatientID == "26-01-05-101130"
    assert session(1, "ge").invented().PatientID == "201"


@pytest.mark.parametrize("text", ["A@h", "@h:1", "A@:1", "A@h:x", "A@h:70000", "A" * 17 + "@h:1"])
def test_a_peer_needs_title_host_and_port(text: str) -> None:
    with pytest.raises(ValueError, match="AET@HOST:PORT"):
        Peer.parse(text)


class Provider:
    """Worklist, performed step, storage and commitment, on pynetdicom."""

    def __init__(self, *, lose: bool = False) -> None:
        self.steps: list[str] = []
        self.stored: list[Dataset] = []
        self.refuse_first = True
        self._lose = lose

    def find(self, _event: Any) -> Iterator[tuple[int, Dataset | None]]:
        item = Dataset()
        item.PatientName, item.PatientID, item.AccessionNumber = "DOE^JANE", "MRN1", "A100"
        item.StudyInstanceUID, item.RequestedProcedureID = "1.2.3.4", "RP1"
        step = Dataset()
        step.ScheduledProcedureStepID = "SPS1"
        item.ScheduledProcedureStepSequence = Sequence([step])
        yield 0xFF00, item
        yield 0x0000, None

    def create(self, event: Any) -> tuple[int, Dataset]:
        self.steps.append(event.attribute_list.PerformedProcedureStepStatus)
        return 0x0000, event.attribute_list

    def set(self, event: Any) -> tuple[int, Dataset]:
        self.steps.append(event.attribute_list.PerformedProcedureStepStatus)
        return 0x0000, event.attribute_list

    def store(self, event: Any) -> int:
        if self.refuse_first:
            self.refuse_first = False
            return 0xA700
        self.stored.append(event.dataset)
        return 0x0000

    def action(self, event: Any) -> tuple[int, None]:
        answer = Dataset()
        asked = event.action_information
        answer.TransactionUID = asked.TransactionUID
        items = list(asked.ReferencedSOPSequence)
        lost = items[:1] if self._lose else []
        for item in lost:
            item.FailureReason = 0x0112
        answer.ReferencedSOPSequence = Sequence(items[len(lost) :])
        if lost:
            answer.FailedSOPSequence = Sequence(lost)
        kind = 2 if lost else 1
        line = event.assoc
        arguments = (answer, kind, COMMITMENT, "1.2.840.10008.1.20.1.1")
        threading.Timer(0.05, line.send_n_event_report, arguments).start()
        return 0x0000, None


@contextmanager
def served(provider: Provider) -> Iterator[int]:
    entity = AE("ANY")
    for offer in PERSONALITIES["ge"].offers:
        entity.add_supported_context(offer.sop_class, list(offer.syntaxes))
    for offer in PERSONALITIES["samsung"].offers:
        entity.add_supported_context(offer.sop_class, list(offer.syntaxes))
    for sop_class in (WORKLIST, PERFORMED, COMMITMENT):
        entity.add_supported_context(sop_class, [IMPLICIT])
    handlers: list[Any] = [
        (evt.EVT_C_FIND, provider.find),
        (evt.EVT_N_CREATE, provider.create),
        (evt.EVT_N_SET, provider.set),
        (evt.EVT_C_STORE, provider.store),
        (evt.EVT_N_ACTION, provider.action),
    ]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()


def test_a_worklist_exam_from_pick_to_commitment() -> None:
    provider = Provider()
    lines: list[str] = []
    with served(provider) as port:
        sent = SCENARIOS["worklist-exam"](session(port, "samsung", say=lines.append))
    assert provider.steps == ["IN PROGRESS", "COMPLETED"]
    assert {d.SOPInstanceUID for d in provider.stored} == {d.SOPInstanceUID for d in sent}
    assert {d.StudyInstanceUID for d in provider.stored} == {"1.2.3.4"}
    assert provider.stored[0].AccessionNumber == "A100"
    request = provider.stored[0].RequestAttributesSequence[0]
    assert request.ScheduledProcedureStepID == "SPS1"
    assert lines[-1] == "commitment: 4 taken, 0 refused"


def test_a_refused_commitment_is_a_red_job() -> None:
    with served(Provider(lose=True)) as port, pytest.raises(Failed, match="1 refused"):
        SCENARIOS["worklist-exam"](session(port, "samsung"))


# pynetdicom drops the socket of a refused connection without closing it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_job_that_is_never_taken_stays_red() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Failed, match="no association"):
        SCENARIOS["still"](session(port, "ge"))


def test_a_stall_ends_when_the_gateway_hangs_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(64)

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert SCENARIOS["stall"](session(listener.getsockname()[1], "ge")) == []
        thread.join()


def test_the_command_line_says_what_is_wrong() -> None:
    for arguments, status, told in (
        (["--to", "X"], 2, "AET@HOST:PORT"),
        (["--to", "A@127.0.0.1:1", "--personality", "x"], 2, "known: ge, philips"),
        (["--to", "A@127.0.0.1:1", "--scenario", "x"], 2, "known: exam, worklist-exam"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "simulators", "ultrasound", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        assert done.returncode == status
        assert told in done.stderr
