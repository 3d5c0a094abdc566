"""The configured analyzers as others need them: what the intake knows of each, how long it may be
silent, how far its clock may be off, the tape of its line."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.config import Configuration, DeviceSection, SendOutSection
from gateway.config.operators import read_operators
from gateway.intake import Known
from gateway.orders.operators import Certification, by_id
from gateway.profiles import Protocol, catalogue, is_loinc
from gateway.profiles.reference_lab import REFERENCE_LAB
from gateway.profiles.times import ClockLimits
from gateway.transports.tape import Tape


def known_devices(configuration: Configuration) -> dict[str, Known]:
    """The configured analyzers as the intake needs them, and laboratories that send results."""
    profiles = catalogue()
    zone = ZoneInfo(configuration.gateway.timezone)
    certifications = _certifications(configuration)
    laboratories = {
        name: Known(name, REFERENCE_LAB, zone, _lab_codes(section), section.units)
        for name, section in configuration.send_outs.items()
    }
    return laboratories | {
        name: Known(
            name,
            profiles[device.profile],
            ZoneInfo(device.timezone or configuration.gateway.timezone),
            device.codes,
            device.units,
            device.serial,
            clock_limits(device),
            certifications.get(name),
            tuple(device.columns.items()),
            device.encoding,
        )
        for name, device in configuration.analyzers.items()
    }


def _certifications(configuration: Configuration) -> dict[str, Certification]:
    """Of devices whose operators are looked at: of itself those that speak POCT1-A."""
    if configuration.operators is None:
        return {}
    operators = by_id(read_operators(configuration.operators.file))
    found: dict[str, Certification] = {}
    for name, device in configuration.analyzers.items():
        bedside = catalogue()[device.profile].link.protocol is Protocol.POCT1A
        policy = device.operators or ("hold" if bedside else "ignore")
        if policy != "ignore":
            found[name] = Certification(operators, policy == "hold")
    return found


def _lab_codes(section: SendOutSection) -> dict[str, str]:
    """A test ordered by its LOINC code may come back under it."""
    return {test: test for test in section.tests if is_loinc(test)} | section.codes


def clock_limits(device: DeviceSection) -> ClockLimits:
    """What is marked and what is held of a device's times."""
    stale = None if device.stale_days is None else timedelta(days=device.stale_days)
    return ClockLimits(
        timedelta(minutes=device.clock_minutes),
        timedelta(minutes=device.future_minutes),
        stale=stale,
    )


def drift_limits(configuration: Configuration) -> dict[str, timedelta]:
    """How far each device's clock may be off before somebody is told."""
    return {n: clock_limits(device).ahead for n, device in configuration.analyzers.items()}


def tapes(configuration: Configuration) -> dict[str, Tape]:
    """One for each line, under the name of each of its devices."""
    lines: dict[str, Tape] = {}
    return {
        name: lines.setdefault(device.stream, Tape())
        for name, device in configuration.analyzers.items()
    }


def silence_limits(configuration: Configuration) -> dict[str, timedelta]:
    """How long each device may be quiet; devices without a limit are left out."""
    profiles = catalogue()
    hours = {
        name: device.silence_hours or profiles[device.profile].silence_hours
        for name, device in configuration.analyzers.items()
    }
    return {name: timedelta(hours=limit) for name, limit in hours.items() if limit}
