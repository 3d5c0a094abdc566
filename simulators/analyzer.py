"""A simulated ASTM analyzer: the gateway's own ``Sender`` in the instrument's place.

``Analyzer.send`` keeps trying one message until every frame of it was acknowledged, as devices do;
what was acknowledged is told to ``acknowledged`` at that moment and not before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from gateway.protocols.astm import Delivered, Dialect, Failed, Sender
from simulators.pipe import Opener, Pipe, PipeClosed


class GaveUp(Exception):
    """A message was not taken within the tries that were allowed."""


class Analyzer:
    """``retry`` is the pause in seconds before a message that failed is sent again in full.

    ``tries`` limits how often; None means for ever.
    """

    def __init__(
        self,
        dialect: Dialect,
        opener: Opener,
        *,
        retry: float = 2.0,
        tries: int | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._dialect = dialect
        self._opener = opener
        self._retry = retry
        self._tries = tries
        self._sleep = sleep
        self._pipe: Pipe | None = None
        self.delivered = 0
        self.failures = 0

    async def send(self, message: Sequence[bytes]) -> None:
        """Returns when the host acknowledged every frame; GaveUp after ``tries`` attempts."""
        attempts = 0
        while True:
            attempts += 1
            if await self._attempt(message):
                self.delivered += 1
                return
            self.failures += 1
            if self._tries is not None and attempts >= self._tries:
                raise GaveUp(f"not taken after {attempts} tries")
            await self._sleep(self._retry)

    async def heartbeat(self) -> None:
        """ENQ and EOT, as some devices say that they are alive."""
        with suppress(PipeClosed):
            pipe = await self._open()
            await pipe.write(b"\x05")
            await pipe.read()
            await pipe.write(b"\x04")

    async def aclose(self) -> None:
        if self._pipe is not None:
            pipe, self._pipe = self._pipe, None
            await pipe.aclose()

    async def _open(self) -> Pipe:
        if self._pipe is None:
            self._pipe = await self._opener()
        return self._pipe

    async def _attempt(self, message: Sequence[bytes]) -> bool:
        sender = Sender(self._dialect)
        try:
            pipe = await self._open()
            await pipe.write(sender.start(message))
            return await self._converse(pipe, sender)
        except PipeClosed:
            await self.aclose()
            return isinstance(sender.connection_lost(), Delivered)

    async def _converse(self, pipe: Pipe, sender: Sender) -> bool:
        while True:
            while (event := sender.next_event()) is not None:
                await pipe.write(sender.data_to_send())
                match event:
                    case Delivered():
                        return True
                    case Failed():
                        return False
            await pipe.write(sender.data_to_send())
            try:
                async with asyncio.timeout(sender.timeout):
                    sender.receive_data(await pipe.read())
            except TimeoutError:
                failed = isinstance(sender.expire(), Failed)
                await pipe.write(sender.data_to_send())
                if failed:
                    return False
