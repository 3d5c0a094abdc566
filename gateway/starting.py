"""A start that can be called off: at any moment, and without leaving anything half open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

T = TypeVar("T")


async def opened_unless(
    stopping: asyncio.Event, stack: AsyncExitStack, opening: AbstractAsyncContextManager[T]
) -> T | None:
    """What ``opening`` gives, to be closed by ``stack``; None when ``stopping`` was set first."""
    limit = asyncio.timeout(None)
    try:
        async with limit:
            watching = asyncio.create_task(_called_off(stopping, limit))
            try:
                return await stack.enter_async_context(opening)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    except TimeoutError:
        if limit.expired():
            return None
        raise


async def _called_off(stopping: asyncio.Event, limit: asyncio.Timeout) -> None:
    await stopping.wait()
    limit.reschedule(asyncio.get_running_loop().time())


async def whole(opening: Coroutine[Any, Any, T], close: Callable[[T], Awaitable[None]]) -> T:
    """What ``opening`` gives.  Cancelled meanwhile, it is let finish, and then closed: a thread is
    in the middle of it."""
    task = asyncio.create_task(opening)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await close(await task)
        raise
