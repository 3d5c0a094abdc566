"""What only the whole file can show: unknown names, ports used twice, files that cannot be read."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config.exports import exports
from gateway.config.id_patterns import id_patterns
from gateway.config.mistakes import Mistake
from gateway.config.operators import operator_mistakes
from gateway.config.sections import (
    SEND_OUT,
    Configuration,
    DeviceSection,
    DicomDestination,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.config.send_out import send_out_mistakes
from gateway.config.sharing import shared_streams, shared_titles
from gateway.messages import DESTINATION_PROFILES
from gateway.profiles import Protocol, catalogue, is_loinc
from gateway.profiles.ucum import is_ucum
from gateway.profiles.units import to_ucum
from gateway.transports import TcpListen, configured

POINT_OF_CARE = "oru-2.5.1"
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 (recognised, not bound)


def check(configuration: Configuration, devices: Iterable[str] | None = None) -> Iterator[Mistake]:
    """Every mistake in a file whose sections are sound by themselves.

    ``devices`` are the names the file gives, where the sections of some are unsound.
    """
    names = frozenset(configuration.devices if devices is None else devices)
    yield from _zones(configuration)
    for name, device in configuration.analyzers.items():
        yield from _device(name, device)
    for name, unit in configuration.ultrasounds.items():
        yield from _network(("devices", name, "address"), unit.address)
    yield from _destinations(configuration, names)
    yield from shared_streams(configuration)
    yield from shared_titles(configuration)
    yield from _downloads(configuration)
    yield from exports(configuration)
    yield from _lists(configuration)
    yield from id_patterns(configuration)
    yield from send_out_mistakes(configuration)
    yield from _ports(configuration)
    yield from _reached(configuration)
    yield from _http(configuration)
    yield from _files(configuration)
    yield from _retention(configuration)
    yield from _folders(configuration)


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


def _device(name: str, device: DeviceSection) -> Iterator[Mistake]:
    known = catalogue()
    if device.profile not in known:
        yield Mistake(("devices", name, "profile"), _unknown("profile", device.profile, known))
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


def _lists(configuration: Configuration) -> Iterator[Mistake]:
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


def _network(where: tuple[str, ...], text: str) -> Iterator[Mistake]:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield Mistake(where, f"'{text}' is no IP address or network, e.g. 10.1.2.3/32")


def _destinations(configuration: Configuration, devices: frozenset[str]) -> Iterator[Mistake]:
    for name, destination in configuration.destinations.items():
        for device in destination.devices or ():
            known = devices | configuration.send_outs.keys()
            if device not in known:
                where = ("destinations", name, "devices")
                yield Mistake(where, _unknown("device", device, known))
        forms = (*DESTINATION_PROFILES, SEND_OUT)
        if isinstance(destination, MllpDestination | FileDestination) and (
            destination.message not in forms
        ):
            where = ("destinations", name, "message")
            yield Mistake(where, _unknown("message", destination.message, forms))
        point_of_care = getattr(destination, "point_of_care", "none")
        if point_of_care != "none" and getattr(destination, "message", "") != POINT_OF_CARE:
            where = ("destinations", name, "point_of_care")
            yield Mistake(where, f"needs message = '{POINT_OF_CARE}', which has ORU^R30 to R32")


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown {what} '{name}'; {hint}known: {', '.join(names) or 'none'}"


def _downloads(configuration: Configuration) -> Iterator[Mistake]:
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


Listener = tuple[tuple[str, ...], str, int, str]
"""Where it stands in the file, host, port, and the whole text."""


def _listeners(configuration: Configuration) -> Iterator[Listener]:
    for name, device in configuration.analyzers.items():
        try:
            address = configured(device.stream)
        except ValueError:
            continue
        if isinstance(address, TcpListen):
            yield ("devices", name, "stream"), _host(address.host), address.port, device.stream
    sections = (("http", configuration.http), ("dicom", configuration.dicom))
    for key, section in (*sections, ("orders", configuration.orders)):
        listen = getattr(section, "listen", None)
        if listen:
            host, _, port = listen.rpartition(":")
            yield (key, "listen"), _host(host), int(port), f"{key} {listen}"


def _host(text: str) -> str:
    host = text.strip("[]").lower()
    return "127.0.0.1" if host == "localhost" else host


def _ports(configuration: Configuration) -> Iterator[Mistake]:
    """Devices that name the very same listener share it; nobody else may."""
    taken: dict[int, list[Listener]] = {}
    for where, host, port, text in _listeners(configuration):
        if not 1 <= port <= 65535:
            yield Mistake(where, f"port {port} cannot be listened on; 1 to 65535")
            continue
        for other, other_host, _, other_text in taken.get(port, ()):
            if text != other_text and (host == other_host or _ANY & {host, other_host}):
                yield Mistake(where, f"port {port} is already used by {'.'.join(other)}")
                break
        taken.setdefault(port, []).append((where, host, port, text))


def _reached(configuration: Configuration) -> Iterator[Mistake]:
    """Ports of peers that are dialled."""
    for name, destination in configuration.destinations.items():
        match destination:
            case MllpDestination(address=text) | DicomDestination(address=text):
                key = "address"
            case MqttDestination(url=text):
                key = "url"
            case _:
                continue
        port = text.rstrip("/").rpartition(":")[2]
        if port.isdecimal() and not 1 <= int(port) <= 65535:
            yield Mistake(("destinations", name, key), f"port {port} does not exist; 1 to 65535")


def _http(configuration: Configuration) -> Iterator[Mistake]:
    """What is served beyond this machine is served encrypted."""
    section = configuration.http
    if section is None:
        return
    host = section.listen.rpartition(":")[0].strip("[]")
    if section.certificate_file is None and not _is_loopback(host):
        text = f"{host} can be reached from elsewhere; that needs certificate_file and key_file"
        yield Mistake(("http", "listen"), text)
    if (section.certificate_file is None) != (section.key_file is None):
        yield Mistake(("http",), "certificate_file and key_file go together")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _retention(configuration: Configuration) -> Iterator[Mistake]:
    """Nothing is ever purged but on another archive's promise."""
    section = configuration.dicom
    if section is None or section.keep_days is None:
        return
    archives = (d for d in configuration.destinations.values() if isinstance(d, DicomDestination))
    if not any(destination.commitment for destination in archives):
        text = "needs a destination of type dicom with commitment = true: nothing is purged without"
        yield Mistake(("dicom", "keep_days"), text)


