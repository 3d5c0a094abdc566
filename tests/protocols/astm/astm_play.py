"""Plays bytes to a receiver that is answered as LIS01-A2 wants, and says what happened."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from gateway.protocols.astm import (
    ChunkReceived,
    Dialect,
    Enquiry,
    Event,
    FrameDamaged,
    FrameReceived,
    FrameRepeated,
    MessageReceived,
    Receiver,
)

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"

ENQ, ACK, NAK, EOT, STX, ETX, ETB = b"\x05", b"\x06", b"\x15", b"\x04", b"\x02", b"\x03", b"\x17"
ANSWERED = (Enquiry, FrameReceived, FrameRepeated, FrameDamaged, MessageReceived, ChunkReceived)

HEADER = b"H|\\^&|||DEMO^1.0|||||||P|LIS2-A2|20250102030405\r"
PATIENT = b"P|1\r"
ORDER = b"O|1|S0001||^^^GLU|R\r"
RESULT = b"R|1|^^^GLU|5.4|mmol/L||N||F||||20250102030300\r"
END = b"L|1|N\r"
PANEL = (HEADER, PATIENT, ORDER, RESULT, END)

# The same five records as frames, computed by hand from the standard.
FRAMES = (
    STX + b"1" + HEADER + ETX + b"89\r\n",
    STX + b"2" + PATIENT + ETX + b"3F\r\n",
    STX + b"3" + ORDER + ETX + b"97\r\n",
    STX + b"4" + RESULT + ETX + b"A6\r\n",
    STX + b"5" + END + ETX + b"08\r\n",
)


def answer(receiver: Receiver, event: Event) -> bytes:
    """The right answer, or nothing where none is due."""
    if not isinstance(event, ANSWERED):
        return b""
    return receiver.refuse() if isinstance(event, FrameDamaged) else receiver.accept()


def play(receiver: Receiver, chunks: Iterable[bytes]) -> Iterator[tuple[Event, bytes]]:
    """Every event with the answer that was given."""
    for chunk in chunks:
        receiver.receive_data(chunk)
        while (event := receiver.next_event()) is not None:
            yield event, answer(receiver, event)


def events(data: bytes | Iterable[bytes], dialect: Dialect | None = None) -> list[Event]:
    chunks = [data] if isinstance(data, bytes) else data
    return [event for event, _ in play(Receiver(dialect), chunks)]


def answers(data: bytes | Iterable[bytes], dialect: Dialect | None = None) -> bytes:
    chunks = [data] if isinstance(data, bytes) else data
    return b"".join(reply for _, reply in play(Receiver(dialect), chunks))


def text_of(happened: Iterable[Event]) -> bytes:
    """The joined text of the frames received."""
    return b"".join(event.frame.text for event in happened if isinstance(event, FrameReceived))


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def sliced(data: bytes, seed: int) -> list[bytes]:
    """Random slices, a few bytes to a few hundred long."""
    rng = random.Random(seed)
    chunks = []
    while data:
        size = rng.choice((1, 2, 3, 7, 40, 200))
        chunks.append(data[:size])
        data = data[size:]
    return chunks
