"""Drives a text receiver in tests: answers as a driver would and writes down what happened."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random

from gateway.protocols.events import (
    Enquiry,
    Event,
    MessageDamaged,
    MessageIncomplete,
    MessageReceived,
)
from gateway.protocols.text import Framing, Receiver

FUZZ = int(os.environ.get("GATEWAY_FUZZ", "60"))
"""Generated inputs a property; a campaign sets the environment variable."""


def drain(receiver: Receiver, events: list[Event], first: Event | None = None) -> bytes:
    """Takes every event that is ready and answers it; gives the bytes written."""
    written = b""
    event = first or receiver.next_event()
    while event is not None:
        events.append(event)
        match event:
            case MessageReceived() | Enquiry():
                written += receiver.accept()
            case MessageDamaged():
                written += receiver.refuse()
            case MessageIncomplete():
                pass
        event = receiver.next_event()
    return written


def conversation(framing: Framing, chunks: Iterable[bytes]) -> tuple[list[Event], bytes, int]:
    """Events, answers and junk for ``chunks`` and then silence."""
    receiver, events, written = Receiver(framing), [], b""
    for chunk in chunks:
        receiver.receive_data(chunk)
        written += drain(receiver, events)
    while (event := receiver.expire()) is not None:
        written += drain(receiver, events, event)
    assert receiver.buffered == 0
    return events, written, receiver.junk


def slicings(stream: bytes, rounds: int = 5) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and at random places."""
    yield [stream]
    yield [stream[i : i + 1] for i in range(len(stream))]
    for seed in range(rounds):
        yield sliced(stream, Random(seed))


def sliced(stream: bytes, random: Random) -> list[bytes]:
    count = random.randrange(min(len(stream), 12) + 1)
    cuts = sorted(random.randrange(len(stream) + 1) for _ in range(count))
    edges = [0, *cuts, len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]