def _files(configuration: Configuration) -> Iterator[Mistake]:
    sections = [(("dicom",), configuration.dicom), (("http",), configuration.http)]
    named = [(("destinations", n), d) for n, d in configuration.destinations.items()]
    for where, section in (*sections, *named):
        for key in (
            "password_file",
            "ca_file",
            "certificate_file",
            "key_file",
            "client_ca_file",
            "worklist",
        ):
            path = getattr(section, key, None)
            if path is not None:
                yield from _readable((*where, key), path)
    for name, destination in configuration.destinations.items():
        if isinstance(destination, MqttDestination) and destination.password_env:
            variable = destination.password_env
            if variable not in os.environ:
                where = ("destinations", name, "password_env")
                yield Mistake(where, f"the environment has no variable {variable}")


def _folders(configuration: Configuration) -> Iterator[Mistake]:
    """Folders are made when they are absent, so something must be there to make them in."""
    named: list[tuple[tuple[str, ...], Path | None]] = [
        (("gateway", "data_dir"), configuration.gateway.data_dir),
        (("dicom", "archive_dir"), getattr(configuration.dicom, "archive_dir", None)),
        (("orders", "directory"), getattr(configuration.orders, "directory", None)),
    ]
    named += [
        (("destinations", name, "directory"), destination.directory)
        for name, destination in configuration.destinations.items()
        if isinstance(destination, FileDestination)
    ]
    for where, path in named:
        if path is not None:
            yield from _folder(where, path)


def _folder(where: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    try:
        there = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not there.is_dir():
            text = f"{there} is a file" if there == path else f"{there} is a file, {path} is in it"
            yield Mistake(where, f"{text}; must be a folder that is there or can be made")
        elif not os.access(there, os.W_OK | os.X_OK):
            yield Mistake(where, f"{there} may not be written to by this user")
    except (OSError, ValueError):
        yield Mistake(where, f"{path} cannot be looked at; must be a folder")


def _readable(where: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    if not path.is_file():
        yield Mistake(where, f"there is no file {path}")
    elif not os.access(path, os.R_OK):
        yield Mistake(where, f"{path} may not be read by this user")
