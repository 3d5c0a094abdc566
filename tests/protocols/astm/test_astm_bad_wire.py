"""Sender and receiver over bad wires: the text that was sent arrives, or nothing does."""

from __future__ import annotations

import os
import random

import pytest
from astm_link import Fault, Joined, Station, clean, noisy, split
from astm_play import HEADER, PANEL

from gateway.protocols.astm import (
    Dialect,
    Endings,
    Incomplete,
    Numbering,
    Role,
    TransmissionIncomplete,
)

SEEDS = range(int(os.environ.get("ASTM_CAMPAIGN", "60")))
FAULTS = ("flip", "lose", "shorten", "repeat", "junk")


def message(rng: random.Random) -> list[bytes]:
    """A panel with values of its own; some records longer than a frame."""
    results = [
        b"R|%d|^^^T%d|%d.%d|mmol/L||N||F\r" % (n, n, rng.randrange(100), rng.randrange(10))
        for n in range(1, rng.randrange(2, 14))
    ]
    note = b"C|1|I|" + rng.randbytes(rng.randrange(400)).hex().upper().encode() + b"|G\r"
    return [HEADER, *PANEL[1:3], *results, note, PANEL[-1]]


def dialect(rng: random.Random) -> Dialect:
    return Dialect(
        max_text=rng.choice((5, 17, 240, 4000)),
        endings=rng.choice(list(Endings)),
        numbering=Numbering.STRICT,
    )


def transfer(seed: int, forth: tuple[float, tuple[str, ...]], back: tuple[float, tuple[str, ...]]):
    rng = random.Random(seed)
    spoken = dialect(rng)
    device, host = Station.of(Role.INSTRUMENT, spoken), Station.of(Role.HOST, spoken)
    records = message(rng)
    device.line.send(records)
    faults = (noisy(rng, forth[0], *forth[1]), noisy(rng, back[0], *back[1]))
    joined = Joined(device, host, faults, rng)
    joined.run()
    return device, host, b"".join(records), joined


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.02, 0.15, 0.5])
def test_the_text_arrives_or_nothing_does(seed: int, rate: float) -> None:
    _, host, text, _ = transfer(seed, (rate, FAULTS), (rate, FAULTS))
    assert host.complete in ([], [text])
    assert host.text == b""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_what_is_called_delivered_has_arrived(seed: int, rate: float) -> None:
    """Without repeats on the wire, which bring ACKs nobody asked for."""
    device, host, text, _ = transfer(
        seed, (rate, ("flip", "lose", "shorten", "junk")), (rate, ("flip", "lose"))
    )
    assert device.delivered + device.failed == 1
    if device.delivered:
        assert host.complete == [text]


@pytest.mark.parametrize("seed", SEEDS)
def test_damaged_frames_alone_are_always_repaired(seed: int) -> None:
    _, host, text, _ = transfer(seed, (0.1, ("junk",)), (0.1, ("junk",)))
    assert host.complete in ([], [text])
    _, host, text, _ = transfer(seed, (0.1, ("repeat",)), (0, ("lose",)))
    assert host.complete == [text]


@pytest.mark.parametrize("seed", range(len(SEEDS) // 3))
def test_a_cable_pulled_at_any_moment(seed: int) -> None:
    rng = random.Random(seed)
    records = message(rng)
    for steps in range(1, 60, 2):
        device, host = Station.of(Role.INSTRUMENT), Station.of(Role.HOST)
        device.line.send(records)
        joined = Joined(device, host, (split(rng), clean), rng)
        try:
            joined.run(steps)
        except AssertionError:
            joined.cut()
        assert host.complete in ([], [b"".join(records)])
        if device.delivered:
            assert host.complete


MESSAGES = {
    "one frame": [b"".join((HEADER, *PANEL[1:]))],
    "two frames": [HEADER, b"".join(PANEL[1:])],
    "a frame a record": [HEADER, *PANEL[1:]],
}


@pytest.mark.parametrize("name", MESSAGES)
def test_no_byte_that_turns_into_an_enquiry_makes_the_device_forget(name: str) -> None:
    """But for STX itself: behind that nothing tells an enquiry from a damaged frame."""
    records = MESSAGES[name]
    spoken = Dialect(
        max_text=4000, endings=Endings.MESSAGE if len(records) == 1 else Endings.RECORD
    )
    for write, record in enumerate(records, start=1):
        for place in range(1, len(record) + 7):
            device, host = Station.of(Role.INSTRUMENT, spoken), Station.of(Role.HOST, spoken)
            device.line.send(records)
            fault = turned(write, place, b"\x05")
            Joined(device, host, (fault, clean), random.Random(place)).run()
            assert device.delivered, (write, place)
            assert host.complete == [b"".join(records)], (write, place)


def turned(write: int, place: int, byte: bytes) -> Fault:
    """One byte of one write arrives as another."""
    count = iter(range(1_000_000))

    def fault(data: bytes) -> list[bytes]:
        if next(count) != write:
            return [data]
        return (
            [data[:place] + byte, data[place + 1 :]] if data[place + 1 :] else [data[:place] + byte]
        )

    return fault


SHORT = [HEADER, PANEL[1], b"O|1|S1\r", b"R|1|^^^GLU|5.4|mmol/L||N||F\r", PANEL[-1]]


@pytest.mark.parametrize("endings", Endings)
@pytest.mark.parametrize(
    "noise", [b"", *(bytes((b,)) for b in b"\x00\x02\x03\x04\x06\x15\x17\x1a\r\n\xff5")]
)
def test_one_byte_lost_or_come_from_nowhere_at_any_place(noise: bytes, endings: Endings) -> None:
    """Nothing is taken for whole that is not, and what the device counts as delivered is here.

    But for an end of text behind a frame, which says that the frame may have ended before its end:
    that transmission is evidence."""
    spoken = Dialect(max_text=20, endings=endings)
    text, write, place = b"".join(SHORT), 0, 0
    while True:
        device, host = Station.of(Role.INSTRUMENT, spoken), Station.of(Role.HOST, spoken)
        device.line.send(SHORT)
        fault = Spoilt(write, place, noise)
        Joined(device, host, (fault, clean), random.Random(place)).run()
        assert host.complete in ([], [text]), (write, place)
        truncated = TransmissionIncomplete(Incomplete.TRUNCATED, 8)
        doubted = noise in (b"\x03", b"\x17") and repr(truncated) in map(repr, host.events)
        assert host.complete or doubted or not device.delivered, (write, place)
        if fault.length is None:
            return
        write, place = (write, place + 1) if place < fault.length else (write + 1, 0)


class Spoilt:
    """One write arrives without the byte at ``place``, or with ``noise`` before it."""

    def __init__(self, write: int, place: int, noise: bytes) -> None:
        self._write, self._place, self._noise = write, place, noise
        self._count = 0
        self.length: int | None = None  # of that write, once it came

    def __call__(self, data: bytes) -> list[bytes]:
        self._count += 1
        if self._count - 1 != self._write:
            return [data]
        self.length = len(data)
        behind = data[self._place :] if self._noise else data[self._place + 1 :]
        arrived = data[: self._place] + self._noise + behind
        return [arrived] if arrived else []
