"""Results laid out by the addresses of a profile, ready to be written in any wire language.

``head`` has what is true of the whole specimen, ``rows`` the cells of each result: address to text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from gateway.profiles.link import Protocol
from gateway.profiles.patterns import matches
from gateway.profiles.samples import Finding, NotExpressible, Sample
from gateway.profiles.schema import AnalyzerProfile, Part, Rule
from gateway.profiles.times import write_time
from gateway.report import Kind

Cells = dict[str, str]
_ROWS: Final = {
    Protocol.HL7: "OBX.",
    Protocol.POCT1A: "OBS.",
    Protocol.TEXT: "row",
    Protocol.FILE: "row",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """``sent_at`` is the device's own time; ``comments`` belong to the rows, in order."""

    head: Cells
    rows: tuple[Cells, ...]
    comments: tuple[tuple[str, ...], ...]
    sent_at: datetime
    kind: Kind


def sheet_of(
    profile: AnalyzerProfile,
    sample: Sample,
    sent_at: datetime,
    timezone: ZoneInfo,
    serial: str | None = None,
) -> Sheet:
    """NotExpressible for what the profile has no address for."""
    return _Layout(profile, timezone).sheet(sample, sent_at, serial)


class _Layout:
    def __init__(self, profile: AnalyzerProfile, timezone: ZoneInfo) -> None:
        self._profile = profile
        self._where = profile.where
        self._zone = timezone
        self._row = _ROWS[profile.link.protocol]

    def sheet(self, sample: Sample, sent_at: datetime, serial: str | None) -> Sheet:
        where = self._where
        cells = {p: text for p, text in self._profile.shape.fixed.items() if not self._is_row(p)}
        put(cells, where.sent, self._time(sent_at) if where.sent else None)
        put(cells, where.serial if serial else None, serial)
        put_first(cells, where.specimen, sample.specimen)
        put_first(cells, where.patient, sample.patient)
        _put_parts(cells, where.name, sample.name)
        _put_parts(cells, where.position, sample.position)
        put(cells, where.birth, self._day(sample.birth))
        put(cells, where.sex, sample.sex)
        self._mark(cells, sample.kind)
        rows = [self._result(finding) for finding in sample.findings]
        for row in rows:
            self._share(cells, row)
        local = sent_at.astimezone(self._zone)
        comments = tuple(finding.comments for finding in sample.findings)
        return Sheet(_padded(self._profile, cells), tuple(rows), comments, local, sample.kind)

    def _is_row(self, path: str) -> bool:
        return path.startswith(self._row)

    def _share(self, head: Cells, row: Cells) -> None:
        """Moves what stands above the results; all of them must say the same."""
        for path in [path for path in row if not self._is_row(path)]:
            text = row.pop(path)
            if head.setdefault(path, text) != text:
                raise NotExpressible("results of one specimen differ in what they share")

    def _result(self, finding: Finding) -> Cells:
        where, shape = self._where, self._profile.shape
        cells = {p: text for p, text in shape.fixed.items() if self._is_row(p)}
        if not finding.code:
            raise NotExpressible("a result without a code")
        put(cells, where.code[0], shape.code.format(code=finding.code))
        put(cells, self._value(finding), finding.value)
        put(cells, self._part(Part.NUMBER) if finding.number else None, finding.number)
        put(cells, where.unit, finding.unit)
        put(cells, where.range, finding.range)
        put_first(cells, where.status, finding.status)
        put(cells, where.operator, finding.operator)
        if finding.observed_at is not None:
            put_first(cells, where.observed, self._time(finding.observed_at))
        for count, flag in enumerate(finding.flags, start=1):
            put(cells, self._flag(count), flag)
        return cells

    def _value(self, finding: Finding) -> str | None:
        """Numbers stand at their own address where calls have another."""
        alone = finding.number is None and finding.value.lstrip("<>= ")[:1].isdigit()
        split = "+" in self._where.value and Part.NUMBER in self._where.parts
        return self._part(Part.NUMBER if alone and split else Part.VALUE)

    def _part(self, part: Part) -> str | None:
        """The address of a component of the value's cell."""
        value, parts = self._where.value, self._where.parts
        if part not in parts:
            return None
        place = parts.index(part)
        if "+" in value:
            return value.split("+")[place]
        if self._profile.link.protocol is not Protocol.HL7:
            return value if place == 0 else None
        return value if len(parts) == 1 else f"{value}.{place + 1}"

    def _flag(self, count: int) -> str | None:
        """Further flags are repetitions, where the language has such."""
        first = next(iter(self._where.flags), None)
        if first is None or count == 1:
            return first
        if self._profile.link.protocol is not Protocol.HL7:
            return None
        name, field, *component = first.split(".")
        return ".".join((name, f"{field}[{count}]", *component))

    def _mark(self, cells: Cells, kind: Kind) -> None:
        """Writes what makes the run no patient's."""
        if kind is Kind.PATIENT:
            return
        rules = [rule for rule in self._profile.rules if rule.kind is kind and not rule.each_line]
        if any(matches(rule.pattern, (cells.get(rule.path, ""),)) for rule in rules):
            return
        rule = _free(rules, cells, self._profile)
        cells[rule.path] = rule.example

    def _time(self, moment: datetime) -> str:
        return write_time(moment.astimezone(self._zone), self._profile.dates[0])

    def _day(self, birth: str | None) -> str | None:
        if not birth:
            return None
        moment = datetime.fromisoformat(birth).replace(tzinfo=self._zone)
        days = [form for form in self._profile.dates if "hh" not in form]
        return write_time(moment, days[0] if days else "YYYYMMDD")


def _free(rules: Sequence[Rule], cells: Cells, profile: AnalyzerProfile) -> Rule:
    """A rule whose cell says nothing else, but for what always stands there."""
    for rule in rules:
        if cells.get(rule.path) in (None, profile.shape.fixed.get(rule.path)):
            return rule
    raise NotExpressible("kind: the profile knows no mark for it")


def _padded(profile: AnalyzerProfile, cells: Cells) -> Cells:
    fill = profile.padding[:1] or " "
    pads = profile.shape.pads
    return {path: text.rjust(pads.get(path, 0), fill) for path, text in cells.items()}


def put(cells: Cells, path: str | None, text: str | None) -> None:
    """Refuses a text that has no address."""
    if not text:
        return
    if path is None:
        raise NotExpressible("something the profile has no address for")
    cells[path] = text


def put_first(cells: Cells, paths: tuple[str, ...], text: str | None) -> None:
    put(cells, paths[0] if paths else None, text)


def _put_parts(cells: Cells, paths: tuple[str, ...], text: str | None) -> None:
    """Components over several addresses, or into the one cell."""
    parts = text.split("^") if text else []
    if len(paths) == 1 and len(parts) > 1:
        paths = tuple(f"{paths[0]}.{number}" for number in range(1, len(parts) + 1))
    if len(parts) > len(paths):
        raise NotExpressible("more components than the profile has addresses for")
    for path, part in zip(paths, parts, strict=False):
        put(cells, path, part)
