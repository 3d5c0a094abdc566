"""Orders a device did not ask for, one tube at a time, as its line has room for them.

``Pushing`` looks for the next one when it is woken, when the one before was taken and when a rest
is over; the link writes it.  A device that did not take one is left alone for a while, longer each
time: many answer every order NAK because they were never set up to take any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.drivers.link import Site
from gateway.errors import StoreError
from gateway.orders.downloads import Downloads
from gateway.orders.worklists import Asking, Download

_REST: Final = 30.0
_LONGEST: Final = 900.0


class Pushing:
    """``push`` writes one; ``over`` must follow when the device took it or did not."""

    def __init__(
        self,
        site: Site,
        downloads: Downloads | None,
        loop: asyncio.AbstractEventLoop,
        push: Callable[[Download, Asking], None],
        rest: float = _REST,
    ) -> None:
        self._downloads = downloads
        self._device = downloads.takes(site.candidates) if downloads is not None else None
        self._loop = loop
        self._push = push
        self._detach: Callable[[], None] = _nothing
        self._looking: asyncio.Task[None] | None = None
        self._under_way = False
        self._again = False
        self._first = self._rest = rest
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def begin(self) -> None:
        if self._downloads is not None and self._device is not None:
            self._detach = self._downloads.attach(self._device, self.look)
            self.look()

    def end(self) -> None:
        """The line is gone; what was not acknowledged is told again on the next one."""
        self._ended = True
        self._detach()
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> None:
        """There may be something to tell."""
        if self._device is None or self._ended or self._timer is not None:
            return
        if self._looking is not None or self._under_way:
            self._again = True
            return
        self._again = False
        self._looking = self._loop.create_task(self._look(self._device))

    async def _look(self, device: str) -> None:
        downloads = self._downloads
        try:
            found = await downloads.next(device) if downloads is not None else None
        finally:
            self._looking = None
        if found is not None and downloads is not None and not self._ended:
            self._under_way = True
            self._push(found, downloads.asking(device))
        elif self._again:
            self.look()

    async def taken(self, download: Download) -> None:
        """Writes it down, then looks for the next."""
        try:
            if self._downloads is not None:
                await self._downloads.taken(download)
        except StoreError:
            self._pause()
            return
        self._under_way = False
        self._rest = self._first
        self.look()

    def over(self, *, taken: bool) -> None:
        """The device answered, or nobody did; ``taken`` is called as well when it took it."""
        if self._under_way and not taken:
            self._pause()

    def _pause(self) -> None:
        self._under_way = False
        if self._ended or self._timer is not None:
            return
        self._timer = self._loop.call_later(self._rest, self._rested)
        self._rest = min(self._rest * 2, _LONGEST)

    def _rested(self) -> None:
        self._timer = None
        self.look()


def _nothing() -> None:
    """Nobody was attached."""
