"""Results as an exported table: a line for each, under the headings or in the columns the profile
reads."""

from __future__ import annotations

from gateway.profiles.samples import NotExpressible
from gateway.profiles.schema import AnalyzerProfile
from gateway.profiles.sheet import Cells, Sheet
from gateway.protocols.tables import write_delimited


def write_table(profile: AnalyzerProfile, sheet: Sheet) -> bytes:
    """A CSV file of one specimen; its separator leaves the decimal comma alone."""
    if any(sheet.comments):
        raise NotExpressible("this table has no place for comments")
    lines = [_meant({**sheet.head, **row}) for row in sheet.rows]
    if all(heading.isdigit() for heading in profile.columns):
        return write_delimited([_numbered(profile, line) for line in lines], ";")
    meanings = list(dict.fromkeys(meaning for line in lines for meaning in line))
    headings = [_heading(profile, meaning) for meaning in meanings]
    body = [[line.get(meaning, "") for meaning in meanings] for line in lines]
    return write_delimited([headings, *body], ";" if profile.decimal == "," else ",")


def _numbered(profile: AnalyzerProfile, line: Cells) -> list[str]:
    """A line of a table without headings; without a column for it the unit stands by the value."""
    cells = dict(line)
    meanings = [profile.columns[key] for key in sorted(profile.columns, key=int)]
    if "unit" not in meanings and (unit := cells.pop("unit", "")):
        cells["value"] = f"{cells.get('value', '')} {unit}"
    if not cells.keys() <= set(meanings):
        raise NotExpressible("something the table has no column for")
    return [cells.get(meaning, "") for meaning in meanings]


def _meant(cells: Cells) -> Cells:
    """Cells by meaning; a date and a time at one address are two columns."""
    found: Cells = {}
    for path, text in cells.items():
        name = "test" if path == "row" else path.removeprefix("row.")
        found[name] = text
    return found


def _heading(profile: AnalyzerProfile, meaning: str) -> str:
    for heading, known in profile.columns.items():
        if known == meaning:
            return heading
    raise NotExpressible("a column the profile has no heading for")
