"""Devices on one stream: whether what arrives there can be told apart, as the lines will try to.

The caller's address comes first, then the serial number in the header, then the header itself: of
two profiles that name no signature, neither can be recognised.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import combinations

from gateway.config.mistakes import Mistake
from gateway.config.sections import Configuration
from gateway.config.sections.devices import DeviceSection
from gateway.profiles import AnalyzerProfile, catalogue
from gateway.profiles.patterns import matches


def shared_streams(configuration: Configuration) -> Iterator[Mistake]:
    """A mistake for each device that cannot share the stream it names."""
    lines: dict[str, list[str]] = {}
    for name, device in configuration.analyzers.items():
        lines.setdefault(device.stream, []).append(name)
    for stream, names in lines.items():
        blamed: set[str] = set()
        for first, second in combinations(names, 2):
            text = _obstacle(configuration.analyzers, first, second)
            if text is not None and second not in blamed:
                blamed.add(second)
                yield Mistake(("devices", second, "stream"), text.format(stream=stream))


def shared_titles(configuration: Configuration) -> Iterator[Mistake]:
    """Two modalities of one AE title must call from different addresses."""
    units = configuration.ultrasounds
    for first, second in combinations(units, 2):
        one, other = units[first], units[second]
        if one.ae_title == other.ae_title and _overlap(one.address, other.address):
            text = (
                f"'{other.ae_title}' may call from the same address as device '{first}': give "
                "them different AE titles or addresses"
            )
            yield Mistake(("devices", second, "ae_title"), text)


def _obstacle(devices: Mapping[str, DeviceSection], first: str, second: str) -> str | None:
    one, other = devices[first], devices[second]
    if not one.stream.startswith("tcp-listen:"):
        return f"{{stream}} is already the stream of device '{first}'"
    known = catalogue()
    profiles = known.get(one.profile), known.get(other.profile)
    if profiles[0] is None or profiles[1] is None:
        return None
    spoken = [(profile.link.protocol, profile.link.codec) for profile in profiles if profile]
    if spoken[0] != spoken[1]:
        return f"shares {{stream}} with '{first}', which speaks another language"
    if _by_address(one, other) or _by_header(profiles[0], profiles[1]):
        return None
    if _by_serial(one, other):
        if profiles[0].where.serial and profiles[1].where.serial:
            return None
        return (
            f"shares {{stream}} with '{first}': these profiles do not say where a serial number "
            "stands; tell them apart by 'address'"
        )
    return (
        f"shares {{stream}} with '{first}': tell them apart by an 'address' or a 'serial' each, or "
        "by profiles whose headers name the model"
    )


def _by_address(one: DeviceSection, other: DeviceSection) -> bool:
    """One bound to an address is never taken for one that is not."""
    if one.address is None or other.address is None:
        return one.address != other.address
    return not _overlap(one.address, other.address)


def _overlap(one: str, other: str) -> bool:
    """Whether a caller may be in both; what is no network is said elsewhere."""
    if not (_is_network(one) and _is_network(other)):
        return False
    match ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False):
        case ipaddress.IPv4Network() as first, ipaddress.IPv4Network() as second:
            return first.overlaps(second)
        case ipaddress.IPv6Network() as former, ipaddress.IPv6Network() as latter:
            return former.overlaps(latter)
        case _:
            return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _by_serial(one: DeviceSection, other: DeviceSection) -> bool:
    return one.serial is not None and other.serial is not None and one.serial != other.serial


def _by_header(one: AnalyzerProfile, other: AnalyzerProfile) -> bool:
    if one is other or not (one.signatures or other.signatures):
        return False
    return not (_takes(one, other) and _takes(other, one))


def _takes(one: AnalyzerProfile, other: AnalyzerProfile) -> bool:
    """Whether the first takes what the second's device says of itself for its own."""
    said = other.shape.fixed
    return any(
        sign.path in said and matches(sign.pattern, (said[sign.path],)) for sign in one.signatures
    )
