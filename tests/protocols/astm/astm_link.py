"""Two lines joined by wires that may be bad.  Time passes only when nothing is on the wires."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.protocols.astm import (
    Delivered,
    Dialect,
    Event,
    Failed,
    FrameDamaged,
    FrameReceived,
    Line,
    MessageReceived,
    Role,
    SenderEvent,
    TransmissionEnded,
    TransmissionIncomplete,
)

Fault = Callable[[bytes], list[bytes]]
"""What becomes of one write: the pieces that arrive."""


@dataclass
class Station:
    """One end: answers as it should and remembers what arrived whole."""

    line: Line
    text: bytes = b""
    complete: list[bytes] = field(default_factory=list)
    events: list[Event | SenderEvent] = field(default_factory=list)

    @classmethod
    def of(cls, role: Role, dialect: Dialect | None = None) -> Station:
        return cls(Line(dialect, role=role))

    def drain(self) -> list[bytes]:
        """Handles every event; what is written meanwhile."""
        written = [self.line.data_to_send()]
        while (event := self.line.next_event()) is not None:
            written.append(self.line.data_to_send())
            written.append(self.on(event))
        written.append(self.line.data_to_send())
        return [data for data in written if data]

    def on(self, event: Event | SenderEvent) -> bytes:
        self.events.append(event)
        match event:
            case FrameReceived(frame):
                self.text += frame.text
            case MessageReceived(_, text):
                self.text = text
            case TransmissionEnded():
                self.complete.append(self.text)
                self.text = b""
            case TransmissionIncomplete():
                self.text = b""
            case FrameDamaged():
                return self.line.refuse()
        return self.line.accept() if self.line.receiver.awaiting else b""

    @property
    def delivered(self) -> int:
        return sum(isinstance(event, Delivered) for event in self.events)

    @property
    def failed(self) -> bool:
        return any(isinstance(event, Failed) for event in self.events)


@dataclass
class Joined:
    """``faults`` are applied to what the first, then what the second station writes."""

    first: Station
    second: Station
    faults: tuple[Fault, Fault]
    rng: random.Random
    wires: tuple[list[bytes], list[bytes]] = field(default_factory=lambda: ([], []))

    def run(self, steps: int = 4000) -> None:
        for _ in range(steps):
            for side, station in enumerate((self.first, self.second)):
                for data in station.drain():
                    self.wires[side].extend(self.faults[side](data))
            loaded = [side for side in (0, 1) if self.wires[side]]
            if loaded:
                side = self.rng.choice(loaded)
                listener = (self.second, self.first)[side]
                listener.line.receive_data(self.wires[side].pop(0))
            elif not self._let_time_pass():
                return
        raise AssertionError("the line never came to rest")

    def _let_time_pass(self) -> bool:
        waiting = [
            (timeout, self.rng.random(), station)
            for station in (self.first, self.second)
            if (timeout := station.line.timeout) is not None
        ]
        if not waiting:
            return False
        _, _, station = min(waiting, key=lambda item: item[:2])
        if (event := station.line.expire()) is not None:
            station.on(event)
        return True

    def cut(self) -> None:
        """The cable is pulled; what was on the wires is gone."""
        for station in (self.first, self.second):
            while (event := station.line.connection_lost()) is not None:
                station.on(event)


def clean(data: bytes) -> list[bytes]:
    return [data]


def split(rng: random.Random) -> Fault:
    def fault(data: bytes) -> list[bytes]:
        cut = rng.randrange(len(data) + 1)
        return [piece for piece in (data[:cut], data[cut:]) if piece]

    return fault


def noisy(rng: random.Random, rate: float, *kinds: str) -> Fault:
    """Of ``flip`` (one bit), ``lose``, ``shorten``, ``repeat`` and ``junk``, one at a time."""
    pieces = split(rng)

    def fault(data: bytes) -> list[bytes]:
        if rng.random() >= rate:
            return pieces(data)
        place = rng.randrange(len(data))
        match rng.choice(kinds):
            case "flip":
                bit = 1 << rng.randrange(8)
                return pieces(data[:place] + bytes((data[place] ^ bit,)) + data[place + 1 :])
            case "shorten":
                return [data[:place]] if place else []
            case "repeat":
                return pieces(data + data)
            case "junk":
                return pieces(bytes((rng.randrange(0x80, 0x100),)) + data)
        return []

    return fault
