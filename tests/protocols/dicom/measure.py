"""Figures for the DICOM core: receive path, send path, negotiation.  Run it by hand.

Each figure is the best of several rounds, since other work on the machine can only add to it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

from gateway.protocols.dicom import (
    Association,
    CStoreRQ,
    DataReceived,
    Policy,
    Role,
    Service,
    Settings,
    negotiate,
    propose,
)
from gateway.protocols.dicom.associate import AssociateRQ
from gateway.protocols.dicom.sop_classes import STORAGE_UIDS, ULTRASOUND_MULTIFRAME
from gateway.protocols.dicom.transfer_syntaxes import EXPLICIT_LE, IMPLICIT_LE, JPEG_BASELINE

POLICY = Policy.offering(Service)
CINE = 100_000_000
ROUNDS = 5


def best(run: Callable[[], None]) -> float:
    """Seconds of the fastest round."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def established(pdu: int) -> tuple[Association, Association]:
    settings = Settings(max_pdu_length=pdu, send_pdu_length=pdu)
    ours, theirs = Association(Role.REQUESTOR, settings), Association(Role.ACCEPTOR, settings)
    request = propose("A", "B", [(ULTRASOUND_MULTIFRAME, [EXPLICIT_LE])], settings=settings)
    theirs.receive_data(ours.associate(request))
    theirs.next_event()
    ours.receive_data(theirs.accept(negotiate(request, POLICY)))
    ours.next_event()
    return ours, theirs


def store(ours: Association, size: int) -> bytes:
    message = CStoreRQ(
        message_id=ours.next_message_id(),
        affected_sop_class_uid=ULTRASOUND_MULTIFRAME,
        affected_sop_instance_uid="1.2.3",
    )
    data = bytes(size)
    return b"".join(b for unit in ours.stream(1, message, [data], size) for b in unit)


def drain(association: Association) -> int:
    count = 0
    while (event := association.next_event()) is not None:
        if isinstance(event, DataReceived):
            count += len(event.data)
    return count


def received_in_place(pdu: int, slice_: int) -> None:
    ours, _ = established(pdu)
    wire = memoryview(store(ours, CINE))

    def run() -> None:
        _, theirs = established(pdu)
        count = 0
        for start in range(0, len(wire), slice_):
            theirs.receive_data(wire[start : start + slice_])
            count += drain(theirs)
        assert count == CINE

    seconds = best(run)
    print(f"receive_data   PDU {pdu:>6}, slices {slice_:>7}: {CINE / seconds / 1e9:7.2f} GB/s")


def received_in_buffer(pdu: int) -> None:
    ours, _ = established(pdu)
    wire = memoryview(store(ours, CINE))

    def run() -> None:
        _, theirs = established(pdu)
        count = start = 0
        while start < len(wire):
            room = theirs.get_buffer()
            size = min(len(room), len(wire) - start)
            room[:size] = wire[start : start + size]
            theirs.buffer_updated(size)
            start += size
            count += drain(theirs)
        assert count == CINE

    def bound() -> None:
        room = memoryview(bytearray(262144))
        for start in range(0, len(wire), len(room)):
            piece = wire[start : start + len(room)]
            room[: len(piece)] = piece

    seconds, copying = best(run), best(bound)
    print(
        f"get_buffer     PDU {pdu:>6}, one copy in:    {CINE / seconds / 1e9:7.2f} GB/s"
        f"  (copy alone {CINE / copying / 1e9:.2f})"
    )


def received_from_socket(pdu: int, buffer: int) -> None:
    ours, _ = established(pdu)
    wire = store(ours, CINE)

    def run() -> None:
        settings = Settings(max_pdu_length=pdu, receive_buffer=buffer)
        _, theirs = established(pdu)
        theirs._buffer._size = settings.receive_buffer
        near, far = socket.socketpair()
        sender = threading.Thread(target=far.sendall, args=(wire,))
        sender.start()
        count = 0
        while count < CINE:
            theirs.buffer_updated(near.recv_into(theirs.get_buffer()))
            count += drain(theirs)
        sender.join()
        near.close()
        far.close()

    seconds = best(run)
    print(f"socketpair     PDU {pdu:>6}, buffer {buffer:>7}: {CINE / seconds / 1e9:7.2f} GB/s")


def sent(pdu: int) -> None:
    data = bytes(CINE)

    def run() -> None:
        ours, _ = established(pdu)
        message = CStoreRQ(
            message_id=1,
            affected_sop_class_uid=ULTRASOUND_MULTIFRAME,
            affected_sop_instance_uid="1.2.3",
        )
        for _ in ours.stream(1, message, [data], CINE):
            pass

    print(f"stream         PDU {pdu:>6}:                 {CINE / best(run) / 1e9:7.2f} GB/s")


def negotiated(count: int) -> None:
    classes = sorted(STORAGE_UIDS)
    syntaxes = [JPEG_BASELINE, EXPLICIT_LE, "1.2.840.10008.1.2.2", IMPLICIT_LE]
    request = propose(
        "GATEWAY", "VOLUSON", [(classes[n % len(classes)], syntaxes) for n in range(count)]
    )
    wire = request.encode()

    def decode() -> None:
        AssociateRQ.decode(wire[6:])

    def decide() -> None:
        negotiate(request, POLICY)

    def whole() -> None:
        association = Association(Role.ACCEPTOR)
        association.receive_data(wire)
        association.next_event()
        association.accept(negotiate(request, POLICY))

    for name, run in (("decode", decode), ("negotiate", decide), ("all, RQ to AC", whole)):
        print(f"{count:>3} contexts, {name:<14} {best(run) * 1e6:7.0f} us")


def main() -> None:
    for pdu in (131072, 16384):
        for slice_ in (262144, 65536):
            received_in_place(pdu, slice_)
        received_in_buffer(pdu)
        sent(pdu)
    for buffer in (65536, 131072, 262144, 524288):
        received_from_socket(131072, buffer)
    for count in (1, 42, 128):
        negotiated(count)


if __name__ == "__main__":
    main()
