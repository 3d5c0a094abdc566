"""What stands around a value: flags, reference range, status, time, operator, remarks, alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from gateway.profiles.context import Context
from gateway.profiles.measure import answer_instead
from gateway.profiles.numbers import read_number
from gateway.profiles.patterns import matches
from gateway.profiles.reading import Line, Place
from gateway.profiles.schema import AnalyzerProfile, Quirk
from gateway.profiles.times import ABSENT, UnreadableTime, When, read_time, settled
from gateway.report import Problem, ProblemCode, Status

TWICE: Final = "measured in the hour the clocks had twice; written as the first of the two"
UNSETTLED: Final = (Status.PENDING, Status.PRELIMINARY, Status.PARTIAL)


class Circumstances(NamedTuple):
    """``status`` as the device gave it, whatever the value turned out to be."""

    flags: tuple[str, ...]
    range: str | None
    status: Status
    observed_at: datetime | None
    operator: str | None
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]


class _Judged(NamedTuple):
    """A time as it is taken, and what is wrong with it."""

    when: When
    wrong: ProblemCode | None = None
    hold: bool = True


class Surroundings:
    """Reads the circumstances of lines of one transmission, and what is wrong with them."""

    def __init__(self, profile: AnalyzerProfile, context: Context) -> None:
        self._profile = profile
        self._context = context
        self._place: Place
        self._problems: list[Problem]
        self._times: dict[str, _Judged] = {}

    def read(self, line: Line, *, absent: bool) -> Circumstances:
        """``absent``: the line gave no value."""
        self._place, self._problems = line.place, []
        when = self._observed()
        notes = self._notes(line.remarks, when)
        return Circumstances(
            self._flags(),
            self._range(),
            self._status(absent=absent),
            when.moment,
            self._operator(),
            notes,
            tuple(self._problems),
        )

    def _notes(self, remarks: Sequence[str], when: When) -> tuple[str, ...]:
        notes = [self._labelled(remark) for remark in remarks]
        if when.day is not None and when.moment is None:
            notes.append(f"measured on {when.day}")
        if when.twice:
            notes.append(TWICE)
        if self._profile.alarms:
            notes += self._alarms()
        return tuple(notes)

    def _operator(self) -> str | None:
        path = self._profile.where.operator
        return self._place.whole(path) if path else None

    def _flags(self) -> tuple[str, ...]:
        """The profile's word for each flag; one it does not know stays as sent."""
        known, found = self._profile.flags, []
        for path in self._profile.where.flags:
            if path == self._profile.where.instead and self._answered():
                continue
            sent = self._place.every(path)
            found += [known.get(flag, flag) for flag in sent]
            if any(flag not in known for flag in sent) and not self._opaque:
                self._problem(ProblemCode.UNKNOWN_FLAG, path)
        return tuple(dict.fromkeys(filter(None, found))) if found else ()

    def _answered(self) -> bool:
        """Whether what stands among the flags is the answer."""
        empty = not self._place.every(self._profile.where.value)
        return empty and answer_instead(self._place, self._profile) is not None

    @property
    def _opaque(self) -> bool:
        return Quirk.OPAQUE_FLAGS in self._profile.quirks

    def _range(self) -> str | None:
        """Words behind a range are dropped; two numbers are its ends."""
        path = self._profile.where.range
        found = self._place.every(path) if path else ()
        if not path or not found:
            return None
        if path.endswith(".1") and self._numbers(self._place.every(f"{path[:-1]}2")):
            found = self._place.every(path[:-2]) if self._numbers(found) else found
        return "; ".join(text for text in found if text not in self._profile.no_ranges) or None

    def _numbers(self, texts: Sequence[str]) -> bool:
        return bool(texts) and all(read_number(text, self._profile.decimal) for text in texts)

    def _labelled(self, remark: str) -> str:
        for label in self._profile.labels:
            if matches(label.pattern, (remark,)):
                return f"{label.words} {remark}"
        return remark

    def _alarms(self) -> Iterator[str]:
        for alarm in self._profile.alarms:
            if alarm.specimen:
                continue
            texts = self._place.every(alarm.path)
            if texts and matches(alarm.pattern, texts):
                self._problem(ProblemCode.INSTRUMENT_ALARM, alarm.path, hold=alarm.hold)
                if alarm.note:
                    yield alarm.note

    def _status(self, *, absent: bool) -> Status:
        for path in self._profile.where.status:
            if text := self._place.whole(path):
                return self._judged(path, self._profile.statuses.get(text), absent=absent)
        return self._profile.status_unsent

    def _judged(self, path: str, status: Status | None, *, absent: bool) -> Status:
        if status is None:
            self._problem(ProblemCode.UNKNOWN_STATUS, path)
            return Status.PENDING
        if status in UNSETTLED or (status is Status.NO_RESULT and not absent):
            self._problem(ProblemCode.STATUS_NOT_FINAL, path)
        return status

    def _observed(self) -> When:
        for path in self._profile.where.observed:
            if text := self._place.whole(path):
                return self._time(path, text)
        return ABSENT

    def _time(self, path: str, text: str) -> When:
        judged = self._times.get(text)
        if judged is None:
            judged = self._times[text] = _judge(text, self._profile, self._context)
        if judged.wrong is not None:
            self._problem(judged.wrong, path, hold=judged.hold)
        return judged.when

    def _problem(self, code: ProblemCode, path: str, *, hold: bool = True) -> None:
        self._problems.append(Problem(code, self._place.locate(path), hold))


def _judge(text: str, profile: AnalyzerProfile, context: Context) -> _Judged:
    received_at, limits = context.received_at, context.limits
    try:
        when = read_time(text, profile.dates, context.timezone, received_at.date())
    except UnreadableTime:
        return _Judged(ABSENT, ProblemCode.UNREADABLE_DATE)
    if when.moment is None:
        return _Judged(when)
    early = when.moment - received_at
    when = settled(when, received_at, limits)
    if limits.doubts(early) or when.twice:
        return _Judged(when, ProblemCode.CLOCK_SKEW, limits.holds(early))
    return _Judged(when)
