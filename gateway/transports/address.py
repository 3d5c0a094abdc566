"""Where a device's bytes come from, as text and as a value.

``serial:/dev/ttyUSB0?baud=9600&parity=N``, ``serial:usb=0403:6001:A50285BI``, ``tcp:HOST:PORT``
(we dial), ``tcp-listen:HOST:PORT`` (they dial), ``rfc2217:HOST:PORT?baud=9600``.  IPv6 in brackets.
``file:FOLDER`` is no line but a folder; ``gateway.transports.folder`` reads it.
``parse(str(address)) == address``.  Refused with one readable line (InvalidAddress, a ValueError):
anything else, unknown or repeated settings, and settings where the line speed is not ours to set.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, NoReturn

from gateway.errors import GatewayError

_LONGEST: Final = 512
_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_DOTTED: Final = re.compile(r"[0-9.]+")
_USB: Final = re.compile(r"([0-9A-Fa-f]{1,4}):([0-9A-Fa-f]{1,4}):([\x21-\x7e]([ -~]*[\x21-\x7e])?)")
_SCHEMES: Final = ("serial", "tcp", "tcp-listen", "rfc2217", "file")
_RENUMBERED: Final = re.compile(r"/dev/tty(USB|ACM)\d+")


class InvalidAddress(GatewayError, ValueError):
    """The text is no stream address; the message is one line and says what is allowed."""


class Parity(StrEnum):
    NONE = "N"
    EVEN = "E"
    ODD = "O"
    MARK = "M"
    SPACE = "S"


class Flow(StrEnum):
    """Handshake of the line; none is part of ASTM, a few devices need one."""

    NONE = "none"
    XONXOFF = "xonxoff"
    RTSCTS = "rtscts"


@dataclass(frozen=True, slots=True)
class Usb:
    """A USB adapter by vendor id, product id and serial number, whatever port it is in."""

    vendor: int
    product: int
    serial: str

    def __str__(self) -> str:
        return f"usb={self.vendor:04x}:{self.product:04x}:{self.serial}"


class StreamAddress:
    """Common root of the four kinds; the closed union is ``AnyAddress``."""

    __slots__ = ()

    @staticmethod
    def parse(text: str) -> AnyAddress:
        """The address in ``text``; InvalidAddress says in one line what is wrong."""
        return _parse(text)

    @property
    def exposes(self) -> bool:
        """True when other machines can reach what this opens."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How the characters stand on a serial line."""

    baud: int = 9600
    parity: Parity = Parity.NONE
    data_bits: int = 8
    stop_bits: int = 1
    flow: Flow = Flow.NONE

    @property
    def shorthand(self) -> str:
        """As the manuals say it: ``9600 8N1``, with the handshake when there is one."""
        frame = f"{self.baud} {self.data_bits}{self.parity}{self.stop_bits}"
        return frame if self.flow is Flow.NONE else f"{frame} {self.flow}"


@dataclass(frozen=True, slots=True)
class Serial(LineSettings, StreamAddress):
    """A serial port of this machine: a device path, or the adapter that it belongs to."""

    port: str | Usb

    @property
    def renumbered(self) -> bool:
        """True for ``/dev/ttyUSB0`` and the like, which may be another port after a reboot."""
        return isinstance(self.port, str) and _RENUMBERED.fullmatch(self.port) is not None

    def __str__(self) -> str:
        return f"serial:{self.port}{_query(self)}"


@dataclass(frozen=True, slots=True)
class TcpConnect(StreamAddress):
    """We dial: the device, or a device server in raw TCP mode in front of it."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"tcp:{endpoint(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class TcpListen(StreamAddress):
    """The device dials us.  Port 0, which a configuration may not have, takes any free one."""

    host: str
    port: int

    @property
    def exposes(self) -> bool:
        return not _is_loopback(self.host)

    def __str__(self) -> str:
        return f"tcp-listen:{endpoint(self.host, self.port)}"


@dataclass(frozen=True, slots=True)
class Rfc2217(LineSettings, StreamAddress):
    """We dial a device server that lets us set the line (RFC 2217)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"rfc2217:{endpoint(self.host, self.port)}{_query(self)}"


AnyAddress = Serial | TcpConnect | TcpListen | Rfc2217


_BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600)
_FAST_BAUDS: Final = (115200, 230400, 460800, 921600)
_ALLOWED: Final[Mapping[str, Mapping[str, Any]]] = {
    "baud": {str(baud): baud for baud in (*_BAUDS, *_FAST_BAUDS)},
    "parity": {parity.value: parity for parity in Parity},
    "bits": {"7": 7, "8": 8},
    "stop": {"1": 1, "2": 2},
    "flow": {flow.value: flow for flow in Flow},
}
_FIELD: Final = {"bits": "data_bits", "stop": "stop_bits"}


