"""A whole transmission to reports: one for each specimen, in the order sent.

Nothing is dropped and nothing guessed.  What cannot be understood is a problem with a position; the
problems that say ``hold`` keep the report from leaving until a person has looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.profiles.agreement import Drawn, Given, agreed
from gateway.profiles.astm_reading import Payload
from gateway.profiles.content import Identifier, content_key
from gateway.profiles.context import Context
from gateway.profiles.identity import Identity, read_identity
from gateway.profiles.kinds import decide_kind
from gateway.profiles.link import Protocol
from gateway.profiles.observations import LineReader, LineReading
from gateway.profiles.patterns import matches
from gateway.profiles.readers import fitting, reader_of
from gateway.profiles.reading import Group, Place
from gateway.profiles.recognition import Recognised, recognises
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.times import UnreadableTime, read_time
from gateway.report import Device, Kind, Problem, ProblemCode, Report, Source


@dataclass(frozen=True, slots=True)
class Interpretation:
    """``problems`` are those of no report: a transmission in which no specimen could be found.

    ``content_key`` is the same for the same content sent again; it knows nothing of the device.
    ``sent_at`` is what the device's clock said when it sent this.
    """

    reports: tuple[Report, ...]
    problems: tuple[Problem, ...]
    content_key: bytes
    sent_at: datetime | None = None


def normalize(payload: Payload, profile: AnalyzerProfile, context: Context) -> tuple[Report, ...]:
    """The reports of a transmission; see ``interpret``."""
    return interpret(payload, profile, context).reports


def interpret(
    payload: Payload, profile: AnalyzerProfile, context: Context, *, checked: bool = True
) -> Interpretation:
    """What the profile reads in it; see ``transmissions.read_transmission``."""
    profile = fitting(profile, payload)
    reading = reader_of(profile).read(payload, profile)
    identifier = Identifier(context.device_id)
    where = "H[1]" if profile.link.protocol is Protocol.ASTM else "message"
    unchecked = Problem(ProblemCode.INTEGRITY_UNCHECKED, where, hold=False)
    extra = () if checked else (unchecked,)
    lines = LineReader(profile, context)
    drawn = tuple(
        _drawn(group, identifier.identify(group.content), profile, context, lines, extra)
        for group in reading.groups
    )
    sent_at = _clock(reading.groups, profile, context)
    reports = agreed(drawn, profile)
    return Interpretation(reports, reading.problems, content_key(reading.content), sent_at)


def _drawn(
    group: Group,
    identity: str,
    profile: AnalyzerProfile,
    context: Context,
    lines: LineReader,
    extra: tuple[Problem, ...],
) -> Drawn:
    read = [lines.read(line) for line in group.lines]
    where = profile.where
    given = [
        Given(
            observation,
            line.place,
            line.place.whole(where.replicate) if where.replicate else None,
        )
        for line, found in zip(group.lines, read, strict=True)
        for observation in found.observations
    ]
    report = _report(group, identity, profile, context, _with_details(read), extra)
    whom = (*where.patient, *where.name, *where.specimen)
    return Drawn(report, tuple(given), group.place.locate(whom[0]) if whom else group.position)


def _report(
    group: Group,
    identity: str,
    profile: AnalyzerProfile,
    context: Context,
    lines: list[LineReading],
    extra: tuple[Problem, ...],
) -> Report:
    kind, undecided = decide_kind(profile, group)
    who = read_identity(profile, group.place, context)
    observations = tuple(o for line in lines for o in line.observations)
    problems = (
        *_device_problems(group.place, profile, context),
        *group.problems,
        *undecided,
        *_alarms(group.place, profile),
        *_identity_problems(kind, who, group.place, profile),
        *(problem for line in lines for problem in line.problems),
        *(() if observations else (Problem(ProblemCode.NO_RESULTS, group.position),)),
        *extra,
    )
    return Report(
        id=identity,
        device=_device(group.place, profile, context),
        kind=kind,
        specimen=who.specimen,
        patient=who.patient,
        received_at=context.received_at,
        observations=observations,
        problems=tuple(_once(problems)),
        source=Source(context.transmission, profile.link.protocol.value),
        notes=(*group.remarks, *(line.remark for line in lines if line.remark)),
        attachments=group.attachments,
    )


def _with_details(lines: Iterable[LineReading]) -> list[LineReading]:
    """Details become notes of the result they follow; without one they are remarks."""
    found: list[LineReading] = []
    for line in lines:
        if not line.details:
            found.append(line)
        elif found and found[-1].observations:
            above = found[-1].observations
            noted = tuple(replace(one, notes=(*one.notes, *line.details)) for one in above)
            found[-1] = found[-1]._replace(observations=noted)
        else:
            found.append(LineReading(remark=" ".join(line.details)))
    return found


def _alarms(place: Place, profile: AnalyzerProfile) -> Iterator[Problem]:
    for alarm in profile.alarms:
        if alarm.specimen and matches(alarm.pattern, place.every(alarm.path)):
            yield Problem(ProblemCode.INSTRUMENT_ALARM, place.locate(alarm.path), alarm.hold)


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """A clock that is only somewhat wrong is wrong in every line: said once."""
    skewed = False
    for problem in dict.fromkeys(problems):
        mild = problem.code is ProblemCode.CLOCK_SKEW and not problem.hold
        if not (mild and skewed):
            yield problem
        skewed = skewed or mild


def _device(place: Place, profile: AnalyzerProfile, context: Context) -> Device:
    where = profile.where
    model = place.whole(where.model) if where.model else None
    serial = place.whole(where.serial) if where.serial else None
    return Device(
        context.device_id,
        profile.name,
        profile.vendor or None,
        model or profile.model or None,
        serial,
    )


def _device_problems(place: Place, profile: AnalyzerProfile, context: Context) -> Iterator[Problem]:
    if recognises(profile, place) is Recognised.NO:
        yield Problem(ProblemCode.UNKNOWN_DEVICE, place.locate(profile.signatures[0].path))
    path, limits = profile.where.sent, context.limits
    try:
        when = _sent(place, profile, context)
    except UnreadableTime:
        yield Problem(ProblemCode.UNREADABLE_DATE, place.locate(path or ""), hold=False)
        return
    if path is not None and when is not None and when - context.received_at > limits.ahead:
        far = when - context.received_at > limits.future
        yield Problem(ProblemCode.CLOCK_SKEW, place.locate(path), hold=far)


def _sent(place: Place, profile: AnalyzerProfile, context: Context) -> datetime | None:
    """When the device says it sent this; of an hour it had twice, what is nearer to us."""
    path = profile.where.sent
    text = place.whole(path) if path else None
    if text is None:
        return None
    found = read_time(text, profile.dates, context.timezone, context.received_at.date())
    both = [one for one in (found.moment, found.second) if one is not None]
    return min(both, key=lambda one: abs(one - context.received_at), default=None)


def _clock(groups: Iterable[Group], profile: AnalyzerProfile, context: Context) -> datetime | None:
    """The latest time of sending in a transmission."""
    found = []
    for group in groups:
        try:
            found.append(_sent(group.place, profile, context))
        except UnreadableTime:
            continue
    return max((one for one in found if one is not None), default=None)


def _identity_problems(
    kind: Kind, who: Identity, place: Place, profile: AnalyzerProfile
) -> Iterator[Problem]:
    yield from who.problems
    nameless = who.specimen.id is None and not who.patient.known
    if nameless and kind in (Kind.PATIENT, Kind.UNKNOWN):
        paths = (*profile.where.specimen, *profile.where.patient)
        yield Problem(ProblemCode.NO_SPECIMEN, place.locate(paths[0]) if paths else "")
