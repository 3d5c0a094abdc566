"""When a courier looks again for what was postponed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gateway.delivery.calendar import Calendar

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def looks() -> list[str]:
    return []


@pytest.fixture
def calendar(looks: list[str]) -> Calendar:
    return Calendar(lambda: looks.append("look"), longest=60.0)


async def test_what_became_due_before_its_alarm_was_set_is_looked_for_at_once(
    calendar: Calendar, looks: list[str]
) -> None:
    calendar.add(NOON)
    assert calendar.watch(NOON + SECOND) is False
    assert looks == ["look"]
    assert calendar.watch(NOON + SECOND) is False
    assert looks == ["look"]


async def test_one_missed_and_one_ahead(calendar: Calendar, looks: list[str]) -> None:
    calendar.add(NOON + SECOND)
    calendar.add(NOON)
    assert calendar.watch(NOON) is True
    assert looks == ["look"]
    calendar.cancel()


async def test_an_alarm_that_rang_is_not_followed_by_a_second_look(looks: list[str]) -> None:
    rung = asyncio.Event()

    def look() -> None:
        looks.append("look")
        rung.set()

    calendar = Calendar(look, longest=0.001)
    calendar.add(NOON + SECOND)
    assert calendar.watch(NOON) is True
    await rung.wait()
    assert calendar.watch(NOON + SECOND) is False
    assert looks == ["look"]


async def test_an_alarm_that_rang_early_by_the_wall_clock_is_set_again(looks: list[str]) -> None:
    rung = asyncio.Event()

    def look() -> None:
        looks.append("look")
        rung.set()

    calendar = Calendar(look, longest=0.001)
    calendar.add(NOON + SECOND)
    assert calendar.watch(NOON) is True
    await rung.wait()
    rung.clear()
    assert calendar.watch(NOON) is True
    await rung.wait()
    assert looks == ["look", "look"]
    calendar.add(NOON + SECOND / 2)
    assert calendar.watch(NOON + SECOND) is False
    assert looks == ["look", "look"]


async def test_a_later_instant_that_passed_with_the_one_that_rang_is_looked_for(
    looks: list[str],
) -> None:
    rung = asyncio.Event()

    def look() -> None:
        looks.append("look")
        rung.set()

    calendar = Calendar(look, longest=0.001)
    calendar.add(NOON + SECOND)
    assert calendar.watch(NOON) is True
    await rung.wait()
    calendar.add(NOON + 2 * SECOND)
    assert calendar.watch(NOON + 3 * SECOND) is False
    assert looks == ["look", "look"]
