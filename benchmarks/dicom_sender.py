"""A C-STORE sender for measurements: everything is encoded before the clock starts.

``python -m benchmarks.dicom_sender PORT AET SIZE COUNT SENDERS [apart]``: each of SENDERS processes
sends COUNT images of SIZE bytes, ``apart``: each on an association of its own.  Prints the seconds
of all together and the latency of each as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from gateway.protocols.dicom import (
    Association,
    AssociationAccepted,
    CommandReceived,
    CStoreRQ,
    CStoreRSP,
    Event,
    Released,
    Role,
    propose,
)
from gateway.protocols.dicom.sop_classes import ULTRASOUND_MULTIFRAME
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    tag = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    return tag + vr + len(value).to_bytes(2, "little") + value


def head(uid: str, size: int) -> bytes:
    return b"".join(
        (
            element(0x0008, 0x0016, b"UI", ULTRASOUND_MULTIFRAME.encode()),
            element(0x0008, 0x0018, b"UI", uid.encode()),
            element(0x0008, 0x0060, b"CS", b"US"),
            element(0x0010, 0x0010, b"PN", b"TEST^LOAD"),
            element(0x0010, 0x0020, b"LO", b"TEST"),
            element(0x0020, 0x000D, b"UI", b"1.2.3.%d" % os.getpid()),
            element(0x0020, 0x000E, b"UI", b"1.2.3.%d.1" % os.getpid()),
            b"\xe0\x7f\x10\x00OB\0\0" + size.to_bytes(4, "little"),
        )
    )


Outcome = tuple[float, float, list[float]]


class Sender:
    """One association at a time over a blocking socket."""

    def __init__(self, port: int, called: str, pixels: memoryview) -> None:
        self._port, self._called, self._pixels = port, called, pixels
        self._serial = 0
        self._stamp = time.time_ns()

    def open(self) -> None:
        self._line = socket.create_connection(("127.0.0.1", self._port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._association = Association(Role.REQUESTOR)
        contexts = [(ULTRASOUND_MULTIFRAME, [EXPLICIT_LE])]
        self._line.sendall(self._association.associate(propose(self._called, "VOLUSON", contexts)))
        assert isinstance(self._event(), AssociationAccepted)

    def store(self, size: int) -> None:
        self._serial += 1
        pixels = self._pixels[:size]
        uid = f"2.25.{self._stamp}.{os.getpid()}.{self._serial}"
        (context,) = self._association.contexts.values()
        request = CStoreRQ(
            message_id=self._association.next_message_id(),
            affected_sop_class_uid=ULTRASOUND_MULTIFRAME,
            affected_sop_instance_uid=uid,
        )
        first = head(uid, size)
        length = len(first) + size
        for unit in self._association.stream(context.id, request, (first, pixels), length):
            self._send(unit)
        event = self._event()
        assert isinstance(event, CommandReceived), event
        assert isinstance(event.message, CStoreRSP)
        assert event.message.status == 0, hex(event.message.status)

    def close(self) -> None:
        self._line.sendall(self._association.release())
        assert isinstance(self._event(), Released)
        self._line.close()

    def _send(self, unit: list[bytes | bytearray | memoryview]) -> None:
        total = sum(map(len, unit))
        sent = self._line.sendmsg(unit)
        if sent < total:
            self._line.sendall(b"".join(unit)[sent:])

    def _event(self) -> Event:
        while (event := self._association.next_event()) is None:
            self._association.receive_data(self._line.recv(65536))
        return event


def latencies(sender: Sender, size: int, count: int, *, apart: bool) -> Iterator[float]:
    if not apart:
        sender.open()
    for _ in range(count):
        start = time.perf_counter()
        if apart:
            sender.open()
        sender.store(size)
        if apart:
            sender.close()
        yield time.perf_counter() - start
    if not apart:
        sender.close()


@dataclass(frozen=True, slots=True)
class Task:
    port: int
    called: str
    size: int
    count: int
    apart: bool

    def sent(self, together: Barrier, outcomes: SimpleQueue[Outcome]) -> None:
        """In a process of its own, at the same moment as the others."""
        some = os.urandom(1 << 20)
        sender = Sender(self.port, self.called, memoryview(some * (self.size // len(some) + 1)))
        together.wait()
        begin = time.perf_counter()
        each = list(latencies(sender, self.size, self.count, apart=self.apart))
        outcomes.put((begin, time.perf_counter(), each))


def main() -> None:
    port, called, size, count, senders = sys.argv[1:6]
    task = Task(int(port), called, int(size), int(count), "apart" in sys.argv)
    forked = multiprocessing.get_context("fork")
    together, results = forked.Barrier(int(senders)), forked.SimpleQueue()
    processes = [
        forked.Process(target=task.sent, args=(together, results)) for _ in range(int(senders))
    ]
    for process in processes:
        process.start()
    outcomes: list[Outcome] = []
    while len(outcomes) < len(processes):
        if any(process.exitcode for process in processes):
            raise SystemExit("a sender failed")
        if results.empty():
            time.sleep(0.005)
        else:
            outcomes.append(results.get())
    seconds = max(end for _, end, _ in outcomes) - min(begin for begin, _, _ in outcomes)
    print(json.dumps({"seconds": seconds, "each": [one for *_, each in outcomes for one in each]}))


if __name__ == "__main__":
    main()
