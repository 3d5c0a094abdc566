"""Named days of an analyzer: what it measured and in which order it sends it.

A scenario yields messages (lists of records) that the profile itself would read as meant; what a
device cannot say (a specimen id where it has none) is left out, never twisted.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from gateway.profiles import AnalyzerProfile, Protocol
from gateway.profiles.compose import compose
from gateway.profiles.render import render
from gateway.profiles.samples import Finding, NotExpressible, Sample, plausible
from gateway.protocols.astm import encode
from gateway.report import Kind

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_GENERIC = (Finding("GLU", "97", "mg/dL"), Finding("CREA", "0.9", "mg/dL"))
_VOIDS = ("---.-", "-----", "--- ", "No Result", ".....", "***.*")
_NAMES = ("DOE^JANE", "TEST^ALEX", "SAMPLE^SAM", "DOE^JOHN", "TEST^ROBIN")


@dataclass(frozen=True, slots=True)
class Message:
    """``records`` go out as they are (of other languages than ASTM: whole messages); ``samples``
    are what they say."""

    records: list[bytes]
    samples: tuple[Sample, ...]


class Day:
    """Everything a scenario draws from: profile, randomness, the simulated clock, ids."""

    def __init__(
        self,
        profile: AnalyzerProfile,
        rng: random.Random,
        clock: Callable[[], datetime],
        timezone: ZoneInfo,
        prefix: str = "26S",
    ) -> None:
        self.profile = profile
        self.rng = rng
        self._clock = clock
        self._timezone = timezone
        self._prefix = prefix
        self._number = rng.randrange(1000, 5000)

    def sample(self, findings: Sequence[Finding] | None = None, **changes: object) -> Sample:
        """The next specimen, of the next patient."""
        self._number += 1
        chosen = tuple(findings or self.findings())
        base = Sample(
            chosen,
            specimen=f"{self._prefix}{self._number:05d}",
            patient=f"MRN{self._number % 900 + 100:05d}",
            name=_NAMES[self._number % len(_NAMES)],
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def findings(self) -> tuple[Finding, ...]:
        """A full panel of plausible values, each with the moment it was measured."""
        found = plausible(self.profile, self.rng) or _GENERIC
        moment = self._clock().replace(microsecond=0) - timedelta(seconds=40)
        if "ss" not in self.profile.dates[0]:
            moment = moment.replace(second=0)
        return tuple(replace(finding, observed_at=moment) for finding in found)

    def message(self, *samples: Sample) -> Message:
        """What the device would send; the first of the device's ways of naming a person."""
        for simplified in _simpler(samples):
            try:
                records = self._written(simplified)
            except NotExpressible:
                continue
            return Message(records, tuple(simplified))
        raise NotExpressible("the profile cannot say this")

    def _written(self, samples: Sequence[Sample]) -> list[bytes]:
        """The records of one ASTM message, or the messages of another language."""
        sent_at, zone = self._clock(), self._timezone
        if self.profile.link.protocol is not Protocol.ASTM:
            return list(compose(self.profile, samples, sent_at=sent_at, timezone=zone))
        return encode(render(self.profile, samples, sent_at=sent_at, timezone=zone))


def _simpler(samples: Sequence[Sample]) -> Iterator[tuple[Sample, ...]]:
    """The samples with ever less of what some devices have no place for."""
    cuts: tuple[tuple[str, ...], ...] = (
        (),
        ("name",),
        ("specimen",),
        ("specimen", "name"),
        ("patient", "name"),
        ("specimen", "patient", "name"),
    )
    for timeless in (False, True):
        for cut in cuts:
            bare = tuple(_without(sample, cut) for sample in samples)
            yield tuple(_timeless(sample) for sample in bare) if timeless else bare


def _without(sample: Sample, places: tuple[str, ...]) -> Sample:
    return replace(
        sample,
        name=None if "name" in places else sample.name,
        specimen=None if "specimen" in places else sample.specimen,
        patient=None if "patient" in places else sample.patient,
    )


