"""An association's clock: signs of life, and standing still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from gateway.drivers.dicom.clock import Clock
from gateway.protocols.dicom import Timer, TimerName

FIRST, SECOND = Timer(TimerName.STALL, 30.0, 1), Timer(TimerName.STALL, 30.0, 2)


@dataclass
class Handle:
    at: float
    call: Callable[[], None]

    def when(self) -> float:
        return self.at

    def cancel(self) -> None:
        self.at = float("inf")


@dataclass
class Loop:
    """Time goes on when ``go`` is called."""

    now: float = 0.0
    handles: list[Handle] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(when, call))
        return self.handles[-1]

    def go(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [handle for handle in self.handles if handle.at <= end]:
            first = min(due, key=Handle.when)
            self.handles.remove(first)
            self.now = max(self.now, first.at)
            first.call()
        self.now = end


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def rang() -> list[Timer]:
    return []


@pytest.fixture
def clock(loop: Loop, rang: list[Timer]) -> Clock:
    return Clock(cast("asyncio.AbstractEventLoop", cast("Any", loop)), rang.append)


def test_the_same_timer_runs_on_and_another_from_its_beginning(
    clock: Clock, loop: Loop, rang: list[Timer]
) -> None:
    clock.watch(FIRST)
    loop.go(20)
    clock.watch(FIRST)
    loop.go(9)
    clock.watch(SECOND)
    loop.go(29)
    assert not rang
    loop.go(1)
    assert rang == [SECOND]


def test_standing_still_costs_nothing_and_gives_nothing(
    clock: Clock, loop: Loop, rang: list[Timer]
) -> None:
    """A peer that drips bytes makes us pause now and then; that is no sign of life."""
    clock.watch(FIRST)
    for _ in range(3):
        loop.go(9)
        clock.watch(None)
        loop.go(100)
        clock.watch(FIRST)
    assert not rang
    loop.go(4)
    assert rang == [FIRST]


def test_another_timer_after_standing_still_has_all_its_time(
    clock: Clock, loop: Loop, rang: list[Timer]
) -> None:
    clock.watch(FIRST)
    loop.go(29)
    clock.watch(None)
    clock.watch(SECOND)
    loop.go(29)
    assert not rang
    loop.go(1)
    assert rang == [SECOND]


def test_a_stopped_clock_never_rings(clock: Clock, loop: Loop, rang: list[Timer]) -> None:
    clock.watch(FIRST)
    clock.stop()
    loop.go(1000)
    assert not rang
