"""Prometheus metrics, computed when asked: from the desk's status, and counted from notices.

Labels are names of the configuration, kinds and states; nothing a device sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.notices import (
    Delivered,
    DeliveryParked,
    FrameRefused,
    LinkState,
    Posted,
    ReportFiled,
    StudyChanged,
    TransmissionLost,
)


class Tally:
    """Counts since the gateway started; ``see`` is a watcher for the noticeboard."""

    def __init__(self) -> None:
        self.refused: Counter[tuple[str, ...]] = Counter()
        self.lost: Counter[tuple[str, ...]] = Counter()
        self.reports: Counter[tuple[str, ...]] = Counter()
        self.delivered: Counter[tuple[str, ...]] = Counter()
        self.parked: Counter[tuple[str, ...]] = Counter()
        self.studies: Counter[tuple[str, ...]] = Counter()

    def see(self, posted: Posted) -> None:
        match posted.notice:
            case FrameRefused(device, reason):
                self.refused[device, reason] += 1
            case TransmissionLost(device):
                self.lost[(device,)] += 1
            case ReportFiled(device, _, kind, _, held):
                self.reports[device, kind, "held" if held else "filed"] += 1
            case Delivered(destination):
                self.delivered[(destination,)] += 1
            case DeliveryParked(destination):
                self.parked[(destination,)] += 1
            case StudyChanged(device, _, _, state):
                self.studies[device, state] += 1
            case _:
                pass


def exposition(status: Mapping[str, Any], tally: Tally) -> bytes:
    """The text Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(status, tally))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, status: Mapping[str, Any], tally: Tally) -> None:
        self._status = status
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        yield from self._site()
        yield from self._links()
        yield from self._queues()
        yield from self._books()
        yield from self._images()
        yield from self._counts()

    def describe(self) -> list[Metric]:
        return []

    def _site(self) -> Iterator[Metric]:
        status = self._status
        well = status["store"]["condition"] == "well"
        yield _gauge("gateway_store_well", "1 when new work is taken", float(well))
        yield _gauge("gateway_held", "Reports that wait for a person", status["held"])
        yield _gauge("gateway_disk_free_bytes", "Free on the data disk", status["disk"]["free"])
        yield _gauge("gateway_disk_size_bytes", "Size of the data disk", status["disk"]["total"])

    def _links(self) -> Iterator[Metric]:
        state = GaugeMetricFamily("gateway_link", "1 for the state a line is in", None, _LINK)
        heard = GaugeMetricFamily(
            "gateway_last_heard_seconds", "When a device was last heard", None, ("device",)
        )
        clock = GaugeMetricFamily(
            "gateway_device_clock_ahead_seconds", "Ahead of ours", None, ("device",)
        )
        for name, device in self._status["devices"].items():
            for each in LinkState:
                state.add_metric((name, each.value), float(device["link"] == each.value))
            if device["last_heard"]:
                heard.add_metric((name,), _seconds(device["last_heard"]))
            if device["clock_ahead_seconds"] is not None:
                clock.add_metric((name,), device["clock_ahead_seconds"])
        yield state
        yield heard
        yield clock

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily(
            "gateway_outbox", "Undelivered messages", None, ("destination", "state")
        )
        age = GaugeMetricFamily(
            "gateway_outbox_age_seconds", "Age of the oldest", None, ("destination",)
        )
        up = GaugeMetricFamily("gateway_destination_up", "1 when reached", None, ("destination",))
        now = _seconds(self._status["time"])
        for name, queue in self._status["destinations"].items():
            for state in ("queued", "accepted", "parked"):
                depth.add_metric((name, state), queue[state])
            age.add_metric((name,), now - _seconds(queue["oldest"]) if queue["oldest"] else 0.0)
            up.add_metric((name,), float(bool(queue["up"])))
        yield from (depth, age, up)

    def _books(self) -> Iterator[Metric]:
        reports = GaugeMetricFamily(
            "gateway_reports_today", "The books of today", None, ("device", "state")
        )
        for device, row in self._status["books"]["devices"].items():
            for state in _STATES:
                reports.add_metric((device, state), row[state])
        yield reports

    def _images(self) -> Iterator[Metric]:
        imaging = self._status.get("imaging")
        if imaging is None:
            return
        images = GaugeMetricFamily("gateway_images", "Archived images", None, ("state",))
        images.add_metric(("received",), imaging["instances"])
        for state in ("damaged", "quarantined", "purged"):
            images.add_metric((state,), imaging[state])
        yield images
        labels = ("destination", "state")
        sent = GaugeMetricFamily("gateway_images_forwarded", "Images a PACS took", None, labels)
        for destination, states in imaging["forwarded"].items():
            for state, count in states.items():
                sent.add_metric((destination, state), count)
        yield sent
        yield _gauge("gateway_images_bytes", "All that was archived", imaging["bytes"])
        yield _gauge("gateway_studies", "Archived studies", imaging["studies"])
        yield _gauge("gateway_studies_unmatched", "Without an order", imaging["unmatched"])
        yield _gauge("gateway_unknown_callers", "In no section", len(imaging["unknown_callers"]))

    def _counts(self) -> Iterator[Metric]:
        tally = self._tally
        for name, told, labels, counts in (
            ("gateway_frames_refused", "Damaged frames", ("device", "reason"), tally.refused),
            ("gateway_transmissions_lost", "Cut off", ("device",), tally.lost),
            ("gateway_reports", "Filed", ("device", "kind", "state"), tally.reports),
            ("gateway_delivered", "Delivered", ("destination",), tally.delivered),
            ("gateway_parked", "Parked", ("destination",), tally.parked),
            ("gateway_studies_changed", "Studies", ("device", "state"), tally.studies),
        ):
            family = CounterMetricFamily(name, told, None, labels)
            for values, count in counts.items():
                family.add_metric(values, count)
            yield family


_LINK = ("device", "state")
_STATES = ("received", "delivered", "queued", "held", "discarded", "duplicates", "incomplete")


def _gauge(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
