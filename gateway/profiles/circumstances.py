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


class Surroundings:
    """Reads the circumstances of one line and collects what is wrong with them."""

    def __init__(self, line: Line, profile: AnalyzerProfile, context: Context) -> None:
        self._place: Place = line.place
        self._remarks = line.remarks
        self._profile = profile
        self._context = context
        self._problems: list[Problem] = []

    def read(self, *, absent: bool) -> Circumstances:
        """``absent``: the line gave no value."""
        when = self._observed()
        remarks = tuple(map(self._labelled, self._remarks)) if self._remarks else ()
        dated = when.day is not None and when.moment is None
        notes = (
            *remarks,
            *((f"measured on {when.day}",) if dated else ()),
            *((TWICE,) if when.twice else ()),
            *self._alarms(),
        )
        return Circumstances(
            self._flags(),
            self._range(),
            self._status(absent=absent),
            when.moment,
            self._operator(),
            notes,
            tuple(self._problems),
        )

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
        zone, received_at = self._context.timezone, self._context.received_at
        try:
            when = read_time(text, self._profile.dates, zone, received_at.date())
        except UnreadableTime:
            self._problem(ProblemCode.UNREADABLE_DATE, path)
            return ABSENT
        if when.moment is not None:
            limits = self._context.limits
            early = when.moment - received_at
            when = settled(when, received_at, limits)
            if limits.doubts(early) or when.twice:
                hold = limits.holds(early)
                self._problem(ProblemCode.CLOCK_SKEW, path, hold=hold)
        return when

    def _problem(self, code: ProblemCode, path: str, *, hold: bool = True) -> None:
        self._problems.append(Problem(code, self._place.locate(path), hold))
