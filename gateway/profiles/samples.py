"""What a simulated device measured, in the device's own words, and plausible choices of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random

from gateway.profiles.schema import Analyte, AnalyzerProfile
from gateway.report import Kind


class NotExpressible(ValueError):
    """The profile has no way of saying this; the message names the place, not the content."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result line.  ``number`` is the number beside a call; times are aware."""

    code: str
    value: str
    unit: str = ""
    flags: tuple[str, ...] = ()
    number: str | None = None
    range: str | None = None
    status: str | None = None
    observed_at: datetime | None = None
    operator: str | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One specimen and what was found in it.

    ``name`` (family, given, ...) and ``position`` have ``^`` between their components, ``birth``
    is ``YYYY-MM-DD``.
    """

    findings: tuple[Finding, ...]
    specimen: str | None = None
    patient: str | None = None
    position: str | None = None
    name: str | None = None
    birth: str | None = None
    sex: str | None = None
    kind: Kind = Kind.PATIENT


def plausible(profile: AnalyzerProfile, random: Random) -> tuple[Finding, ...]:
    """A value within the healthy range, or an answer, for every test that has one."""
    found = tuple(_findings(profile, random))
    return (random.choice(found),) if found and profile.shape.alone else found


def _findings(profile: AnalyzerProfile, random: Random) -> Iterator[Finding]:
    seen: set[int] = set()
    for code, analyte in profile.menu.items():
        if (analyte.typical is None and not analyte.words) or id(analyte) in seen:
            continue
        seen.add(id(analyte))
        if analyte.typical is None:
            yield Finding(code, random.choice(analyte.words))
        else:
            value = _value(analyte, random).replace(".", profile.decimal[0])
            yield Finding(code, value, unit_as_sent(profile, analyte))


def _value(analyte: Analyte, random: Random) -> str:
    if analyte.typical is None:
        raise NotExpressible("a value for a test without a typical range")
    low, high = Decimal(analyte.typical.low), Decimal(analyte.typical.high)
    step = Decimal((0, (1,), int(low.as_tuple().exponent)))
    return str(low + step * random.randint(0, int((high - low) / step)))


def unit_as_sent(profile: AnalyzerProfile, analyte: Analyte) -> str:
    """The first unit of a test as this device spells it; empty for one without unit."""
    if not analyte.units or (profile.where.unit is None and analyte.unsent is not None):
        return ""
    return profile.shape.units.get(analyte.units[0], analyte.units[0])
