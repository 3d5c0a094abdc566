"""Receivers of C-STORE under measurement, each on a free port with a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import LOINC, free_port
from gateway.protocols.dicom import Association, CStoreRQ, Policy, Role, Service, negotiate, propose
from gateway.protocols.dicom.events import AssociationRequested
from gateway.protocols.dicom.sop_classes import ULTRASOUND_MULTIFRAME
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE

UNIT = "VOLUSON"
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1"}
BOUND = Path(__file__).with_name("bound.c")
CONFIGURATION = """
[gateway]
site = "bench"
timezone = "UTC"
data_dir = "data"

[devices.us]
profile = "ultrasound"
ae_title = "{unit}"
address = "127.0.0.1/32"

[dicom]
listen = "127.0.0.1:{port}"
"""
ANALYZER = """
[devices.bench]
profile = "generic-astm"
stream = "tcp-listen:127.0.0.1:{analyzer}"
codes = {{ {codes} }}
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """``command`` from port and folder; ``title`` is the AE title to call; ``needs`` a program."""

    title: str
    needs: str
    command: Callable[[int, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A running one."""

    title: str
    port: int
    folder: Path
    process: int

    @property
    def resident(self) -> float:
        """MiB of the process and its children now."""
        return sum(_resident(number) for number in _family(self.process)) / 1024

    def forget(self) -> None:
        """Empties the images it has, so that their writing back disturbs nobody else.

        Deleting them would: ext4 does not give a deleted inode again for five minutes, and to make
        a file it looks at each of them first.
        """
        for path in filter(_is_image, self.folder.rglob("*")):
            with suppress(OSError):
                os.truncate(path, 0)


def _is_image(path: Path) -> bool:
    large = path.is_file() and path.stat().st_size > 100_000
    return large and "gateway.db" not in path.name and "index" not in path.name


def _ours(port: int, folder: Path, more: str = "") -> list[str]:
    path = folder / "gateway.toml"
    path.write_text(CONFIGURATION.format(unit=UNIT, port=port) + more)
    return [sys.executable, "-m", "gateway", "run", "-c", str(path)]


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


def _bound(port: int, folder: Path) -> list[str]:
    """Compiles it, and writes down what it answers: one context, status 0000."""
    program, accept, response = (folder / name for name in ("bound", "accept", "response"))
    subprocess.run(["cc", "-O2", "-o", program, BOUND], check=True)
    unit, agreed = answers()
    accept.write_bytes(agreed)
    response.write_bytes(unit)
    at = unit.index(b"\x00\x00\x20\x01\x02\x00\x00\x00") + 8
    return [*map(str, (program, port, folder, 1, accept, response, at))]


def answers() -> tuple[bytes, bytes]:
    """A C-STORE-RSP and an A-ASSOCIATE-AC for this benchmark's sender."""
    theirs, ours = Association(Role.REQUESTOR), Association(Role.ACCEPTOR)
    contexts = [(ULTRASOUND_MULTIFRAME, [EXPLICIT_LE])]
    ours.receive_data(theirs.associate(propose("BOUND", UNIT, contexts)))
    event = ours.next_event()
    assert isinstance(event, AssociationRequested)
    agreed = ours.accept(negotiate(event.request, Policy.offering({Service.STORAGE})))
    theirs.receive_data(agreed)
    theirs.next_event()
    (context,) = theirs.contexts.values()
    request = CStoreRQ(
        message_id=1,
        affected_sop_class_uid=ULTRASOUND_MULTIFRAME,
        affected_sop_instance_uid="1.2",
    )
    ours.receive_data(theirs.send(context.id, request, b"\x08\x00\x05\x00\x00\x00\x00\x00"))
    while ours.next_event() is not None:
        pass
    return ours.send(context.id, request.response(0)), agreed


def _storescp(*options: str) -> Callable[[int, Path], list[str]]:
    return lambda port, folder: ["storescp", *options, "-od", str(folder), str(port)]


def _pynetdicom(port: int, folder: Path) -> list[str]:
    options = ["storescp", str(port), "-od", str(folder), "-q"]
    return [sys.executable, "-m", "pynetdicom", *options]


OURS = "gateway"
KINDS = {
    OURS: Kind("GATEWAY", sys.executable, _ours),
    "C copy, fdatasync": Kind("BOUND", "cc", _bound),
    "storescp": Kind("STORESCP", "storescp", _storescp()),  # one association at a time
    "storescp --fork": Kind("STORESCP", "storescp", _storescp("--fork")),
    "storescp +B 128K": Kind("STORESCP", "storescp", _storescp("+B", "--fork", "-pdu", "131072")),
    "Orthanc": Kind("ORTHANC", "Orthanc", _orthanc),
    "pynetdicom": Kind("ANY", sys.executable, _pynetdicom),
}


def at_hand() -> list[str]:
    return [name for name, kind in KINDS.items() if shutil.which(kind.needs)]


@contextmanager
def running(name: str) -> Iterator[Receiver]:
    """One of ``KINDS`` until the block ends; its files are gone then."""
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="dicom-bench-", dir=Path.cwd()) as folder:
        port = free_port()
        with started(kind.command(port, Path(folder)), port) as number:
            yield Receiver(kind.title, port, Path(folder), number)


@contextmanager
def with_analyzer() -> Iterator[tuple[Receiver, int]]:
    """A gateway that also listens for an analyzer, and on which port."""
    with tempfile.TemporaryDirectory(prefix="dicom-bench-", dir=Path.cwd()) as folder:
        port, analyzer = free_port(), free_port()
        codes = ", ".join(f'"T{n:02d}" = "{LOINC}"' for n in range(1, 21))
        more = ANALYZER.format(analyzer=analyzer, codes=codes)
        with started(_ours(port, Path(folder), more), port) as number:
            yield Receiver("GATEWAY", port, Path(folder), number), analyzer


@contextmanager
def started(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(
        command,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(port)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):  # children of its own included
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _wait(port: int) -> None:
    import socket

    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("a receiver did not start")


def _family(number: int) -> Iterator[int]:
    yield number
    with suppress(OSError):
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))


def _resident(number: int) -> int:
    """KiB; 0 for a process that has just ended."""
    try:
        status = Path(f"/proc/{number}/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmRSS:")[1].split()[0]) if "VmRSS:" in status else 0
