"""LIVD tables of three kinds to the same lines of configuration."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app

HEADINGS = (
    "Manufacturer",
    "Model",
    "Vendor Transmission Code",
    "Vendor Analyte Name",
    "Vendor Specimen Description",
    "Vendor Reporting Units",
    "LOINC Code",
)
ROWS = (
    ("Acme", "A-1", "WBC", "Leukocytes", "Blood", "10*3/uL", "6690-2"),
    ("Acme", "A-1", "NA", "Sodium", "Serum", "mmol/L", "2951-2"),
    ("Acme", "B-2", 'Q"1', "Quoted", "Serum", "mg/dL", "2345-7"),
)
TWICE = ("Acme", "A-1", "NA", "Sodium", "Urine", "mmol/L", "2955-3")
WRONG = ("Acme", "A-1", "K", "Potassium", "Serum", "furlong", "2823-4")


def as_csv(rows: list[tuple[str, ...]], folder: Path) -> Path:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    path = folder / "table.csv"
    path.write_text("\n".join(quoted), encoding="utf-8-sig")
    return path


def as_json(rows: list[tuple[str, ...]], folder: Path) -> Path:
    keys, *others = rows
    path = folder / "table.json"
    path.write_text(json.dumps([dict(zip(keys, row, strict=True)) for row in others]))
    return path


def as_xlsx(rows: list[tuple[str, ...]], folder: Path, doctype: str = "") -> Path:
    """Texts shared, empty first columns left out, as spreadsheets write them."""
    texts = list(dict.fromkeys(cell for row in rows for cell in row))
    shared = "".join(f"<si><t>{_escaped(text)}</t></si>" for text in texts)
    cells = [
        "".join(
            f'<c r="{chr(67 + n)}{line}" t="s"><v>{texts.index(cell)}</v></c>'
            for n, cell in enumerate(row)
        )
        for line, row in enumerate(rows, 1)
    ]
    body = "".join(f"<row>{row}</row>" for row in cells)
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    path = folder / "table.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/sharedStrings.xml", f"{doctype}<sst {space}>{shared}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml",
            f"<worksheet {space}><sheetData>{body}</sheetData></worksheet>",
        )
    return path


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def run(path: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["import-livd", str(path), "--device", "chem", *options])
    return done.exit_code, done.stdout


@pytest.mark.parametrize("write", [as_csv, as_json, as_xlsx])
def test_a_table_becomes_toml(write: object, tmp_path: Path) -> None:
    assert callable(write)
    status, out = run(write([HEADINGS, *ROWS], tmp_path))
    assert status == 0
    found = tomllib.loads(out)["devices"]["chem"]
    assert found["codes"] == {"WBC": "6690-2", "NA": "2951-2", 'Q"1': "2345-7"}


def test_what_is_not_certain_is_left_to_a_person(tmp_path: Path) -> None:
    status, out = run(as_csv([HEADINGS, *ROWS, TWICE, WRONG], tmp_path))
    assert status == 1
    assert set(tomllib.loads(out)["devices"]["chem"]["codes"]) == {"WBC", 'Q"1'}
    assert '# "NA": choose one: 2951-2 (Serum, mmol/L) or 2955-3 (Urine, mmol/L)' in out
    assert "wrong check digit" in out
    assert '# "furlong"' in out


def test_a_unit_that_is_not_of_the_code_is_shown(tmp_path: Path) -> None:
    row = ("Acme", "A-1", "GLU", "Glucose", "Serum", "mmol/L", "2345-7")
    status, out = run(as_csv([HEADINGS, *ROWS, row], tmp_path))
    assert status == 1
    assert tomllib.loads(out)["devices"]["chem"]["codes"]["GLU"] == "2345-7"
    assert "# 'GLU' is mapped to 2345-7 (Glucose [Mass/volume] in Serum or Plasma)" in out
    assert out.count("is mapped to") == 1


def test_one_model_of_several(tmp_path: Path) -> None:
    status, out = run(as_csv([HEADINGS, *ROWS], tmp_path), "--model", "b-2")
    assert status == 0
    assert set(tomllib.loads(out)["devices"]["chem"]["codes"]) == {'Q"1'}


def test_concept_maps(tmp_path: Path) -> None:
    element = {"code": "WBC", "target": [{"code": "6690-2"}]}
    resource = {"resourceType": "ConceptMap", "group": [{"element": [element]}]}
    path = tmp_path / "livd.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": resource}]}))
    assert tomllib.loads(run(path)[1])["devices"]["chem"]["codes"] == {"WBC": "6690-2"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"{", b"a,b\n1,2\n"])
def test_no_table(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert run(path)[0] != 0


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    path = as_xlsx([HEADINGS, *ROWS], tmp_path, "<!DOCTYPE a [<!ENTITY b 'c'>]>")
    assert run(path)[0] != 0
