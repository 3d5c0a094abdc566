"""What only the whole file can show: unknown names, ports used twice, files that cannot be read."""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config.sections import (
    Configuration,
    DeviceSection,
    FileDestination,
    MllpDestination,
    MqttDestination,
)
from gateway.messages import DESTINATION_PROFILES
from gateway.profiles import catalogue, is_loinc
from gateway.transports import StreamAddress, TcpListen

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 (recognised, not bound)


@dataclass(frozen=True, slots=True)
class Mistake:
    """``where`` is the key path; ``text`` what is wrong and what is allowed."""

    where: tuple[str, ...]
    text: str


def check(configuration: Configuration) -> Iterator[Mistake]:
    """Every mistake in a file whose sections are sound by themselves."""
    yield from _zones(configuration)
    for name, device in configuration.analyzers.items():
        yield from _device(name, device)
    for name, unit in configuration.ultrasounds.items():
        yield from _network(("devices", name, "address"), unit.address)
    yield from _destinations(configuration)
    yield from _shared_lines(configuration)
    yield from _one_language(configuration)
    yield from _downloads(configuration)
    yield from _ports(configuration)
    yield from _http(configuration)
    yield from _files(configuration)


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
        StreamAddress.parse(device.stream)
    except ValueError as error:
        yield Mistake(("devices", name, "stream"), str(error))
    for code, loinc in device.codes.items():
        if not is_loinc(loinc):
            text = f"'{loinc}' is no LOINC code (its check digit is wrong)"
            yield Mistake(("devices", name, "codes", code), text)
    for unit, ucum in device.units.items():
        if not ucum or not ucum.isascii() or " " in ucum:
            yield Mistake(("devices", name, "units", unit), f"'{ucum}' is no UCUM unit")
    if device.address is not None:
        yield from _network(("devices", name, "address"), device.address)


def _network(where: tuple[str, ...], text: str) -> Iterator[Mistake]:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        yield Mistake(where, f"'{text}' is no IP address or network, e.g. 10.1.2.3/32")


def _destinations(configuration: Configuration) -> Iterator[Mistake]:
    for name, destination in configuration.destinations.items():
        for device in destination.devices or ():
            if device not in configuration.devices:
                where = ("destinations", name, "devices")
                yield Mistake(where, _unknown("device", device, configuration.devices))
        if isinstance(destination, MllpDestination | FileDestination) and (
            destination.message not in DESTINATION_PROFILES
        ):
            where = ("destinations", name, "message")
            yield Mistake(where, _unknown("message", destination.message, DESTINATION_PROFILES))


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"unknown {what} '{name}'; {hint}known: {', '.join(names) or 'none'}"


def _shared_lines(configuration: Configuration) -> Iterator[Mistake]:
    """Several devices may share a listener only when something tells them apart."""
    lines: dict[str, list[str]] = {}
    for name, device in configuration.analyzers.items():
        lines.setdefault(device.stream, []).append(name)
    for stream, names in lines.items():
        if len(names) < 2:
            continue
        first, *others = names
        if not stream.startswith("tcp-listen:"):
            for name in others:
                text = f"{stream} is already the stream of device '{first}'"
                yield Mistake(("devices", name, "stream"), text)
            continue
        marks = [
            (
                configuration.analyzers[n].address,
                configuration.analyzers[n].serial,
                configuration.analyzers[n].profile,
            )
            for n in names
        ]
        for name, mark in zip(others, marks[1:], strict=True):
            if marks.count(mark) > 1:
                text = (
                    f"shares {stream} with '{first}': tell them apart by 'address', 'serial' "
                    "or different profiles"
                )
                yield Mistake(("devices", name, "stream"), text)


def _one_language(configuration: Configuration) -> Iterator[Mistake]:
    """The devices of one listener must speak the same language: the first bytes do not say which
    device calls."""
    spoken: dict[str, tuple[str, object]] = {}
    known = catalogue()
    for name, device in configuration.analyzers.items():
        profile = known.get(device.profile)
        if profile is None:
            continue
        language = (profile.link.protocol, profile.link.codec)
        first, other = spoken.setdefault(device.stream, (name, language))
        if other != language:
            text = f"shares {device.stream} with '{first}', which speaks another language"
            yield Mistake(("devices", name, "stream"), text)


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


def _listeners(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], str, int]]:
    for name, device in configuration.analyzers.items():
        try:
            address = StreamAddress.parse(device.stream)
        except ValueError:
            continue
        if isinstance(address, TcpListen):
            yield ("devices", name, "stream"), address.host, address.port
    sections = (("http", configuration.http), ("dicom", configuration.dicom))
    for key, section in (*sections, ("orders", configuration.orders)):
        listen = getattr(section, "listen", None)
        if listen:
            host, _, port = listen.rpartition(":")
            yield (key, "listen"), host.strip("[]"), int(port)


def _ports(configuration: Configuration) -> Iterator[Mistake]:
    taken: dict[int, list[tuple[tuple[str, ...], str]]] = {}
    for where, host, port in _listeners(configuration):
        if not 0 <= port <= 65535:
            yield Mistake(where, f"port {port} does not exist; 1 to 65535")
            continue
        for other, other_host in taken.get(port, ()) if port else ():
            shared_line = where[0] == other[0] == "devices" and host == other_host
            if not shared_line and (host == other_host or _ANY & {host, other_host}):
                yield Mistake(where, f"port {port} is already used by {'.'.join(other)}")
        taken.setdefault(port, []).append((where, host))


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


def _readable(where: tuple[str, ...], path: Path) -> Iterator[Mistake]:
    if not path.is_file():
        yield Mistake(where, f"there is no file {path}")
    elif not os.access(path, os.R_OK):
        yield Mistake(where, f"{path} may not be read by this user")
