"""Devices: what they name must exist, and what they are given must be something they take."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final

from gateway.config.mistakes import Mistake, unknown
from gateway.config.operators import operator_mistakes
from gateway.config.sections import Configuration
from gateway.config.sections.devices import DeviceSection, UltrasoundSection
from gateway.imaging.text import SUPPORTED
from gateway.profiles import AnalyzerProfile, Protocol, catalogue, is_loinc
from gateway.profiles.encodings import ENCODINGS
from gateway.profiles.ucum import is_ucum
from gateway.profiles.units import to_ucum
from gateway.protocols.dicom import is_valid_uid
from gateway.transports import configured

_STATION_NAME: Final = 16


def device_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """What each names: profiles, streams, codes, units, networks."""
    for name, device in configuration.analyzers.items():
        yield from _analyzer(name, device)
    for name, unit in configuration.ultrasounds.items():
        yield from _network(("devices", name, "address"), unit.address)
        yield from _modality(("devices", name), unit)
    orders = configuration.orders
    for number, caller in enumerate(orders.callers if orders is not None else ()):
        yield from _network(("orders", "callers", str(number)), caller)


def _modality(where: tuple[str, ...], unit: UltrasoundSection) -> Iterator[Mistake]:
    station = unit.station_name or ""
    if len(station) > _STATION_NAME or "\\" in station:
        text = f"must be at most {_STATION_NAME} characters without backslash (DICOM's SH)"
        yield Mistake((*where, "station_name"), text)
    if unit.character_set not in SUPPORTED:
        yield Mistake(
            (*where, "character_set"), unknown("character set", unit.character_set, SUPPORTED)
        )
    for number, uid in enumerate(unit.private_classes):
        if not is_valid_uid(uid):
            text = f"'{uid}' is no UID, e.g. 1.2.840.113619.4.30: digits and points, at most 64"
            yield Mistake((*where, "private_classes", str(number)), text)


def _analyzer(name: str, device: DeviceSection) -> Iterator[Mistake]:
    known = catalogue()
    if device.profile not in known:
        yield Mistake(("devices", name, "profile"), unknown("profile", device.profile, known))
    if device.encoding is not None:
        yield from _encoding(
            ("devices", name, "encoding"), device.encoding, known.get(device.profile)
        )
    try:
        configured(device.stream)
    except ValueError as error:
        yield Mistake(("devices", name, "stream"), str(error))
    for code, loinc in device.codes.items():
        if not is_loinc(loinc):
            text = f"'{loinc}' is no LOINC code, e.g. 2345-7 (form or check digit is wrong)"
            yield Mistake(("devices", name, "codes", code), text)
    for unit, ucum in device.units.items():
        yield from _unit(("devices", name, "units", unit), ucum)
    if device.address is not None:
        yield from _network(("devices", name, "address"), device.address)


def _encoding(
    where: tuple[str, ...], encoding: str, profile: AnalyzerProfile | None
) -> Iterator[Mistake]:
    if encoding not in ENCODINGS:
        yield Mistake(where, unknown("encoding", encoding, ENCODINGS))
    elif profile is not None and profile.link.protocol is Protocol.POCT1A:
        yield Mistake(where, "POCT1-A devices send XML, which says its encoding itself")


def _unit(where: tuple[str, ...], ucum: str) -> Iterator[Mistake]:
    """UCUM spells kelvin ``K`` and picohenry ``pH``: what is written so means something else."""
    usual = to_ucum(ucum, "")
    hint = f"; did you mean '{usual}'?" if usual else ""
    if not is_ucum(ucum):
        yield Mistake(where, f"'{ucum}' is no UCUM unit, e.g. mmol/L, 10*9/L, [IU]/L{hint}")
    elif usual and _plain(usual) != _plain(ucum):
        yield Mistake(where, f"'{ucum}' means something else in UCUM{hint}")


def _plain(unit: str) -> str:
    return unit.lower().replace("^", "*")


def _network(where: tuple[str, ...], text: str) -> Iterator[Mistake]:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield Mistake(where, f"'{text}' is no IP address or network, e.g. 10.1.2.3/32")


def list_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Lists need somebody to take them and somebody to fill them."""
    if configuration.operators is not None:
        yield from operator_mistakes(configuration.operators.file, configuration.devices)
    for name, device in configuration.analyzers.items():
        profile = catalogue().get(device.profile)
        if device.lists and profile is not None and profile.link.protocol is not Protocol.POCT1A:
            yield Mistake(("devices", name, "lists"), "only POCT1-A devices take lists")
        if "operators" in device.lists and configuration.operators is None:
            yield Mistake(("devices", name, "lists"), "needs an [operators] section")
        if "patients" in device.lists and configuration.orders is None:
            yield Mistake(("devices", name, "lists"), "needs an [orders] section to have patients")
        if device.operators in ("flag", "hold") and configuration.operators is None:
            yield Mistake(("devices", name, "operators"), "needs an [operators] section")


def download_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """Orders nobody asked for go only to devices known to take them, on a line of their own."""
    streams = [device.stream for device in configuration.analyzers.values()]
    known = catalogue()
    for name, device in configuration.analyzers.items():
        where = ("devices", name, "downloads")
        profile = known.get(device.profile)
        if not device.downloads or profile is None:
            continue
        if not profile.downloads:
            able = ", ".join(other.name for other in known.values() if other.downloads)
            text = f"'{profile.name}' takes no orders it did not ask for; profiles that may: {able}"
            yield Mistake(where, text)
        if configuration.orders is None:
            yield Mistake(where, "needs an [orders] section to have orders to send")
        if streams.count(device.stream) > 1:
            yield Mistake(where, f"needs a line of its own; {device.stream} is shared")
