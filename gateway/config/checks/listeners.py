"""Listeners: each on a port that exists and is its own; what others can reach is encrypted."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.transports import TcpListen, configured

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104 (recognised, not bound)

Listener = tuple[tuple[str, ...], str, int, str]
"""Where it stands in the file, host, port, and the whole text."""


def port_mistakes(configuration: Configuration) -> Iterator[Mistake]:
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


def http_mistakes(configuration: Configuration) -> Iterator[Mistake]:
    """What is served beyond this machine is served encrypted."""
    section = configuration.http
    if section is None:
        return
    host = section.listen.rpartition(":")[0].strip("[]")
    if section.certificate_file is None and not is_loopback(host):
        text = f"{host} can be reached from elsewhere; that needs certificate_file and key_file"
        yield Mistake(("http", "listen"), text)
    if (section.certificate_file is None) != (section.key_file is None):
        yield Mistake(("http",), "certificate_file and key_file go together")


def is_loopback(host: str) -> bool:
    """Whether an address, or what a URL has in its place, is this machine's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
