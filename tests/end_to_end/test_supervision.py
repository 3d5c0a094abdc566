"""How soon a task that failed runs again."""

from __future__ import annotations

import asyncio

import pytest

from gateway.supervision import supervise


async def test_a_task_that_ran_for_long_begins_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Six failures in a year are no reason to leave a destination alone for half a minute."""
    loop = asyncio.get_running_loop()
    passed = [0.0]
    monkeypatch.setattr(loop, "time", lambda: passed[0])
    lives, pauses = iter([0.0, 0.0, 0.0, 3600.0, 0.0]), list[float]()

    async def run() -> None:
        passed[0] += next(lives)
        raise ValueError

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await supervise("a task", run, sleep=sleep)
    assert pauses == [0.5, 1.0, 2.0, 0.5, 1.0]
