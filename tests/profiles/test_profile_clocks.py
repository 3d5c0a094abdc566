"""Device clocks from a year behind to a year ahead, summer time, leap days: marked or held by the
limits, never rewritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from reading_samples import CODES, GENERIC, problem, problem_codes, text

from gateway.messages import canonical_text, report_from_json
from gateway.profiles import Context, read_transmission
from gateway.profiles.circumstances import TWICE
from gateway.profiles.times import ClockLimits
from gateway.report import ProblemCode, Report

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RECEIVED = (
    datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
    datetime(2026, 7, 5, 9, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 6, 0, tzinfo=UTC),  # the night the clocks went forward
    datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
)
OFFSETS = [
    sign * one
    for sign in (1, -1)
    for one in (
        *(timedelta(), MINUTE, 4 * MINUTE, 5 * MINUTE, 6 * MINUTE, 24 * MINUTE, 59 * MINUTE),
        *(60 * MINUTE, 61 * MINUTE, 2 * HOUR, 12 * HOUR, DAY, 6 * DAY, 7 * DAY, 8 * DAY),
        *(29 * DAY, 31 * DAY, 180 * DAY, 364 * DAY, 365 * DAY),
    )
]


def read(
    observed: str, received_at: datetime, limits: ClockLimits | None = None, sent: str = ""
) -> tuple[Report, datetime | None]:
    site = Context(
        "bench", BERLIN, received_at.astimezone(BERLIN), "1", CODES, limits=limits or ClockLimits()
    )
    payload = text(
        rf"H|\^&|||DEMO^1|||||||P|LIS2-A2|{sent}",
        "P|1|MRN0001",
        "O|1|26S0001||^^^GLU",
        f"R|1|^^^GLU|5.4|mmol/L||N||F||||{observed}",
        "L|1|N",
    )
    found = read_transmission(payload, GENERIC, site)
    (report,) = found.reports
    return report, found.sent_at


def wall(moment: datetime) -> str:
    return moment.astimezone(BERLIN).strftime("%Y%m%d%H%M%S")


@pytest.mark.parametrize("received_at", RECEIVED)
def test_two_hundred_clocks(received_at: datetime) -> None:
    for offset in OFFSETS:
        meant = received_at + offset
        local = meant.astimezone(BERLIN)
        again = local.replace(tzinfo=None).replace(tzinfo=BERLIN)
        assert again.astimezone(UTC) == meant, "no such offset falls into an hour of two"
        report, _ = read(wall(meant), received_at)
        (one,) = report.observations
        assert one.observed_at == meant
        assert report.held == (offset > HOUR), offset
        marked = ProblemCode.CLOCK_SKEW in problem_codes(report)
        assert marked == (offset > 5 * MINUTE or offset < -7 * DAY), offset


def test_the_limits_are_the_sites() -> None:
    strict = ClockLimits(MINUTE, 10 * MINUTE, stale=DAY)
    at = RECEIVED[0]
    for offset, marked, held in (
        (2 * MINUTE, True, False),
        (11 * MINUTE, True, True),
        (-DAY, False, False),
        (-DAY - MINUTE, True, True),
    ):
        report, _ = read(wall(at + offset), at, strict)
        assert (ProblemCode.CLOCK_SKEW in problem_codes(report), report.held) == (marked, held)


def test_an_hour_the_clocks_skipped_is_no_time() -> None:
    report, _ = read("20260329023000", datetime(2026, 3, 29, 1, 35, tzinfo=UTC))
    assert problem(report, ProblemCode.UNREADABLE_DATE).hold
    assert report.observations[0].observed_at is None


def test_an_hour_they_had_twice_is_settled_where_the_second_has_not_come() -> None:
    first = datetime(2026, 10, 25, 0, 35, tzinfo=UTC)
    report, _ = read("20261025023000", first)
    assert report.observations[0].observed_at == first - 5 * MINUTE
    assert problem_codes(report) == []


def test_and_else_is_marked_and_said_in_words() -> None:
    second = datetime(2026, 10, 25, 1, 35, tzinfo=UTC)
    report, _ = read("20261025023000", second)
    (one,) = report.observations
    assert one.notes == (TWICE,)
    assert one.observed_at == second - 65 * MINUTE
    assert not report.held
    assert problem(report, ProblemCode.CLOCK_SKEW).at == "R[1].13.1"
    stored = report_from_json(json.loads(canonical_text(report)))
    assert stored.observations == report.observations  # sent again, it is known again


@pytest.mark.parametrize("minutes", [-1440, -61, -24, 0, 24, 61, 1440])
def test_the_header_tells_how_far_the_clock_is_off(minutes: int) -> None:
    at = RECEIVED[0]
    _, sent_at = read(wall(at), at, sent=wall(at + minutes * MINUTE))
    assert sent_at == at + minutes * MINUTE


def test_in_the_hour_of_two_the_header_is_what_is_nearer() -> None:
    for at in (
        datetime(2026, 10, 25, 0, 35, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 35, tzinfo=UTC),
    ):
        _, sent_at = read("20261025020000", at, sent="20261025023400")
        assert sent_at == at - MINUTE


def test_no_time_in_the_header_tells_nothing() -> None:
    assert read("20260105090000", RECEIVED[0])[1] is None
    assert read("20260105090000", RECEIVED[0], sent="20261305090000")[1] is None
