"""Matching of keys, one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from gateway.imaging import matching, ranges
from gateway.imaging.matching import matcher, wildcard

CASES = [
    ("PN", "DOE^JANE", "Doe^Jane", True),
    ("PN", "DOE^JANE^^^", "DOE^JANE", True),
    ("PN", "DOE", "DOE^JANE", True),
    ("PN", "^JANE", "DOE^JANE", True),
    ("PN", "DO", "DOE^JANE", False),
    ("PN", "DO*", "DOE^JANE", True),
    ("PN", "D?E*", "DOE^JANE", True),
    ("PN", "D?E", "DOE^JANE", False),
    ("PN", "muller", "Müller", True),
    ("PN", "MUELLER", "Müller", True),
    ("PN", "GROSS", "Groß", True),
    ("PN", "Yamada", "Yamada^Tarou=山田^太郎", True),
    ("PN", "山田*", "Yamada^Tarou=山田^太郎", True),
    ("PN", "*", "", True),
    ("LO", "MRN1", "MRN1", True),
    ("LO", "mrn1", "MRN1", False),
    ("LO", "MRN?", "MRN1", True),
    ("LO", "*", "", True),
    ("LO", "?*", "", False),
    ("SH", "A[1]*", "A[1]2", True),
    ("DA", "20260105", "20260105", True),
    ("DA", "20260105-", "20260104", False),
    ("DA", "-20260105", "20260105", True),
    ("DA", "20260101-20260105", "2026.01.05", True),
    ("DA", "2026", "20260105", True),
    ("DA", "nonsense", "20260105", False),
    ("TM", "10", "105959", True),
    ("TM", "1000-1100", "110000.5", True),
    ("TM", "10:00-11:00", "095959", False),
    ("IS", "2", "02", True),
    ("IS", "0", "00", True),
    ("IS", "0", "", False),
    ("US", "1", "", False),
    ("UI", "1.2.3", "1.2.3", True),
    ("UI", "1.2.*", "1.2.3", False),
    ("CS", "US", "", False),
]


@pytest.mark.parametrize(("vr", "key", "value", "met"), CASES)
def test_a_key(vr: str, key: str, value: str, met: bool) -> None:
    assert matcher(vr, (key,))((value,) if value else ()) is met


def test_a_list_of_uids() -> None:
    assert matcher("UI", ("1.2", "1.3"))(("1.3",))
    assert not matcher("UI", ("1.2", "1.3"))(("1.4",))


TEXT = st.text("ab", max_size=8)


@settings(max_examples=200)
@given(TEXT, TEXT, TEXT)
def test_a_star_stands_for_anything(before: str, between: str, after: str) -> None:
    assert wildcard(f"{before}*{after}", before + between + after)
    assert wildcard("?" * len(between), between)
    assert wildcard(f"*{between}*", before + between + after)


def test_many_stars_take_no_time() -> None:
    assert not wildcard("*a" * 500 + "b", "a" * 4000)


def test_an_open_range_has_no_other_end() -> None:
    asked = ranges.asked("-", "DA")
    found = ranges.span("19991231", "DA")
    assert asked is not None
    assert found is not None
    assert asked.holds(found)


def scheduled(*steps: tuple[str, str]) -> Dataset:
    found = Dataset()
    found.PatientID = "TEST-1"
    items = []
    for title, step in steps:
        item = Dataset()
        item.ScheduledStationAETitle = title
        item.ScheduledProcedureStepID = step
        items.append(item)
    found.ScheduledProcedureStepSequence = items
    return found


def test_only_the_items_that_match_come_back() -> None:
    key = Dataset()
    wanted = Dataset()
    wanted.ScheduledStationAETitle = "B"
    wanted.ScheduledProcedureStepID = ""
    key.ScheduledProcedureStepSequence = [wanted]
    candidate = scheduled(("A", "1"), ("B", "2"))
    assert matching.matches(key, candidate)
    (item,) = matching.answer(key, candidate).ScheduledProcedureStepSequence
    assert item.ScheduledProcedureStepID == "2"
    assert not matching.matches(key, scheduled(("A", "1")))


def test_an_empty_sequence_key_asks_for_all_of_it() -> None:
    key = Dataset()
    key.ScheduledProcedureStepSequence = []
    candidate = scheduled(("A", "1"), ("B", "2"))
    assert matching.matches(key, candidate)
    assert len(matching.answer(key, candidate).ScheduledProcedureStepSequence) == 2


def test_what_a_row_does_not_have_narrows_nothing() -> None:
    """A weight that no order tells finds everybody; an accession that this one lacks does not."""
    candidate = scheduled(("A", "1"))
    candidate.AccessionNumber = ""
    key = Dataset()
    key.PatientWeight = 70
    key.StudyDate, key.StudyTime = "20260105-", "0900-"
    code = Dataset()
    code.CodeValue = "76942"
    key.ProcedureCodeSequence = [code]
    assert matching.matches(key, candidate)
    found = matching.answer(key, candidate)
    assert not any((found.PatientWeight, found.StudyDate, found.ProcedureCodeSequence))
    assert len(found) == len(key)
    key.AccessionNumber = "US1"
    assert not matching.matches(key, candidate)
