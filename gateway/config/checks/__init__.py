"""What only the whole file can show: unknown names, ports used twice, files that cannot be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config.checks.destinations import (
    address_mistakes,
    destination_mistakes,
    page_mistakes,
    retention_mistakes,
)
from gateway.config.checks.devices import device_mistakes, download_mistakes, list_mistakes
from gateway.config.checks.exports import export_mistakes
from gateway.config.checks.files import file_mistakes, folder_mistakes
from gateway.config.checks.id_patterns import id_pattern_mistakes
from gateway.config.checks.listeners import http_mistakes, port_mistakes
from gateway.config.checks.send_out import send_out_mistakes
from gateway.config.checks.sharing import shared_streams, shared_titles
from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration


def check(configuration: Configuration, named: Iterable[str] | None = None) -> Iterator[Mistake]:
    """Every mistake in a file whose sections are sound by themselves.

    ``named`` are the devices the file gives, where the sections of some are unsound.
    """
    names = frozenset(configuration.devices if named is None else named)
    yield from _zones(configuration)
    yield from device_mistakes(configuration)
    yield from destination_mistakes(configuration, names)
    yield from shared_streams(configuration)
    yield from shared_titles(configuration)
    yield from download_mistakes(configuration)
    yield from export_mistakes(configuration)
    yield from list_mistakes(configuration)
    yield from id_pattern_mistakes(configuration)
    yield from send_out_mistakes(configuration)
    yield from port_mistakes(configuration)
    yield from address_mistakes(configuration)
    yield from page_mistakes(configuration)
    yield from http_mistakes(configuration)
    yield from file_mistakes(configuration)
    yield from retention_mistakes(configuration)
    yield from folder_mistakes(configuration)


def _zones(configuration: Configuration) -> Iterator[Mistake]:
    zones: list[tuple[tuple[str, ...], str]] = [
        (("gateway", "timezone"), configuration.gateway.timezone)
    ]
    zones += [
        (("devices", name, "timezone"), device.timezone)
        for name, device in configuration.devices.items()
        if device.timezone
    ]
    for where, zone in zones:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield Mistake(where, f"'{zone}' is no IANA time zone, e.g. Europe/Berlin")
