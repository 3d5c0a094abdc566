"""C-STORE receivers side by side: ``python -m benchmarks dicom``, ``dicom-dcmtk``.

The gateway as it runs (file, folder and index synced before the answer) beside a C program that
copies and syncs the file, and beside DCMTK, Orthanc and pynetdicom, which sync nothing.  All run at
once and are measured in turn, round after round, with the same sender; a ratio is the median of the
ratios of each round.  ``dicom-dcmtk`` is the same with a sender of DCMTK's classes, built for it
where their headers are.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.astm import load
from benchmarks.dicom_receivers import (
    ENVIRONMENT,
    KINDS,
    OURS,
    Receiver,
    at_hand,
    running,
    with_analyzer,
)
from benchmarks.table import Row

MB = 1_000_000
STILL = 480_000
SLOW = {"pynetdicom", "Orthanc"}  # where a fraction of the images tells as much
SENDER = (sys.executable, "-m", "benchmarks.dicom_sender")
DCMTK_SENDER = Path(__file__).with_name("dcmtk_sender.cc")


@dataclass(frozen=True, slots=True)
class Workload:
    """``goals``: what the gateway should be at least, as a multiple of another receiver."""

    title: str
    size: int
    count: int
    senders: int = 1
    apart: bool = False
    goals: Mapping[str, float] | None = None

    def run(self, receiver: Receiver, share: float, sender: Sequence[str]) -> float:
        """MB/s; images a second where each has an association of its own."""
        count = max(int(self.count * share), 1)
        rate, each = send(
            receiver, self.size, count, senders=self.senders, apart=self.apart, by=sender
        )
        receiver.forget()
        return 1 / statistics.median(each) if self.apart and self.senders == 1 else rate


CINE_GOALS = {"C copy, fdatasync": 0.8, "storescp": 3.0, "storescp +B 128K": 0.6}
APART_GOALS = {"storescp": 1.0, "storescp --fork": 1.0}
WORKLOADS = (
    Workload("cine 100 MB", 100 * MB, 2, goals=CINE_GOALS),
    Workload("cine 216 MB", 216 * MB, 1, goals=CINE_GOALS),
    Workload("cine 100 MB, 4 senders", 100 * MB, 1, senders=4),
    Workload("500 stills, one association", STILL, 500, goals={"Orthanc": 1.8}),
    Workload("stills, 4 senders", STILL, 100, senders=4),
    Workload("stills, 16 senders", STILL, 25, senders=16),
    Workload("association a still", STILL, 100, apart=True, goals=APART_GOALS),
    Workload("association a still, 4 senders", STILL, 50, senders=4, apart=True),
)


def measure(seconds: float) -> list[Row]:
    """About ``seconds`` of rounds a workload, three rounds at least."""
    rows = _side_by_side(seconds, SENDER)
    return [*rows, *(_peak(name) for name in at_hand()), *_beside_an_analyzer(seconds)]


def measure_by_dcmtk(seconds: float) -> list[Row]:
    """The same workloads with the other sender."""
    with tempfile.TemporaryDirectory() as folder:
        program = str(Path(folder, "sender"))
        libraries = ("-ldcmnet", "-ldcmdata", "-loflog", "-lofstd")
        command = ["c++", "-O2", "-o", program, str(DCMTK_SENDER), *libraries]
        try:
            subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            return [Row("DCMTK's headers or a compiler: not on this machine", "")]
        return _side_by_side(seconds, [program])


def _side_by_side(seconds: float, sender: Sequence[str]) -> list[Row]:
    names = at_hand()
    rows = [Row(f"{name}: not on this machine", "") for name in KINDS if name not in names]
    with ExitStack() as stack:
        receivers = {name: stack.enter_context(running(name)) for name in names}
        for receiver in receivers.values():
            send(receiver, STILL, 5)
        for workload in WORKLOADS:
            rows += _compared(workload, receivers, seconds, sender)
    return rows


def _compared(
    workload: Workload, receivers: Mapping[str, Receiver], seconds: float, sender: Sequence[str]
) -> list[Row]:
    rounds: list[dict[str, float]] = []
    begin = time.monotonic()
    while len(rounds) < 3 or time.monotonic() - begin < seconds:
        rounds.append(
            {
                name: workload.run(
                    receiver, 0.2 if name in SLOW and workload.count > 4 else 1, sender
                )
                for name, receiver in receivers.items()
            }
        )
    return [_row(workload, name, rounds) for name in receivers]


def _row(workload: Workload, name: str, rounds: list[dict[str, float]]) -> Row:
    rate = statistics.median(each[name] for each in rounds)
    single = workload.apart and workload.senders == 1
    figure = f"p50 {1000 / rate:.2f} ms" if single else f"{rate:,.0f} MB/s"
    if name == OURS:
        return Row(f"{workload.title}: {name}", figure)
    ratio = statistics.median(each[OURS] / each[name] for each in rounds)
    goal = (workload.goals or {}).get(name)
    return Row(
        f"{workload.title}: {name}",
        figure,
        f"gateway {ratio:.2f} of it",
        f"{goal}" if goal is not None else "",
    )


def _peak(name: str) -> Row:
    """Memory of a fresh one with four cine loops at once."""
    with running(name) as receiver:
        send(receiver, STILL, 5)
        idle = receiver.resident
        with watched(receiver) as seen:
            send(receiver, 100 * MB, 1, senders=4)
    figure = f"{max(seen):,.0f} MiB, {idle:,.0f} idle"
    return Row(f"memory, four cine loops: {name}", figure, "", "64" * (name == OURS))


@contextmanager
def watched(receiver: Receiver) -> Iterator[list[float]]:
    """Its memory every hundredth of a second."""
    seen, over = [receiver.resident], threading.Event()

    def run() -> None:
        while not over.wait(0.01):
            seen.append(receiver.resident)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _beside_an_analyzer(seconds: float) -> list[Row]:
    """An analyzer's wait for an ACK: alone, with cine loops into the gateway, with the same into
    another program on the same machine."""
    rows: list[Row] = []
    with with_analyzer() as (gateway, analyzer), ExitStack() as stack:
        others = {"cine loops into the gateway": gateway}
        if "storescp +B 128K" in at_hand():
            bystander = stack.enter_context(running("storescp +B 128K"))
            others["cine loops past it, into storescp"] = bystander
        alone = [load(analyzer, 1, seconds)[1:]]
        beside = {name: [_ack(receiver, analyzer, seconds)] for name, receiver in others.items()}
        for _ in range(2):
            alone.append(load(analyzer, 1, seconds)[1:])
            for name, receiver in others.items():
                beside[name].append(_ack(receiver, analyzer, seconds))
    quiet = statistics.median(slow for _, slow in alone)
    for name, waits in {"alone": alone, **beside}.items():
        median = statistics.median(wait for wait, _ in waits)
        slow = statistics.median(wait for _, wait in waits)
        goal = "at most 2" if name == "cine loops into the gateway" else ""
        figure = f"p50 {median:,.0f}, p99 {slow:,.0f} us"
        rows.append(Row(f"an analyzer's ACK: {name}", figure, f"{slow / quiet:.2f} of alone", goal))
    return rows


def _ack(receiver: Receiver, analyzer: int, seconds: float) -> tuple[float, float]:
    """p50 and p99 in us while one unit sends cine loops without a pause."""
    over = threading.Event()

    def images() -> None:
        while not over.is_set():
            send(receiver, 100 * MB, 2)
            receiver.forget()

    thread = threading.Thread(target=images)
    thread.start()
    try:
        _, median, slow = load(analyzer, 1, seconds)
    finally:
        over.set()
        thread.join()
    return median, slow


def send(
    receiver: Receiver,
    size: int,
    count: int,
    *,
    senders: int = 1,
    apart: bool = False,
    by: Sequence[str] = SENDER,
) -> tuple[float, list[float]]:
    """MB/s of all together, and every latency in s."""
    command = [*by, str(receiver.port), receiver.title, str(size), str(count), str(senders)]
    command += ["apart"] if apart else []
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=ENVIRONMENT)
    outcome = json.loads(finished.stdout)
    return senders * count * size / MB / outcome["seconds"], outcome["each"]
