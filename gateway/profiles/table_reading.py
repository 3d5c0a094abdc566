"""Exported tables as a ``Reading``: rows become results, grouped by whose they are.

Two shapes are understood: a row a result (a column for the test, one for the value), or a row a
specimen, in which every column without another meaning is a test, its unit perhaps in brackets.
Nothing that could be a result is left out: a column nobody explained is an unknown test, a row that
does not fit its headings, a table without headings and a sheet of no table hold what they stand in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from gateway.profiles.astm_reading import Payload
from gateway.profiles.columns import ROW_MEANINGS, Meaning, normal
from gateway.profiles.reading import Group, Line, Reading
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.text_place import TextPlace
from gateway.protocols.tables import XML, Grid, TooLarge, Unreadable, read
from gateway.protocols.text import Fields
from gateway.report import Problem, ProblemCode

_HEADINGS_WITHIN: Final = 200
_IN_BRACKETS: Final = re.compile(r"(?P<code>.*\S)\s*[\[(](?P<unit>[^\[\]()]+)[\])]")
_WITH_UNIT: Final = re.compile(r"(?P<value>[<>]?=?\s*[0-9][0-9.,]*)\s+(?P<unit>[^\s0-9]\S{0,15})")
_PERSONAL: Final = frozenset(
    {Meaning.SPECIMEN, Meaning.PATIENT, Meaning.FAMILY, Meaning.GIVEN, Meaning.BIRTH, Meaning.SEX}
)
_LATIN: Final = "latin-1"  # the cells are text already
_PERSON: Final = (Meaning.PATIENT, Meaning.FAMILY, Meaning.GIVEN, Meaning.BIRTH)


def read_table(payload: Payload, profile: AnalyzerProfile) -> Reading:
    """Never fails: what cannot be read becomes a problem with its position."""
    raw = payload if isinstance(payload, bytes) else b""
    try:
        grids = read(raw, profile.encoding)
    except Unreadable as error:
        large = isinstance(error, TooLarge)
        code = ProblemCode.LIMIT_EXCEEDED if large else ProblemCode.MALFORMED_RECORD
        problem = Problem(code, "file")
        return Reading((), sha256(raw).hexdigest(), (problem,))
    tables = [_table(grid, profile, number) for number, grid in enumerate(grids, start=1)]
    flaws = tuple(flaw for table in tables for flaw in table.flaws)
    groups = tuple(_groups([one for table in tables for one in table.records], flaws))
    content = "\n".join("\x1f".join(row) for grid in grids for row in grid.rows)
    return Reading(groups, content, () if groups else flaws or _nothing(grids))


def table_header(payload: Payload, profile: AnalyzerProfile) -> TextPlace | None:
    """What the first specimen's rows say of the sender; None where nothing can be read."""
    reading = read_table(payload, profile)
    place = reading.groups[0].place if reading.groups else None
    return place if isinstance(place, TextPlace) else None


@dataclass(frozen=True, slots=True)
class _Record:
    """One result: what it shares with others of its specimen, its own cells, where it stands."""

    head: dict[str, str]
    row: Fields
    position: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    records: tuple[_Record, ...] = ()
    flaws: tuple[Problem, ...] = ()


def _nothing(grids: Sequence[Grid]) -> tuple[Problem, ...]:
    """A table with headings and no rows says nothing; one without either is no table."""
    if any(len(grid.rows) for grid in grids):
        return ()
    return (Problem(ProblemCode.MALFORMED_RECORD, "file"),)


def _table(grid: Grid, profile: AnalyzerProfile, number: int) -> _Table:
    prefix = f"{grid.name.partition(' ')[0]}[{number}]/" if number > 1 else ""
    flaws = [Problem(ProblemCode.ENCODING_DOUBTFUL, f"{prefix}file")] if grid.doubtful else []
    found = _headings(grid, profile)
    if found is None:
        flaws.append(Problem(ProblemCode.MALFORMED_RECORD, f"{prefix}headings"))
        return _Table((), tuple(flaws))
    start, columns = found
    shared = _around(grid, start, columns, profile)
    records: list[_Record] = []
    for count, cells in enumerate(grid.rows[start + 1 :], start=start + 2):
        blank = not any(cell.strip() for cell in cells)
        if blank or (start >= 0 and cells == grid.rows[start]):
            continue
        place = f"{prefix}row[{count}]"
        if len(cells) != len(columns):
            flaws.append(Problem(ProblemCode.MALFORMED_RECORD, place))
        if _said(columns, cells)[1]:
            flaws.append(Problem(ProblemCode.IDENTITY_CONFLICT, place))
        records += _records(columns, cells, shared, place, grid.name == XML)
    return _Table(tuple(records), tuple(flaws))


@dataclass(frozen=True, slots=True)
class _Column:
    heading: str
    meaning: Meaning | None


def _headings(grid: Grid, profile: AnalyzerProfile) -> tuple[int, tuple[_Column, ...]] | None:
    """The first row that names an id and something measured; -1 where columns go by number."""
    known = profile.columns
    if known and all(key.isdigit() for key in known):
        width = max(map(len, grid.rows), default=0)
        numbered = tuple(str(number + 1) for number in range(width))
        return -1, _columns(numbered, known)
    for number, row in enumerate(grid.rows[:_HEADINGS_WITHIN]):
        columns = _columns(row, known)
        meanings = {column.meaning for column in columns}
        named = meanings & {Meaning.SPECIMEN, Meaning.PATIENT}
        if named and len(row) > 1 and (_is_long(columns) or None in meanings):
            return number, columns
    return None


