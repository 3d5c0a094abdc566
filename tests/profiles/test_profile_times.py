"""Times as devices write them: nothing is invented."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_samples import NOW, problem, problem_codes, result

from gateway.profiles import catalogue
from gateway.profiles.times import UnreadableTime, When, read_time, write_time
from gateway.report import ProblemCode

BERLIN = ZoneInfo("Europe/Berlin")
ASTM = catalogue()["generic-astm"].dates
TODAY = date(2026, 1, 5)


def read(text: str, *forms: str, zone: ZoneInfo = BERLIN, today: date = TODAY) -> When:
    return read_time(text, forms or ASTM, zone, today)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20260105101130", "2026-01-05T10:11:30+01:00"),
        ("20260705101130", "2026-07-05T10:11:30+02:00"),
        ("202601051011", "2026-01-05T10:11:00+01:00"),
        (" 20260105101130 ", "2026-01-05T10:11:30+01:00"),
        ("20260105101130+0000", "2026-01-05T10:11:30+00:00"),
        ("20260105101130-0530", "2026-01-05T10:11:30-05:30"),
        ("20260105101130.25", "2026-01-05T10:11:30.250000+01:00"),
        ("20260105101130.1234+0100", "2026-01-05T10:11:30.123400+01:00"),
        ("20240229235959", "2024-02-29T23:59:59+01:00"),
    ],
)
def test_moments(text: str, iso: str) -> None:
    found = read(text).moment
    assert found is not None
    assert found.isoformat() == iso
    assert found.tzinfo is not None


def test_a_date_alone_is_no_moment() -> None:
    assert read("20260105") == When(None, date(2026, 1, 5))


@pytest.mark.parametrize("text", ["0", "00000000", "00000000000000", "0000-00-00 00:00", "", "  "])
def test_zeros_are_absent(text: str) -> None:
    assert read(text) == When()


@pytest.mark.parametrize(
    "text",
    ["20261305101130", "20260230", "20260105246060", "2026010510113", "20260105T101130",
     "05.01.2026", "01/05/26", "yesterday", "20260105101130+9900", "20260105101130+01",
     "２０２６０１０５", "1", "20250229", "20260105240000"],
)  # fmt: skip
def test_unreadable(text: str) -> None:
    with pytest.raises(UnreadableTime):
        read(text)


def test_order_of_day_and_month_comes_from_the_profile() -> None:
    assert read("01/02/26", "MM/DD/YY").day == date(2026, 1, 2)
    assert read("01/02/26", "DD/MM/YY").day == date(2026, 2, 1)
    assert read("03JAN2026 10:11", "DDMONYYYY hh:mm").moment == datetime(
        2026, 1, 3, 10, 11, tzinfo=BERLIN
    )


@pytest.mark.parametrize(
    ("short", "year"), [("26", 2026), ("27", 2027), ("28", 1928), ("99", 1999)]
)
def test_two_digit_years(short: str, year: int) -> None:
    assert read(f"01/02/{short}", "DD/MM/YY").day == date(year, 2, 1)


def test_a_time_the_clocks_skipped_is_unreadable() -> None:
    with pytest.raises(UnreadableTime, match="skipped"):
        read("20260329023000")


def test_a_time_the_clocks_had_twice_is_the_earlier_and_marked() -> None:
    found = read("20261025023000")
    assert found.twice
    assert found.moment is not None
    assert found.moment.isoformat() == "2026-10-25T02:30:00+02:00"
    assert not read("20261025033000").twice


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
)
@given(seconds=st.integers(700_000_000, 3_000_000_000))
@settings(max_examples=80, deadline=None)
def test_writing_and_reading_agree(zone: str, seconds: int) -> None:
    place = ZoneInfo(zone)
    local = datetime.fromtimestamp(seconds, UTC).astimezone(place)
    found = read(write_time(local, ASTM[0]), zone=place)
    assert found.moment is not None
    earlier = timedelta() if not found.twice else local - found.moment
    assert found.moment + earlier == local


def test_unreadable_time_holds_and_gives_none() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||||F||||20261305101130")
    assert observation.observed_at is None
    found = problem(report, ProblemCode.UNREADABLE_DATE)
    assert (found.at, found.hold) == ("R[1].13.1", True)


def test_a_date_alone_is_a_note() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||||F||||20260105")
    assert observation.observed_at is None
    assert observation.notes == ("measured on 2026-01-05",)
    assert not report.held


def test_no_time_is_none() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||||F")
    assert observation.observed_at is None
    assert report.problems == ()


@pytest.mark.parametrize("text", ["00010101000000", "99991231235959-1400", "00010101000000+1400"])
def test_a_clock_at_the_ends_of_time_holds_its_result_alone(text: str) -> None:
    observation, report = result(f"R|1|^^^GLU|5.4|mmol/L||||F||||{text}")
    assert (observation.raw, observation.observed_at) == ("5.4", None)
    assert problem(report, ProblemCode.UNREADABLE_DATE).hold


def test_the_start_stands_in_for_an_empty_end() -> None:
    observation, _ = result("R|1|^^^GLU|5.4|mmol/L||||F|||20260105095900|")
    assert observation.observed_at == datetime(2026, 1, 5, 9, 59, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("offset", "held"),
    [
        (timedelta(minutes=4), None),
        (timedelta(minutes=6), False),
        (timedelta(minutes=60), False),
        (timedelta(minutes=61), True),
        (timedelta(days=3650), True),
        (timedelta(days=-6), None),
        (timedelta(days=-8), False),
        (timedelta(days=-7300), False),
    ],
)
def test_clocks_that_are_wrong(offset: timedelta, held: bool | None) -> None:
    stamp = write_time(NOW + offset, ASTM[0])
    observation, report = result(f"R|1|^^^GLU|5.4|mmol/L||||F||||{stamp}")
    found = [p for p in report.problems if p.code is ProblemCode.CLOCK_SKEW]
    assert [p.hold for p in found] == ([] if held is None else [held])
    assert observation.observed_at == NOW + offset


def test_ambiguous_hour_is_flagged_and_not_held() -> None:
    observation, report = result("R|1|^^^GLU|5.4|mmol/L||||F||||20251026023000")
    assert ProblemCode.CLOCK_SKEW in problem_codes(report)
    assert not report.held
    assert observation.observed_at is not None


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("", timedelta(hours=1)),
        ("Z", timedelta()),
        ("+0000", timedelta()),
        ("-0530", -timedelta(hours=5, minutes=30)),
        ("+05:45", timedelta(hours=5, minutes=45)),
        ("+1400", timedelta(hours=14)),
    ],
)
def test_an_offset_beside_the_time_is_its_own(offset: str, expected: timedelta) -> None:
    found = read(f"20260105093000{offset}")
    assert found.moment is not None
    assert found.moment.replace(tzinfo=None) == datetime(2026, 1, 5, 9, 30)  # noqa: DTZ001
    assert found.moment.utcoffset() == expected


@pytest.mark.parametrize("offset", ["+1500", "-1401:", "+0160", "+01", "z", "+01000"])
def test_no_offset(offset: str) -> None:
    with pytest.raises(UnreadableTime):
        read(f"20260105093000{offset}")
