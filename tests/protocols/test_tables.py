"""CSV, XLSX and XML as grids of text: what is shown is what is read, and bombs are refused."""

from __future__ import annotations

import datetime
import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from gateway.protocols.tables import (
    Content,
    TooLarge,
    Unreadable,
    content_of,
    looks_whole,
    read,
)
from gateway.protocols.tables.delimited import write_delimited

TABLE = (("Sample ID", "Test", "Result"), ("26S1", "GLU", "5.4"), ("26S2", "CRP", "<5"))


def grid(raw: bytes, encoding: str = "cp1252") -> tuple[tuple[str, ...], ...]:
    (found,) = read(raw, encoding)
    return found.rows


def workbook(*rows: list[object], formats: dict[str, str] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, form in (formats or {}).items():
        sheet[cell].number_format = form
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator: str) -> None:
    assert grid(write_delimited(TABLE, separator)) == TABLE


def test_a_decimal_comma_does_not_separate() -> None:
    rows = (("Probe", "Test", "Wert"), ("1", "GLU", "5,4"), ("2", "GLU", "6,1"))
    assert grid(write_delimited(rows, ";")) == rows


@pytest.mark.parametrize(
    ("encoded", "doubtful"),
    [
        ("Größe,µmol\r\n1,2\r\n".encode(), False),
        ("Größe,µmol\r\n1,2\r\n".encode("utf-8-sig"), False),
        ("Größe,µmol\r\n1,2\r\n".encode("utf-16"), False),
        ("Größe,µmol\r\n1,2\r\n".encode("cp1252"), False),
    ],
)
def test_encodings(encoded: bytes, doubtful: bool) -> None:
    (found,) = read(encoded, "cp1252")
    assert found.rows[0] == ("Größe", "µmol")
    assert found.doubtful is doubtful


def test_bytes_of_no_encoding_are_kept_and_said() -> None:
    (found,) = read(b"a,b\r\n\x81,2\r\n", "cp1252")
    assert found.doubtful
    assert found.rows[1] == ("\x81", "2")


def test_what_is_no_text_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read(b"a,\x00b\r\n", "cp1252")


@pytest.mark.parametrize("raw", [b'a,"b\r\n1,2\r\n', b'a,"b"c\r\n1,2\r\n'])
def test_quotes_that_do_not_fit_make_no_columns(raw: bytes) -> None:
    assert all(len(row) == 1 for row in grid(raw))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)] * 3
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(",;\t|"),
)
def test_every_cell_comes_back(rows: list[tuple[str, ...]], separator: str) -> None:
    table = (("head a", "head b", "head c"), *rows)
    found = grid(write_delimited(table, separator))
    assert found[0] == table[0]
    assert [cell for row in found[1:] for cell in row] == [cell for row in rows for cell in row]


def test_numbers_have_the_decimals_their_format_shows() -> None:
    moment = datetime.datetime.fromisoformat("2026-01-05T10:12:00")
    raw = workbook(
        ["id", "a", "b", "c", "d", "e", "f"],
        [123, 5.4, 5, 0.123456, moment, moment.replace(hour=0, minute=0), True],
        formats={"A2": "000000", "B2": "0.00", "C2": "0.0", "D2": "0.00", "F2": "yyyy-mm-dd"},
    )
    assert grid(raw)[1] == (
        *("000123", "5.40", "5.0", "0.123456"),
        *("2026-01-05 10:12:00", "2026-01-05", "TRUE"),
    )


def test_text_cells_and_large_ids_are_left_alone() -> None:
    raw = workbook(["id", "value"], ["0012", "<5"], [123456789012, 1e-7])
    assert grid(raw)[1:] == (("0012", "<5"), ("123456789012", "0.0000001"))


def test_blank_cells_at_the_end_of_a_row_are_blank_not_missing() -> None:
    assert grid(workbook(["a", "b", "c"], ["1"]))[1] == ("1", "", "")


def test_every_sheet_with_something_on_it_is_read() -> None:
    book = Workbook()
    book.create_sheet("empty")
    book.create_sheet("more").append(["x", "y"])
    assert book.active is not None
    book.active.append(["a", "b"])
    out = io.BytesIO()
    book.save(out)
    assert [one.rows for one in read(out.getvalue(), "cp1252")] == [(("a", "b"),), (("x", "y"),)]


def replaced(raw: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for one in old.namelist():
            new.writestr(one, content if one == name else old.read(one))
    return out.getvalue()


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = replaced(workbook(["a"]), "xl/worksheets/sheet1.xml", b"<a>" + b" " * (100 << 20))
    assert len(bomb) < 200_000
    with pytest.raises(Unreadable):
        read(bomb, "cp1252")


def test_a_document_type_is_refused_everywhere() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    for raw in (laughs, replaced(workbook(["a"]), "xl/worksheets/sheet1.xml", laughs)):
        with pytest.raises(Unreadable):
            read(raw, "cp1252")


@pytest.mark.parametrize("cut", [30, 500, 2000])
def test_half_a_workbook_is_unreadable(cut: int) -> None:
    raw = workbook(["a", "b"], ["1", "2"])
    assert looks_whole(raw)
    assert not looks_whole(raw[:cut])
    with pytest.raises(Unreadable):
        read(raw[:cut], "cp1252")


def test_xml_rows_know_what_is_above_them() -> None:
    raw = (
        b'<E><S ID="26S1"><P>M1</P><R><T>GLU</T><V U="mmol/L">5.4</V></R>'
        b'<R><T>CRP</T><V U="mg/L">&lt;5</V></R></S></E>'
    )
    heads, *rows = grid(raw)
    found = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [(one["SID"], one["P"], one["T"], one["V"], one["U"]) for one in found] == [
        ("26S1", "M1", "GLU", "5.4", "mmol/L"),
        ("26S1", "M1", "CRP", "<5", "mg/L"),
    ]


@pytest.mark.parametrize(
    ("raw", "content", "whole"),
    [
        (b"a,b\r\n1,2\r\n", Content.DELIMITED, True),
        (b"a,b\r\n1,2", Content.DELIMITED, False),
        (b"\xef\xbb\xbf<a><b/></a>\n", Content.MARKUP, True),
        (b"<a><b", Content.MARKUP, False),
        (b"\x0bMSH|^~\\&|\r\x1c\r", Content.HL7, True),
        (b"MSH|^~\\&|X\rOBX|1|NM|GLU||5", Content.HL7, False),
        (b"MSHX,b\n", Content.DELIMITED, True),
    ],
)
def test_kinds_and_ends(raw: bytes, content: Content, whole: bool) -> None:
    assert content_of(raw) is content
    assert looks_whole(raw) is whole


def test_a_table_with_too_many_rows_says_so() -> None:
    rows = [("Sample ID", "Test", "Result"), *[("26S1", "GLU", "5.4")] * 5_001]
    with pytest.raises(TooLarge):
        read(write_delimited(rows), "cp1252")
    with pytest.raises(TooLarge):
        read(workbook(*map(list, rows)), "cp1252")
