"""Results to LIS02-A2 records, each text put where the profile would look for it.

What the profile has no address for is refused; whether the rest would be read as it was meant is
for ``render`` to try.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.profiles.patterns import matches
from gateway.profiles.samples import Finding, NotExpressible, Sample
from gateway.profiles.schema import AnalyzerProfile, Part, Rule
from gateway.profiles.times import write_time
from gateway.protocols.astm import At, Delimiters, Record
from gateway.report import Kind

Cells = dict[str, str]


class Writer:
    """Writes messages of one device; its clock runs in ``timezone``."""

    def __init__(self, profile: AnalyzerProfile, timezone: ZoneInfo) -> None:
        self._profile = profile
        self._where = profile.where
        self._zone = timezone
        self._delimiters = Delimiters(*profile.shape.delimiters)

    def message(
        self, samples: Sequence[Sample], sent_at: datetime, serial: str | None
    ) -> Iterator[Record]:
        header: Cells = {}
        _put(header, self._where.sent, self._time(sent_at))
        _put(header, self._where.serial, serial)
        yield self._record("H", header)
        for number, sample in enumerate(samples, start=1):
            yield from self._sample(number, sample)
        yield self._record("L", {"L.2": "1", "L.3": "N"})

    def _sample(self, number: int, sample: Sample) -> Iterator[Record]:
        cells: Cells = {"P.2": str(number), "O.2": "1"}
        where = self._where
        _put_first(cells, where.specimen, sample.specimen)
        _put_first(cells, where.patient, sample.patient)
        _put_parts(cells, where.name, sample.name)
        _put_parts(cells, where.position, sample.position)
        _put(cells, where.birth, (sample.birth or "").replace("-", ""))
        _put(cells, where.sex, sample.sex)
        self._mark(cells, sample.kind)
        yield self._record("P", cells)
        yield self._record("O", cells)
        for place, finding in enumerate(sample.findings, start=1):
            yield self._record("R", self._result(place, finding))
            for count, text in enumerate(finding.comments, start=1):
                comment = {"C.2": str(count), "C.3": "I", "C.4": text, "C.5": "I"}
                yield self._record("C", comment)

    def _result(self, number: int, finding: Finding) -> Cells:
        where = self._where
        cells: Cells = {"R.2": str(number)}
        if not finding.code:
            raise NotExpressible("a result without a code")
        _put(cells, where.code[0], self._profile.shape.code.format(code=finding.code))
        _put(cells, self._part(Part.VALUE), finding.value)
        _put(cells, self._part(Part.NUMBER), finding.number)
        _put(cells, where.unit or self._part(Part.UNIT), finding.unit)
        _put(cells, where.range, finding.range)
        _put_first(cells, where.status, finding.status)
        _put(cells, where.operator, finding.operator)
        observed = finding.observed_at
        _put_first(cells, where.observed, self._time(observed) if observed else None)
        for count, flag in enumerate(finding.flags, start=1):
            _put_first(cells, tuple(_repeated(path, count) for path in where.flags), flag)
        return cells

    def _part(self, part: Part) -> str | None:
        """The address of a component of the value's cell."""
        parts = self._where.parts
        if part not in parts:
            return None
        alone = len(parts) == 1
        return self._where.value if alone else f"{self._where.value}.{parts.index(part) + 1}"

    def _mark(self, cells: Cells, kind: Kind) -> None:
        """Writes what makes the run no patient's."""
        rules = [rule for rule in self._profile.rules if rule.kind is kind]
        if kind is Kind.PATIENT:
            return
        if not any(matches(rule.pattern, (cells.get(rule.path, ""),)) for rule in rules):
            rule = _free(rules, cells)
            cells[rule.path] = rule.example

    def _record(self, letter: str, cells: Mapping[str, str]) -> Record:
        shape = self._profile.shape
        own = {path: text for path, text in shape.fixed.items() if path[0] == letter}
        own |= {path: text for path, text in cells.items() if path[0] == letter}
        padded: dict[At | str, str | None] = {
            path: text.rjust(shape.pads.get(path, 0)) for path, text in own.items() if text
        }
        return Record.build(letter, padded, self._delimiters, self._profile.encoding)

    def _time(self, moment: datetime) -> str:
        return write_time(moment.astimezone(self._zone), self._profile.dates[0])


def _free(rules: Sequence[Rule], cells: Mapping[str, str]) -> Rule:
    """The first rule whose cell nothing stands in."""
    for rule in rules:
        if rule.path not in cells and not rule.each_line:
            return rule
    raise NotExpressible("kind: the profile knows no mark for it")


def _put(cells: Cells, path: str | None, text: str | None) -> None:
    if not text:
        return
    if path is None:
        raise NotExpressible("something the profile has no address for")
    cells[path] = text


def _put_first(cells: Cells, paths: tuple[str, ...], text: str | None) -> None:
    _put(cells, paths[0] if paths else None, text)


def _put_parts(cells: Cells, paths: tuple[str, ...], text: str | None) -> None:
    """Components over several addresses, or into the one cell."""
    parts = text.split("^") if text else []
    if len(paths) == 1:
        paths = tuple(f"{paths[0]}.{number}" for number in range(1, len(parts) + 1))
    if len(parts) > len(paths):
        raise NotExpressible("more components than the profile has addresses for")
    for path, part in zip(paths, parts, strict=False):
        _put(cells, path, part)


def _repeated(path: str, number: int) -> str:
    """``R.7`` to ``R.7[2]``, ``R.7.3`` to ``R.7[2].3``."""
    letter, cell, *component = path.split(".")
    return ".".join((letter, f"{cell}[{number}]", *component))
