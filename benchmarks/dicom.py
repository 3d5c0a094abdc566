"""C-STORE receivers side by side: ``python -m benchmarks.dicom [RECEIVER ...] [--quick]``.

Receivers: ours (file, folder and index synced), uvloop (the same on uvloop), storescp, storescp-b
(bit preserving, 128 KiB PDU), pynetdicom, orthanc.  Theirs sync nothing.  MB/s, the median
latency of an association a still in ms, and the peak of memory with four cine loops in MiB.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

MB = 1_000_000
STILL, CINE = 480_000, 100 * MB
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}


@dataclass(frozen=True, slots=True)
class Receiver:
    title: str
    command: Callable[[int, Path], list[str]]


def _ours(port: int, folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.dicom", "--serve", str(port), str(folder), *options]


def _orthanc(port: int, folder: Path) -> list[str]:
    path = folder / "orthanc.json"
    settings = {
        "DicomPort": port,
        "HttpServerEnabled": False,
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "DicomAlwaysAllowStore": True,
        "OverwriteInstances": True,
    }
    path.write_text(json.dumps(settings))
    return ["Orthanc", str(path)]


RECEIVERS = {
    "ours": Receiver("GATEWAY", _ours),
    "uvloop": Receiver("GATEWAY", lambda p, f: _ours(p, f, "uvloop")),
    "storescp": Receiver("STORESCP", lambda p, f: ["storescp", "-od", str(f), str(p)]),
    "storescp-b": Receiver(
        "STORESCP",
        lambda p, f: ["storescp", "+B", "--fork", "-pdu", "131072", "-od", str(f), str(p)],
    ),
    "pynetdicom": Receiver(
        "ANY",
        lambda p, f: [sys.executable, "-m", "pynetdicom", "storescp", str(p), "-od", str(f), "-q"],
    ),
    "orthanc": Receiver("ORTHANC", _orthanc),
}


@contextmanager
def running(receiver: Receiver, folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        receiver.command(port, folder),
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError


def send(
    port: int, title: str, size: int, count: int, *, senders: int = 1, apart: bool = False
) -> tuple[float, list[float]]:
    """MB/s of all together, and every latency in s."""
    command = [sys.executable, "-m", "benchmarks.dicom_sender", str(port), title, str(size)]
    command += [str(count), *(["apart"] if apart else [])]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(senders)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    begin = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    each: list[float] = []
    for process in started:
        out, _ = process.communicate()
        if process.returncode:
            raise RuntimeError("a sender failed")
        each += json.loads(out)["each"]
    seconds = time.perf_counter() - begin
    return senders * count * size / MB / seconds, each


def peak(process: subprocess.Popen[bytes]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(name: str, folder: Path, *, quick: bool) -> dict[str, float]:
    receiver = RECEIVERS[name]
    title, few = receiver.title, 1 if quick else 3
    found: dict[str, float] = {}
    with running(receiver, folder) as (port, process):
        send(port, title, STILL, 5)
        found["idle MiB"] = peak(process)
        rates = [send(port, title, STILL, 100)[0] for _ in range(few)]
        found["stills"] = statistics.median(rates)
        found["stills x4"] = send(port, title, STILL, 60, senders=4)[0]
        _, each = send(port, title, STILL, 60, apart=True)
        found["apart p50 ms"] = statistics.median(each) * 1000
        found["cine"] = statistics.median(send(port, title, CINE, 2)[0] for _ in range(few))
        found["cine x4"] = send(port, title, CINE, 1, senders=4)[0]
        found["peak MiB"] = peak(process)
    return found


def main() -> None:
    quick = "--quick" in sys.argv
    names = [a for a in sys.argv[1:] if a in RECEIVERS] or list(RECEIVERS)
    for name in names:
        folder = Path(tempfile.mkdtemp(dir=".", prefix="bench-"))
        try:
            found = measure(name, folder, quick=quick)
            print(f"{name:12}" + "  ".join(f"{k} {v:.4g}" for k, v in found.items()), flush=True)
        finally:
            shutil.rmtree(folder)


async def serve(port: int, folder: Path) -> None:
    from gateway.config import Configuration
    from gateway.modalities import modalities
    from gateway.notices import Noticeboard
    from gateway.store import Store

    def now() -> datetime:
        return datetime.now(UTC)

    unit = {"profile": "ultrasound", "ae_title": "VOLUSON", "address": "127.0.0.1/32"}
    chosen = Configuration.model_validate(
        {
            "gateway": {"site": "bench", "timezone": "UTC", "data_dir": folder},
            "devices": {"us": unit},
            "dicom": {"listen": f"127.0.0.1:{port}"},
        }
    )
    assert chosen.dicom is not None
    notices = Noticeboard(now)
    store = await Store.open(folder, clock=now)
    async with modalities(chosen, chosen.dicom, store, notices=notices, clock=now):
        await asyncio.Event().wait()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        if "uvloop" in sys.argv:
            import uvloop

            uvloop.run(serve(int(sys.argv[2]), Path(sys.argv[3])))
        else:
            asyncio.run(serve(int(sys.argv[2]), Path(sys.argv[3])))
    else:
        main()