def endpoint(host: str, port: int) -> str:
    """``HOST:PORT``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _query(settings: LineSettings) -> str:
    """The baud rate, and whatever else is not the default."""
    parts = [f"baud={settings.baud}"]
    for key in ("parity", "bits", "stop", "flow"):
        name = _FIELD.get(key, key)
        default = next(f.default for f in fields(LineSettings) if f.name == name)
        if (value := getattr(settings, name)) != default:
            parts.append(f"{key}={value}")
    return "?" + "&".join(parts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"


def refuse(text: str, why: str) -> NoReturn:
    """InvalidAddress in one line that quotes the start of ``text``."""
    shown = text if len(text) <= 80 else text[:77] + "..."
    raise InvalidAddress(f"{shown!r}: {why}") from None


def _parse(text: str) -> AnyAddress:
    if len(text) > _LONGEST or not text.isprintable():
        refuse(text, f"a stream is one line of at most {_LONGEST} printable characters")
    scheme, _, rest = text.partition(":")
    place, question, query = rest.partition("?")
    if scheme == "file":
        refuse(
            text,
            "a folder is no line: 'gateway run' watches it, 'gateway decode' reads a file of it",
        )
    if scheme not in _SCHEMES or not place:
        refuse(text, _what_is_allowed(scheme))
    if scheme == "serial":
        return Serial(_port(text, place), **_settings(text, query if question else None))
    host, port = _host_and_port(text, place, lowest=0 if scheme == "tcp-listen" else 1)
    if scheme == "rfc2217":
        return Rfc2217(host, port, **_settings(text, query if question else None))
    if question:
        refuse(
            text,
            f"{scheme}: takes no settings; the line is set in the device server itself, "
            "or use rfc2217:HOST:PORT?baud=9600",
        )
    return TcpConnect(host, port) if scheme == "tcp" else TcpListen(host, port)


def _what_is_allowed(scheme: str) -> str:
    close = difflib.get_close_matches(scheme, _SCHEMES, n=1)
    hint = f"did you mean {close[0]}:? " if close and close[0] != scheme else ""
    return (
        f"{hint}a stream is serial:/dev/...?baud=9600&parity=N, serial:usb=VID:PID:SERIAL, "
        "tcp:HOST:PORT, tcp-listen:HOST:PORT, rfc2217:HOST:PORT?baud=9600 or file:FOLDER"
    )


def _port(text: str, place: str) -> str | Usb:
    if place.startswith("usb="):
        match = _USB.fullmatch(place.removeprefix("usb="))
        if match is None:
            refuse(
                text,
                "usb= takes VID:PID:SERIAL, e.g. usb=0403:6001:A50285BI; an adapter "
                "without a serial number goes by /dev/serial/by-path/...",
            )
        return Usb(int(match[1], 16), int(match[2], 16), match[3])
    if not place.startswith("/") or place.endswith("/") or place != place.strip():
        refuse(
            text,
            "serial: takes a device path that starts with /, best one of "
            "/dev/serial/by-id/..., or usb=VID:PID:SERIAL",
        )
    return place


def _settings(text: str, query: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in () if query is None else query.split("&"):
        key, equals, value = part.partition("=")
        if not equals or key not in _ALLOWED:
            refuse(
                text,
                f"{key!r} is no line setting{near(key, _ALLOWED)}; known: "
                f"{', '.join(f'{known}=' for known in _ALLOWED)}",
            )
        name, allowed = _FIELD.get(key, key), _ALLOWED[key]
        if name in found:
            refuse(text, f"{key}= is given twice")
        if value not in allowed:
            refuse(text, f"{key}={value} is not possible; allowed: {', '.join(allowed)}")
        found[name] = allowed[value]
    return found


def near(word: str, known: Iterable[str]) -> str:
    """The known setting that was probably meant, in words; empty when none is close."""
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}=?)" if close else ""


def _host_and_port(text: str, place: str, *, lowest: int) -> tuple[str, int]:
    host, colon, digits = place.rpartition(":")
    if not colon or not host:
        refuse(
            text, "needs HOST:PORT, e.g. 127.0.0.1:4001, or 0.0.0.0:4001 to listen on every network"
        )
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not lowest <= int(digits) <= 65535:
        refuse(text, f"{digits!r} is no port; 1 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return _ipv6(text, host[1:-1]), int(digits)
    if ":" in host:
        refuse(text, "an IPv6 address stands in brackets: [::1]:4001")
    if not _HOST_NAME.fullmatch(host) or (_DOTTED.fullmatch(host) and not _is_ipv4(host)):
        refuse(text, f"{host!r} is no host name or IP address")
    return host, int(digits)


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _ipv6(text: str, host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        refuse(text, f"[{host}] is no IPv6 address")
