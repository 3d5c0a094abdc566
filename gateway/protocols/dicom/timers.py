"""How long to wait for a peer, as values: nothing here reads a clock.

An association says which one ``Timer`` runs now.  The caller starts a clock when it sees a timer it
has not seen before (``serial`` counts signs of life) and calls ``expire(timer)`` when the clock
runs out.  While the caller itself has stopped reading, its clock must stand still too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TimerName(StrEnum):
    """What is being waited for."""

    ARTIM = "artim"  # the association request, complete (PS3.8 9.1.5)
    ASSOCIATE = "associate"  # the answer to our association request
    STALL = "stall"  # more of a message that has begun, either way
    REPLY = "reply"  # the response to our DIMSE request
    IDLE = "idle"  # the next message
    RELEASE = "release"  # the answer to our release request
    CLOSING = "closing"  # the transport's end (ARTIM again, shorter)


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds.  ``progress``: so many bytes of a message must come within each ``stall``.

    ``progress`` is what cuts a peer that drips single bytes; 64 KiB in 30 s passes any link that
    could ever finish a cine.
    """

    artim: float = 30.0
    associate: float = 30.0
    stall: float = 30.0
    progress: int = 65536  # bytes
    reply: float = 60.0
    idle: float = 900.0
    release: float = 30.0
    closing: float = 5.0

    def seconds(self, name: TimerName) -> float:
        """How long this one runs."""
        return float(getattr(self, name.value))


@dataclass(frozen=True, slots=True)
class Timer:
    """A running timer.  Equal means: the same clock, still running."""

    name: TimerName
    seconds: float
    serial: int


class Clockwork:
    """Which timer runs, and since which sign of life."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._serial = 0
        self._progress = 0

    def sign_of_life(self) -> None:
        """Something was finished: whatever runs starts again."""
        self._serial += 1
        self._progress = 0

    def received(self, count: int) -> None:
        """Bytes of a message count as life only by the portion."""
        self._progress += count
        if self._progress >= self._timers.progress:
            self.sign_of_life()

    def running(self, name: TimerName | None) -> Timer | None:
        """The timer of that name as it runs now."""
        return Timer(name, self._timers.seconds(name), self._serial) if name else None
