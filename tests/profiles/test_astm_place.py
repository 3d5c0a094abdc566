"""Addresses read the same whether they are read one by one or the whole cell at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_samples import GENERIC, HEADER, ORDER, PATIENT, text

from gateway.profiles.astm_place import AstmPlace, is_astm_address, readable
from gateway.profiles.astm_reading import read_astm
from gateway.protocols.astm import At, Delimiters, Node, Record

FIELDS = st.text(st.sampled_from('ab1 ^\\&F|"é\udc81'), max_size=12)
PATHS = st.builds(
    lambda number, repeat, component: f"R.{number}{repeat}{component}",
    st.integers(2, 5),
    st.sampled_from(["", "", "[1]", "[2]"]),
    st.sampled_from(["", ".1", ".2", ".4"]),
)


def place(raw: str) -> tuple[AstmPlace, Record]:
    record = Record("R", raw, Delimiters(), "utf-8")
    return AstmPlace({"R": Node(record, 3)}, (), ""), record


def slowly(record: Record, path: str) -> tuple[str, ...]:
    """The same, one repeat after the other, by the record's own addresses."""
    where = At.parse(path)
    numbers = range(1, len(record.repeats(where.field)) + 1)
    wanted = numbers if where.repeat is None else [where.repeat]
    found = (record.at(At("R", where.field, where.component, number)) for number in wanted)
    said = (text.strip() for text in found if text)
    return tuple(readable(text) for text in said if text not in ("", '""'))


@given(st.lists(FIELDS, max_size=4), PATHS)
@settings(max_examples=500, deadline=None)
def test_every_way_of_reading_agrees(fields: list[str], path: str) -> None:
    here, record = place("|".join(["R", *fields]))
    every, cells = here.every(path), here.cells(path)
    assert every == slowly(record, path)
    assert here.whole(path) == ("\\".join(dict.fromkeys(every)) or None)
    first = record.at(path)
    assert here.at(path) == (readable(first) if first and first.strip() else None)
    parts = [part for cell in cells for part in cell]
    assert not any("\udc80" <= c <= "\udcff" for part in parts for c in part)


@pytest.mark.parametrize(
    ("path", "every", "cells"),
    [
        ("R.3", ("^^^GLU",), (("", "", "", "GLU"),)),
        ("R.3.4", ("GLU",), (("GLU",),)),
        ("R.3.5", (), ((),)),
        ("R.4", ("a^ b", "c"), (("a", " b"), ("c",))),
        ("R.4.2", ("b",), ((" b",), ())),
        ("R.4[2]", ("c",), (("c",),)),
        ("R.4[3]", (), ()),
        ("R.5", ("x|y",), (("x|y",),)),
        ("R.6", (), (('""',),)),
        ("R.7", (), (("  ",),)),
        ("R.99", (), ()),
        ("H.5.1", (), ()),
    ],
)
def test_addresses(path: str, every: tuple[str, ...], cells: tuple[tuple[str, ...], ...]) -> None:
    here, _ = place('R|1|^^^GLU|a^ b\\c|x&F&y|""|  ')
    assert here.every(path) == every
    assert here.cells(path) == cells


@pytest.mark.parametrize(
    ("sent", "whole"),
    [
        ("10%S%3/uL", "10*3/uL"),
        ("a*b%S%c", "a^b*c"),
        ("a*b~a*b", "a^b"),
        ("a*b~a*c", "a^b\\a^c"),
        (" a** ", "a^^"),
        ('""', None),
        ("", None),
    ],
)
def test_a_foreign_component_delimiter_is_respelled_only_where_it_delimits(
    sent: str, whole: str | None
) -> None:
    record = Record("R", f"R!1!{sent}", Delimiters("!", "~", "*", "%"))
    assert AstmPlace({"R": Node(record, 1)}, (), "").whole("R.3") == whole


def test_positions() -> None:
    here, _ = place("R|1")
    assert here.locate("R.3.4") == "R[3].3.4"
    assert here.locate("O.3") == "O.3"


def test_a_line_sees_what_is_above_it_and_its_own_comments() -> None:
    data = text(
        HEADER, PATIENT, "C|1|L|patient|G", ORDER, "C|1|L|order|G",
        "R|1|^^^GLU|5", "C|1|I|first|I", "R|2|^^^GLU|6", "C|1|I|second|I", "C|2|I|third|I", "L|1",
    )  # fmt: skip
    (group,) = read_astm(data, GENERIC).groups
    first, second = group.lines
    assert first.place.at("P.3") == "MRN0001"
    assert first.place.at("O.3") == "26S0001"
    assert first.place.at("H.5.1") == "DEMO"
    assert first.place.every("C.4") == ("first",)
    assert second.place.every("C.4") == ("second", "third")
    assert second.place.locate("C.4") == "C[4].4"
    assert set(group.place.every("C.4")) == {"order", "patient"}


@pytest.mark.parametrize("path", ["R.3.4", "O.5[2].4", "H.2", "C.4"])
def test_what_is_an_address(path: str) -> None:
    assert is_astm_address(path)


@pytest.mark.parametrize("path", ["", "R", "R.0", "r.3", "R.3.", "OBX.5", "R.3.4.5", "R3"])
def test_what_is_none(path: str) -> None:
    assert not is_astm_address(path)