def _timeless(sample: Sample) -> Sample:
    findings = tuple(replace(finding, observed_at=None) for finding in sample.findings)
    return replace(sample, findings=findings)


def one_result(day: Day) -> Iterator[Message]:
    """One test of one specimen."""
    while True:
        yield day.message(day.sample([day.rng.choice(day.findings())]))


def panel(day: Day) -> Iterator[Message]:
    """Everything the device can measure, of one specimen."""
    while True:
        yield day.message(day.sample())


def several_specimens(day: Day) -> Iterator[Message]:
    """Three specimens of three patients in one message."""
    while True:
        yield day.message(day.sample(), day.sample(), day.sample())


def out_of_range(day: Day) -> Iterator[Message]:
    """One value beyond what the device can measure, written with its comparator."""
    while True:
        first, *others = _number_first(day.findings())
        beyond = replace(first, value=f">{_tripled(first.value)}", flags=(">",))
        plain = replace(beyond, flags=())
        yield _first_that_works(day, ([beyond, *others], [plain, *others], [first, *others]))


def masked(day: Day) -> Iterator[Message]:
    """One test without a value, as the device marks it."""
    while True:
        first, *others = day.findings()
        choices = [[replace(first, value=void), *others] for void in _VOIDS]
        unitless = [[replace(first, value=void, unit=""), *others] for void in _VOIDS]
        yield _first_that_works(day, (*choices, *unitless))


def qc(day: Day) -> Iterator[Message]:
    """A control run."""
    while True:
        control = replace(day.sample(), kind=Kind.QC, patient=None, name=None)
        for sample in (control, replace(control, specimen=None), replace(control, specimen="QC01")):
            try:
                yield day.message(sample)
                break
            except NotExpressible:
                continue
        else:
            raise NotExpressible(f"{day.profile.name} marks no control runs")


def resend(day: Day) -> Iterator[Message]:
    """Each message twice: the device's operator pressed "send" again."""
    for message in panel(day):
        yield message
        yield message


def corrected(day: Day) -> Iterator[Message]:
    """A result, then the same with another value."""
    while True:
        sample = day.sample()
        first, *others = _number_first(sample.findings)
        better = replace(first, value=_nudged(first.value), status="C")
        sample = replace(sample, findings=(first, *others))
        yield day.message(sample)
        yield day.message(replace(sample, findings=(better, *others)))


def mixed(day: Day) -> Iterator[Message]:
    """A working day: mostly panels, now and then each of the others."""
    kinds = [panel(day), one_result(day), out_of_range(day), masked(day)]
    while True:
        yield next(day.rng.choices(kinds, weights=(6, 3, 1, 1))[0])


SCENARIOS: dict[str, Callable[[Day], Iterator[Message]]] = {
    "one-result": one_result,
    "panel": panel,
    "several-specimens": several_specimens,
    "out-of-range": out_of_range,
    "masked": masked,
    "qc": qc,
    "resend": resend,
    "corrected": corrected,
    "mixed": mixed,
}


def _first_that_works(day: Day, choices: Sequence[Sequence[Finding]]) -> Message:
    for findings in choices:
        try:
            return day.message(day.sample(findings))
        except NotExpressible:
            continue
    raise NotExpressible(f"{day.profile.name} cannot say this")


def _number_first(findings: Sequence[Finding]) -> list[Finding]:
    """A number before calls, where the device measures any."""
    return sorted(findings, key=lambda finding: not _NUMBER.fullmatch(finding.value))


def _tripled(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        return value
    return str((Decimal(value) * 3).quantize(Decimal(value)))


def _nudged(value: str) -> str:
    if not _NUMBER.fullmatch(value):
        return value
    number = Decimal(value)
    return str(number + Decimal((0, (1,), int(number.as_tuple().exponent))))
