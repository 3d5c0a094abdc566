"""LIVD tables (CSV, XLSX, JSON) to rows: which LOINC a vendor means by the code a device sends.

Columns are found by what their heading says.  JSON may be a list of objects with such keys, or FHIR
concept maps.  XLSX is read as a ZIP of XML without entities.  Sizes are limited.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

from gateway.errors import GatewayError

LARGEST: Final = 64 * 1024 * 1024
_CELL: Final = re.compile(r"([A-Z]{1,3})[0-9]+")
_HEADINGS: Final = {
    "code": ("vendor transmission code", "transmission code", "vendor analyte code"),
    "name": ("vendor analyte name", "analyte name"),
    "unit": ("vendor reporting units", "reporting units", "vendor result units"),
    "specimen": ("vendor specimen description", "specimen description"),
    "model": ("model", "equipment model"),
    "loinc": ("loinc code", "loinc"),
}


@dataclass(frozen=True, slots=True)
class LivdRow:
    """One line of a table, trimmed; empty where it says nothing."""

    code: str
    loinc: str
    unit: str = ""
    specimen: str = ""
    model: str = ""
    name: str = ""


def read_livd(path: Path) -> tuple[LivdRow, ...]:
    """GatewayError for a file that is no such table."""
    data = _read(path)
    if data[:2] == b"PK":
        tables = _sheets(data)
    elif data.lstrip()[:1] in (b"{", b"["):
        return _some(tuple(_from_json(data)))
    else:
        text = data.decode("utf-8-sig", "replace")
        dialect = (
            ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
        )
        tables = iter([list(csv.reader(io.StringIO(text), delimiter=dialect))])
    for table in tables:
        rows = tuple(_rows(table))
        if rows:
            return rows
    return _some(())


def _some(rows: tuple[LivdRow, ...]) -> tuple[LivdRow, ...]:
    if not rows:
        raise GatewayError("no table with a transmission code and a LOINC code was found")
    return rows


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise GatewayError((error.strerror or "cannot be read").lower()) from None
    if len(data) > LARGEST:
        raise GatewayError(f"larger than {LARGEST >> 20} MiB")
    return data


def _rows(table: Sequence[Sequence[str]]) -> Iterator[LivdRow]:
    """The lines below the first one that has the headings."""
    columns: Mapping[str, int] = {}
    for cells in table:
        if not columns:
            found = _columns(cells)
            columns = found if {"code", "loinc"} <= found.keys() else {}
            continue
        values = {key: cells[at].strip() if at < len(cells) else "" for key, at in columns.items()}
        if values["code"] and values["loinc"]:
            yield LivdRow(**values)


def _columns(cells: Sequence[str]) -> dict[str, int]:
    said = [re.sub(r"[^a-z]+", " ", cell.lower()).strip() for cell in cells]
    found: dict[str, int] = {}
    for key, names in _HEADINGS.items():
        for name in names:
            if name in said and key not in found:
                found[key] = said.index(name)
    return found


def _from_json(data: bytes) -> Iterator[LivdRow]:
    try:
        found = json.loads(data)
    except ValueError:
        raise GatewayError("neither CSV, XLSX nor JSON") from None
    if isinstance(found, dict) and "resourceType" in found:
        yield from _concept_maps(found)
        return
    objects = found if isinstance(found, list) else found.get("rows", [])
    objects = [one for one in objects if isinstance(one, dict)]
    keys = list(dict.fromkeys(key for one in objects for key in one))
    spaced = [re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key) for key in keys]
    table = [spaced, *([str(one.get(key) or "") for key in keys] for one in objects)]
    yield from _rows(table)


def _concept_maps(resource: Mapping[str, Any]) -> Iterator[LivdRow]:
    for entry in resource.get("entry", ()):
        yield from _concept_maps(entry.get("resource", {}))
    for group in resource.get("group", ()):
        for element in group.get("element", ()):
            for target in element.get("target", ()):
                if element.get("code") and target.get("code"):
                    name = str(element.get("display") or "")
                    yield LivdRow(str(element["code"]), str(target["code"]), name=name)


def _sheets(data: bytes) -> Iterator[list[list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            shared = _strings(archive) if "xl/sharedStrings.xml" in names else []
            for name in sorted(names):
                if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                    yield _Sheet(shared).read(_member(archive, name))
    except (zipfile.BadZipFile, expat.ExpatError, ValueError, IndexError, EOFError):
        raise GatewayError("no XLSX file that can be read") from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise GatewayError(f"a sheet larger than {LARGEST >> 20} MiB")
    return data


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def _strings(archive: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to by number."""
    found: list[str] = []
    inside = False

    def start(name: str, _: object) -> None:
        nonlocal inside
        inside = name.endswith(" t")
        if name.endswith(" si"):
            found.append("")

    def stop(_: str) -> None:
        nonlocal inside
        inside = False

    def text(characters: str) -> None:
        if inside:
            found[-1] += characters

    parser = _parser()
    parser.StartElementHandler, parser.EndElementHandler = start, stop
    parser.CharacterDataHandler = text
    parser.Parse(_member(archive, "xl/sharedStrings.xml"), True)
    return found


class _Sheet:
    """One worksheet's cells as rows of text."""

    def __init__(self, shared: Sequence[str]) -> None:
        self._shared = shared
        self._rows: list[list[str]] = []
        self._column = 0
        self._kind = ""
        self._reading = False
        self._text = ""

    def read(self, data: bytes) -> list[list[str]]:
        parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)
        return self._rows

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        match name.rpartition(" ")[2]:
            case "row":
                self._rows.append([])
            case "c":
                self._kind, self._text = attributes.get("t", ""), ""
                place = _CELL.fullmatch(attributes.get("r", ""))
                self._column = _number(place[1]) if place else len(self._rows[-1])
            case "v" | "t":
                self._reading = True

    def _characters(self, text: str) -> None:
        if self._reading:
            self._text += text

    def _end(self, name: str) -> None:
        match name.rpartition(" ")[2]:
            case "v" | "t":
                self._reading = False
            case "c":
                row = self._rows[-1]
                row += [""] * (self._column - len(row))
                row.append(self._shared[int(self._text)] if self._kind == "s" else self._text)


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
