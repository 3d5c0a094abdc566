"""What happened, for whoever watches: the terminal view, MQTT status topics, metrics, web pages.

A notice names devices, destinations, ids, kinds and counts; it never holds patient data.  Notices
are a courtesy: the record is the store, and a watcher that falls behind loses the oldest ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LinkState(StrEnum):
    """How a device's line is, as far as the gateway can tell."""

    CLOSED = "closed"
    WAITING = "waiting"
    UP = "up"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LinkChanged:
    device: str
    state: LinkState
    detail: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Bytes that made sense came from a device (an enquiry, a message, a heartbeat)."""

    device: str


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """A damaged frame was answered NAK."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class TransmissionLost:
    """A transmission was cut off; its bytes are kept as incomplete evidence."""

    device: str
    transmission: int
    reason: str


@dataclass(frozen=True, slots=True)
class NoiseAlarm:
    device: str
    refused: int
    frames: int


@dataclass(frozen=True, slots=True)
class DeviceSilent:
    """Nothing was heard of a device for longer than it should be quiet."""

    device: str
    hours: float


@dataclass(frozen=True, slots=True)
class ClockRead:
    """A device said what time it is: ``ahead`` seconds after ours (behind where negative)."""

    device: str
    ahead: float


@dataclass(frozen=True, slots=True)
class ClockDrifted:
    """A device's clock is off by more than its limit, or (``right``) is not any more."""

    device: str
    ahead: float
    right: bool = False


@dataclass(frozen=True, slots=True)
class ReportFiled:
    """A report is on disk; ``held`` lists its reasons when it may not leave by itself."""

    device: str
    report: str
    kind: str
    observations: int
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DuplicateSeen:
    device: str
    transmission: int
    original: int


@dataclass(frozen=True, slots=True)
class Delivered:
    destination: str
    entry: int
    report: str
    answer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DeliveryPostponed:
    destination: str
    entry: int
    reason: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class DeliveryParked:
    """A message a person must look at."""

    destination: str
    entry: int
    report: str
    reason: str


@dataclass(frozen=True, slots=True)
class LaneStopped:
    """A destination refuses everything alike; nothing more is sent until a person says so."""

    destination: str
    reason: str


@dataclass(frozen=True, slots=True)
class DestinationChanged:
    destination: str
    up: bool
    detail: str


@dataclass(frozen=True, slots=True)
class StoreAlarm:
    """The store stopped taking data (``well`` False) or takes it again."""

    well: bool
    reason: str


@dataclass(frozen=True, slots=True)
class StudyChanged:
    device: str
    study: str
    instances: int
    state: str


@dataclass(frozen=True, slots=True)
class MessageRefused:
    """An EHR's order or patient message was not taken; ``reason`` is a kind and a position."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class InstanceQuarantined:
    """An image is kept but belongs to no study: conflict, mismatch or unreadable."""

    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImageDamaged:
    """A stored file is not what was received any more."""

    device: str
    instance: str


@dataclass(frozen=True, slots=True)
class PurgeFailed:
    """Files that may go cannot be removed."""

    reason: str


@dataclass(frozen=True, slots=True)
class StrangerCalled:
    """A DICOM caller that is in no section; ``peer`` is its AE title and address."""

    peer: str
    detail: str


Notice = (
    LinkChanged
    | Heard
    | FrameRefused
    | TransmissionLost
    | NoiseAlarm
    | DeviceSilent
    | ClockRead
    | ClockDrifted
    | ReportFiled
    | DuplicateSeen
    | Delivered
    | DeliveryPostponed
    | DeliveryParked
    | LaneStopped
    | DestinationChanged
    | StoreAlarm
    | StudyChanged
    | MessageRefused
    | InstanceQuarantined
    | ImageDamaged
    | PurgeFailed
    | StrangerCalled
)


@dataclass(frozen=True, slots=True)
class Posted:
    at: datetime
    notice: Notice


class Noticeboard:
    """Hands every notice to every watcher, at once and in order, on the caller's thread."""

    def __init__(self, clock: Callable[[], datetime], keep: int = 200) -> None:
        self._clock = clock
        self._watchers: list[Callable[[Posted], None]] = []
        self.recent: deque[Posted] = deque(maxlen=keep)

    def post(self, notice: Notice) -> None:
        posted = Posted(self._clock(), notice)
        self.recent.append(posted)
        for watcher in tuple(self._watchers):
            watcher(posted)

    @contextmanager
    def watched_by(self, watcher: Callable[[Posted], None]) -> Iterator[None]:
        """``watcher`` must return at once; it sees notices until the block ends."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)
