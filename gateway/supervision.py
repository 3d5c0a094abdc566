"""Keeps a task running: restarted with back-off when it fails again soon, each failure told once.

This is the only place that catches every exception.  The log gets the exception's type and the
code position, never its text, which may quote a device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from gateway import logs
from gateway.logs import describe

_FIRST, _LONGEST = 0.5, 30.0


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Runs ``run`` until cancelled, again and again; a normal return counts as a failure too."""
    pause, loop = _FIRST, asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await run()
            logs.get().warning("task.ended", task=name)
        except Exception as error:  # noqa: BLE001 - a supervisor outlives what it supervises
            logs.get().error("task.failed", task=name, failure=describe(error))
        if loop.time() - began > _LONGEST:
            pause = _FIRST
        await sleep(pause)
        pause = min(pause * 2, _LONGEST)
