"""What the gateway says on MQTT about itself, made from notices: device status and deliveries.

A device's status is retained, and only its latest is ever sent; all of them are sent again after a
reconnect.  Deliveries are told once, ids only; while the broker is away the oldest are dropped.
Results and events are not made here: they come through the outbox.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.delivery.mqtt.connection import Publication
from gateway.delivery.mqtt.topics import Topics, is_name
from gateway.notices import Delivered, DeliveryParked, Heard, LinkChanged, Posted

KEPT = 1_000  # deliveries to tell when the broker is back


@dataclass(frozen=True, slots=True)
class _Status:
    state: str = "unknown"
    detail: str = ""
    since: datetime | None = None
    last_heard: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """``device`` is set when this is a device's status."""

    publication: Publication
    device: str | None = None


class Announcements:
    """``own`` is the MQTT destination's name: its own deliveries are not announced.

    ``wake(soon)`` is called when there is something to send; ``soon`` False when it can wait.
    """

    def __init__(self, topics: Topics, own: str, wake: Callable[[bool], None]) -> None:
        self._topics = topics
        self._own = own
        self._wake = wake
        self._devices: dict[str, _Status] = {}
        self._changed: set[str] = set()
        self._deliveries: deque[Publication] = deque(maxlen=KEPT)

    def notice(self, posted: Posted) -> None:
        match posted.notice:
            case LinkChanged(device, state, detail) if is_name(device):
                known = self._devices.get(device, _Status())
                self._update(device, replace(known, state=state, detail=detail, since=posted.at))
                self._wake(True)
            case Heard(device) if is_name(device):
                known = self._devices.get(device, _Status())
                self._update(device, replace(known, last_heard=posted.at))
                self._wake(False)
            case Delivered(destination, entry, report, answer):
                done = {"event": "delivered", "report": report, "answer": answer}
                self._tell(destination, entry, done, posted.at)
            case DeliveryParked(destination, entry, report):
                self._tell(destination, entry, {"event": "parked", "report": report}, posted.at)
            case _:
                pass

    def catch_up(self, recent: Iterable[Posted]) -> None:
        """How devices are, from what was posted while nobody watched here."""
        for posted in recent:
            if isinstance(posted.notice, LinkChanged | Heard):
                self.notice(posted)

    def reconnected(self) -> None:
        """The broker may have forgotten what it retained."""
        self._changed.update(self._devices)

    def take(self) -> Announcement | None:
        """What is to be sent next, statuses first."""
        if self._changed:
            device = self._changed.pop()
            return Announcement(self._status(device), device)
        return Announcement(self._deliveries.popleft()) if self._deliveries else None

    def put_back(self, announcement: Announcement) -> None:
        """It could not be sent now."""
        if announcement.device is not None:
            self._changed.add(announcement.device)
        elif len(self._deliveries) < KEPT:
            self._deliveries.appendleft(announcement.publication)

    def _update(self, device: str, status: _Status) -> None:
        self._devices[device] = status
        self._changed.add(device)

    def _status(self, device: str) -> Publication:
        status = self._devices[device]
        latest = max(filter(None, (status.since, status.last_heard)), default=None)
        told = properties(f"{device}/status", "status", latest)
        words = {
            "device": device,
            "state": status.state,
            "detail": status.detail,
            "since": _text(status.since),
            "last_heard": _text(status.last_heard),
        }
        topic = self._topics.lab(device, "status")
        return Publication(topic, encode(words), retain=True, properties=told)

    def _tell(self, destination: str, entry: int, words: Mapping[str, str], at: datetime) -> None:
        if destination != self._own:
            where = {"destination": destination, "time": at.isoformat()}
            body = encode({**words, **where, "message": entry})
            told = properties(f"{destination}/{entry}/{words['event']}", "delivery", at)
            topic = self._topics.delivery(destination)
            self._deliveries.append(Publication(topic, body, properties=told))
            self._wake(True)


def properties(identity: str, kind: str, at: datetime | None) -> dict[str, str]:
    """The user properties every message has; ``at`` is None where no time is known yet."""
    told = {"id": identity, "type": kind}
    return told if at is None else told | {"time": at.isoformat()}


def encode(words: Mapping[str, str | int | None]) -> bytes:
    return json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
