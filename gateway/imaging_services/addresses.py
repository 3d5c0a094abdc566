"""Where the archives are that are configured by name, so that they may call with their reports.

A name is looked up again and again: when everything is switched on at once its server may not
answer yet, and a machine may move.  What was found last counts as long as nothing else is found.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import Final

from gateway import logs
from gateway.drivers.dicom import Address, address_of

AGAIN: Final = 600.0
SOON: Final = 15.0  # while a name is not found


class Addresses:
    """``run`` is a supervised task."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = tuple(dict.fromkeys(hosts))
        self._known: dict[str, frozenset[Address]] = {}

    def of(self, host: str) -> frozenset[Address]:
        """As known now."""
        return self._known.get(host, frozenset())

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for host in self._hosts:
                await self._look(host)
            await asyncio.sleep(AGAIN if len(self._known) == len(self._hosts) else SOON)

    async def _look(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            if host not in self._known:
                logs.get().warning("dicom.unknown-host", host=host, reason=error.strerror)
            return
        addresses = (address_of(str(where[0])) for *_, where in found)
        self._known[host] = frozenset(one for one in addresses if one is not None)
