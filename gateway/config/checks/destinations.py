"""Destinations: devices, messages and ports that they name, and archives that purging counts on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gateway.config.mistakes import Mistake, unknown
from gateway.config.sections import Configuration
from gateway.config.sections.destinations import (
    SEND_OUT,
    DicomDestination,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.messages import DESTINATION_PROFILES

POINT_OF_CARE: Final = "oru-2.5.1"


def destination_mistakes(
    configuration: Configuration, devices: frozenset[str]
) -> Iterator[Mistake]:
    for name, destination in configuration.destinations.items():
        for device in destination.devices or ():
            known = devices | configuration.send_outs.keys()
            if device not in known:
                where = ("destinations", name, "devices")
                yield Mistake(where, unknown("device", device, known))
        if destination.devices == ():
            text = "names no device: nothing would go there; leave it out for all"
            yield Mistake(("destinations", name, "devices"), text)
        forms = (*DESTINATION_PROFILES, SEND_OUT)
        if isinstance(destination, MllpDestination | FileDestination) and (
            destination.message not in forms
        ):
            where = ("destinations", name, "message")
            yield Mistake(where, unknown("message", destination.message, forms))
        point_of_care = getattr(destination, "point_of_care", "none")
        if point_of_care != "none" and getattr(destination, "message", "") != POINT_OF_CARE:
            where = ("destinations", name, "point_of_care")
            yield Mistake(where, f"needs message = '{POINT_OF_CARE}', which has ORU^R30 to R32")


def page_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Links lead to pages that somebody serves."""
    for name, destination in configuration.destinations.items():
        if isinstance(destination, MllpDestination | FileDestination) and destination.study_page:
            where = ("destinations", name, "study_page")
            if not destination.studies:
                yield Mistake(where, "needs studies = true: the link comes with them")
            if configuration.http is None or configuration.dicom is None:
                yield Mistake(where, "needs the sections [http] and [dicom], which have the pages")


def address_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Ports of peers that are dialled."""
    for name, destination in configuration.destinations.items():
        match destination:
            case MllpDestination(address=text) | DicomDestination(address=text):
                key = "address"
            case MqttDestination(url=text):
                key = "url"
            case _:
                continue
        rest = text.rstrip("/").rpartition("://")[2]
        host, colon, port = rest.rpartition(":")
        if key == "url" and colon and not rest.endswith("]") and not (host and port.isdecimal()):
            yield Mistake(
                ("destinations", name, key), "must be mqtt://HOST:PORT or mqtts://HOST:PORT"
            )
        elif port.isdecimal() and not 1 <= int(port) <= 65535:
            yield Mistake(("destinations", name, key), f"port {port} does not exist; 1 to 65535")


def retention_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Nothing is ever purged but on another archive's promise."""
    section = configuration.dicom
    if section is None or section.keep_days is None:
        return
    archives = (d for d in configuration.destinations.values() if isinstance(d, DicomDestination))
    if not any(destination.commitment for destination in archives):
        text = "needs a destination of type dicom with commitment = true: nothing is purged without"
        yield Mistake(("dicom", "keep_days"), text)
