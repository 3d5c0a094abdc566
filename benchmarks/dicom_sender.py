"""A C-STORE sender for measurements: everything is encoded before the clock starts.

``python -m benchmarks.dicom_sender PORT AET SIZE COUNT [apart]`` sends COUNT images of SIZE bytes,
``apart``: each on an association of its own.  Prints seconds and the latency of each as JSON.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator

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

    def store(self) -> None:
        self._serial += 1
        uid = f"2.25.{self._stamp}.{os.getpid()}.{self._serial}"
        (context,) = self._association.contexts.values()
        request = CStoreRQ(
            message_id=self._association.next_message_id(),
            affected_sop_class_uid=ULTRASOUND_MULTIFRAME,
            affected_sop_instance_uid=uid,
        )
        first = head(uid, len(self._pixels))
        length = len(first) + len(self._pixels)
        for unit in self._association.stream(context.id, request, (first, self._pixels), length):
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


def latencies(sender: Sender, count: int, *, apart: bool) -> Iterator[float]:
    if not apart:
        sender.open()
    for _ in range(count):
        start = time.perf_counter()
        if apart:
            sender.open()
        sender.store()
        if apart:
            sender.close()
        yield time.perf_counter() - start
    if not apart:
        sender.close()


def main() -> None:
    port, called, size, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sender = Sender(port, called, memoryview(os.urandom(1 << 20) * (size // (1 << 20) + 1))[:size])
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.perf_counter()
    each = list(latencies(sender, count, apart="apart" in sys.argv))
    print(json.dumps({"seconds": time.perf_counter() - start, "each": each}), flush=True)


if __name__ == "__main__":
    main()
