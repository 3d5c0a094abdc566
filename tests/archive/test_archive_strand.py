"""Blocking calls in order, on few threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from gateway.archive.strand import TURN, Strand

DEADLINE = 30


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def test_calls_follow_each_other(pool: ThreadPoolExecutor) -> None:
    strands = [Strand(pool) for _ in range(8)]
    made: list[list[int]] = [[] for _ in strands]
    done = [Event() for _ in strands]
    for number in range(10 * TURN):
        for strand, seen in zip(strands, made, strict=True):
            strand.put(lambda seen=seen, number=number: seen.append(number))
    for strand, event in zip(strands, done, strict=True):
        strand.put(event.set)
    assert all(event.wait(DEADLINE) for event in done)
    assert made == [list(range(10 * TURN))] * 8


def test_one_that_always_has_work_lets_others_have_the_only_thread() -> None:
    with ThreadPoolExecutor(1) as pool:
        busy, other, over = Strand(pool), Strand(pool), Event()

        def again() -> None:
            if not over.is_set():
                busy.put(again)

        busy.put(again)
        other.put(over.set)
        assert over.wait(DEADLINE)


def test_a_strand_that_waits_holds_no_thread(pool: ThreadPoolExecutor) -> None:
    idle = [Strand(pool) for _ in range(50)]
    for strand in idle:
        done = Event()
        strand.put(done.set)
        assert done.wait(DEADLINE)
    late = Event()
    idle[0].put(late.set)
    assert late.wait(DEADLINE)
