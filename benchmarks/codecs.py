"""Bytes to records, reports to messages: ours beside the libraries people use."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from zlib import adler32
from zoneinfo import ZoneInfo

from benchmarks.load import frames
from benchmarks.python_astm import decoder
from benchmarks.table import Row
from gateway.messages import DESTINATION_PROFILES, Envelope, control_id, encode, verify
from gateway.profiles import Context, catalogue, normalize
from gateway.protocols.astm import Receiver
from gateway.protocols.astm import decode as read_records
from gateway.report import Report

# senaite's codec beside python-astm's, and beside a lean decoder, as measured in one run with it.
SENAITE_OF_PYTHON_ASTM = 302 / 278
SENAITE_OF_LEAN = 302 / 55


def best(work: Callable[[], object], seconds: float) -> float:
    """The fastest of many rounds, in microseconds."""
    work()
    found, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(10):
            work()
        found = min(found, (time.perf_counter() - start) / 10)
    return found * 1e6


def receive() -> bytes:
    """24 frames through the receiver, as the driver does it; the joined text."""
    texts, receiver = [], RECEIVER
    for piece in SESSION:
        if (found := receiver.receive_frame(piece)) is not None:
            texts.append(found[0])
            receiver.accept()
            continue
        receiver.receive_data(piece)
        while (event := receiver.next_event()) is not None:
            if receiver.awaiting:
                frame = getattr(event, "frame", None)
                if frame is not None:
                    texts.append(frame.text)
                receiver.accept()
    return b"".join(texts)


def lean() -> list[list[str | list[str]]]:
    """The least a decoder can do: numbers, checksums, records, fields, components."""
    number, texts = 0, []
    for frame in SESSION[1:-1]:
        body = frame[1:-4]
        number = (number + 1) % 8
        if body[0] - 48 != number or b"%02X" % ((adler32(body) - 1) & 0xFF) != frame[-4:-2]:
            raise ValueError("damaged")
        texts.append(body[1:-1])
    records = b"".join(texts).decode("latin-1").split("\r")
    return [
        [field.split("^") if "^" in field else field for field in record.split("|")]
        for record in records
        if record
    ]


RECEIVER = Receiver()  # one a connection, as in the driver
SESSION = (b"\x05", *frames(1, whole=False), b"\x04")
TEXT = receive()


def decode(seconds: float) -> list[Row]:
    bare = best(lean, seconds / 4)
    link = best(receive, seconds / 4)
    records = best(lambda: read_records(TEXT), seconds / 4)
    ours = link + records
    peer, rows = decoder(), []
    senaite = bare * SENAITE_OF_LEAN
    if peer is not None:
        theirs = best(lambda: [peer(frame) for frame in SESSION[1:-1]], seconds / 4)
        senaite = theirs * SENAITE_OF_PYTHON_ASTM
        rows.append(
            Row("24 frames: python-astm's codec", f"{theirs:.0f} us", f"{theirs / ours:.1f} x ours")
        )
    return [
        Row("24 frames: lean decoder", f"{bare:.0f} us"),
        *rows,
        Row("24 frames: receiver, events and checksums", f"{link:.0f} us"),
        Row("24 records: message tree", f"{records:.0f} us"),
        Row(
            "receiver and records together",
            f"{ours:.0f} us",
            f"{senaite / ours:.1f} x senaite's codec (scaled)",
            "3",
        ),
    ]


def panel() -> Report:
    """20 results of one specimen."""
    codes = {f"T{n:02d}": "14749-6" for n in range(1, 21)}
    now = datetime(2026, 1, 5, 10, 12, tzinfo=UTC)
    context = Context("bench", ZoneInfo("UTC"), now, "1", codes)
    (report,) = normalize(TEXT, catalogue()["generic-astm"], context)
    return report


def message() -> bytes:
    """That report as ORU^R01."""
    report, profile = panel(), DESTINATION_PROFILES["oru-2.5.1"]
    return encode(report, Envelope(control_id(b"bench", report.id, 0), report.received_at), profile)


def oru(seconds: float) -> list[Row]:
    report, profile = panel(), DESTINATION_PROFILES["oru-2.5.1"]
    envelope = Envelope(control_id(b"bench", report.id, 0), report.received_at)
    message = encode(report, envelope, profile)
    verify(message, report, envelope, profile)
    build = best(lambda: encode(report, envelope, profile), seconds / 4)
    check = best(lambda: verify(message, report, envelope, profile), seconds / 4)
    rows = [
        Row("ORU, 20 OBX: build", f"{build:.0f} us"),
        Row("ORU, 20 OBX: validate, read back, compare", f"{check:.0f} us"),
        Row("ORU, 20 OBX: all of it", f"{build + check:.0f} us", "", "1000"),
    ]
    return [*rows, *_peers(message.decode(), build + check, seconds)]


def _peers(text: str, ours: float, seconds: float) -> list[Row]:
    import hl7
    from hl7apy.parser import parse_message

    parsed = hl7.parse(text)
    simple = best(lambda: (hl7.parse(text), str(parsed)), seconds / 4)
    schema = best(lambda: parse_message(text).validate(), seconds / 4)
    return [
        Row(
            "python-hl7: parse and write the same",
            f"{simple:.0f} us",
            f"{simple / ours:.1f} x ours",
        ),
        Row(
            "hl7apy: parse and validate the same", f"{schema:.0f} us", f"{schema / ours:.0f} x ours"
        ),
    ]