def _columns(row: Sequence[str], known: Mapping[str, str]) -> tuple[_Column, ...]:
    meant = (known.get(normal(text)) for text in row)
    return tuple(
        _Column(text.strip(), Meaning(word) if word else None)
        for text, word in zip(row, meant, strict=True)
    )


def _is_long(columns: Sequence[_Column]) -> bool:
    meanings = {column.meaning for column in columns}
    return Meaning.TEST in meanings and Meaning.VALUE in meanings


def _around(
    grid: Grid, start: int, columns: Sequence[_Column], profile: AnalyzerProfile
) -> dict[str, str]:
    """What is said once for all rows: lines of a heading and a text above the table, elements of
    XML that hold no result.  Never whose a result is."""
    found: dict[str, str] = {}
    if grid.name == XML:
        for cells in grid.rows[start + 1 :]:
            said = {
                column.meaning: cell.strip() for column, cell in zip(columns, cells, strict=True)
            }
            if not (said.get(Meaning.TEST) or said.get(Meaning.VALUE)):
                found |= {meaning.value: text for meaning, text in said.items() if meaning and text}
    for row in grid.rows[: max(start, 0)]:
        cells = tuple(cell.strip() for cell in row if cell.strip())
        word = profile.columns.get(normal(cells[0].rstrip(":"))) if len(cells) == 2 else None
        if word is not None:
            found.setdefault(word, cells[1])
    return {key: text for key, text in found.items() if Meaning(key) not in _PERSONAL}


def _said(columns: Sequence[_Column], cells: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """Meaning to text, and the meanings that two columns differ in: these say nothing."""
    said: dict[str, str] = {}
    doubtful: set[str] = set()
    for column, cell in zip(columns, cells, strict=False):
        text, meaning = cell.strip(), column.meaning
        if not text or not meaning or meaning in (Meaning.REMARK, Meaning.IGNORED):
            continue
        if said.setdefault(meaning.value, text) != text:
            doubtful.add(meaning.value)
    return {key: text for key, text in said.items() if key not in doubtful}, doubtful


def _records(
    columns: Sequence[_Column], cells: Sequence[str], shared: dict[str, str], place: str, xml: bool
) -> Iterator[_Record]:
    """The results of one row."""
    said = shared | _said(columns, cells)[0]
    pairs = [(column, cell.strip()) for column, cell in zip(columns, cells, strict=False)]
    remarks = [text for column, text in pairs if column.meaning is Meaning.REMARK and text]
    others = [(column.heading, text) for column, text in pairs if column.meaning is None and text]
    head = {key: text for key, text in said.items() if Meaning(key) not in ROW_MEANINGS}
    row = {key: text for key, text in said.items() if Meaning(key) in ROW_MEANINGS}
    if not _is_long(columns):
        for heading, text in others:
            yield _Record(head, _wide(row, heading, text), place, tuple(remarks))
    elif not xml:
        remarks += [f"{name}: {text}" for name, text in others]
        yield _Record(head, _long(row), place, tuple(remarks))
    elif row.keys() & {Meaning.TEST.value, Meaning.VALUE.value}:
        yield _Record(head, _long(row), place, tuple(remarks))


def _long(row: dict[str, str]) -> Fields:
    values = dict(row)
    glued = _WITH_UNIT.fullmatch(values.get("value", "")) if "unit" not in values else None
    if glued is not None:
        values |= {"value": glued["value"], "unit": glued["unit"]}
    return Fields(values.pop("test", ""), values)


def _wide(row: dict[str, str], heading: str, text: str) -> Fields:
    bracketed = _IN_BRACKETS.fullmatch(heading)
    values = {**row, "value": text}
    if bracketed is None:
        return _long({**values, "test": heading})
    return Fields(bracketed["code"], {**values, "unit": bracketed["unit"].strip()})


def _groups(records: Sequence[_Record], flaws: tuple[Problem, ...]) -> Iterator[Group]:
    """One for each specimen (or, without one, each patient) and purpose, in the order sent."""
    together: dict[tuple[str, ...], list[_Record]] = {}
    for one in records:
        owner = one.head.get("specimen") or f"\x00{one.head.get('patient', '')}"
        together.setdefault((owner, one.head.get("kind", "")), []).append(one)
    for number, found in enumerate(together.values(), start=1):
        yield _group(found, flaws, "" if number == 1 else f"specimen[{number}]/")


def _group(records: list[_Record], flaws: tuple[Problem, ...], prefix: str) -> Group:
    head = Fields("table", {k: t for one in reversed(records) for k, t in one.head.items()})
    place = TextPlace(head, _LATIN, prefix=prefix)
    lines = tuple(
        Line(TextPlace(head, _LATIN, one.row, number, prefix), one.remarks)
        for number, one in enumerate(records, start=1)
    )
    conflicts = tuple(
        Problem(ProblemCode.IDENTITY_CONFLICT, f"{prefix}{meaning.value}")
        for meaning in _PERSON
        if len({text for one in records if (text := one.head.get(meaning.value))}) > 1
    )
    values = [replace(head, rows=())] + [one.row for one in records]
    content = "\n".join(_canon(one) for one in values)
    return Group(place, records[0].position, lines, content, problems=(*flaws, *conflicts))


def _canon(fields: Fields) -> str:
    pairs = sorted(f"{name}={text}" for name, text in fields.values.items())
    return "\x1f".join((fields.name, *pairs))
