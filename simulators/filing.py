"""A simulated analyzer that exports files into a folder, as workstations do: some write in place,
some under another name first.  A file counts as acknowledged when it is gone from the folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from itertools import count
from pathlib import Path

from gateway.profiles import AnalyzerProfile
from gateway.protocols.tables import Content, content_of
from simulators.analyzer import GaveUp

_SUFFIXES = {Content.DELIMITED: "csv", Content.WORKBOOK: "xlsx", Content.MARKUP: "xml"}


class Manner(Enum):
    """How a device writes a file."""

    RENAMED = auto()  # under a name of its own, then renamed
    IN_PIECES = auto()  # in place, piece by piece
    AT_ONCE = auto()


class FileWriter:
    """``wait`` is how long a file may stay in the folder, ``pause`` the time between pieces."""

    def __init__(
        self,
        profile: AnalyzerProfile,
        folder: Path,
        *,
        manner: Manner = Manner.RENAMED,
        wait: float = 120.0,
        pause: float = 0.2,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._profile = profile
        self._folder = folder
        self._manner = manner
        self._wait = wait
        self._pause = pause
        self._sleep = sleep
        self._numbers = count(1)
        self.delivered = 0

    async def send(self, message: Sequence[bytes]) -> None:
        """Returns when every file was taken; GaveUp when one stays too long."""
        for payload in message:
            path = await self._written(payload)
            waited = 0.0
            while await asyncio.to_thread(path.exists):
                if waited >= self._wait:
                    raise GaveUp(f"a file was not taken in {self._wait:.0f} s")
                await self._sleep(0.1)
                waited += 0.1
            self.delivered += 1

    async def aclose(self) -> None:
        """Nothing is open between files."""

    async def _written(self, payload: bytes) -> Path:
        path = await asyncio.to_thread(self._free, _SUFFIXES.get(content_of(payload), "hl7"))
        match self._manner:
            case Manner.RENAMED:
                partial = path.with_name(f"{path.name}.part")
                await asyncio.to_thread(partial.write_bytes, payload)
                await asyncio.to_thread(partial.rename, path)
            case Manner.IN_PIECES:
                await self._in_pieces(path, payload)
            case Manner.AT_ONCE:
                await asyncio.to_thread(path.write_bytes, payload)
        return path

    async def _in_pieces(self, path: Path, payload: bytes) -> None:
        size = max(1, len(payload) // 4)
        for start in range(0, len(payload), size):
            with await asyncio.to_thread(path.open, "ab") as file:
                await asyncio.to_thread(file.write, payload[start : start + size])
            await self._sleep(self._pause)

    def _free(self, suffix: str) -> Path:
        """A name the device has not used yet."""
        for number in self._numbers:
            path = self._folder / f"{self._profile.name}-{number:05d}.{suffix}"
            if not path.exists():
                return path
        raise GaveUp("no name is left")
