"""A device that exports files: each message of a file to the journal, then the file to the archive.

What a line acknowledges by ACK a folder acknowledges by moving the file, and never before every
message in it is on disk.  A message is known by the hash of its content and never taken twice, also
over a crash between the commit and the moving.  What no message can be made of is kept as evidence.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from gateway.drivers.link import Journal, Site
from gateway.errors import StoreError
from gateway.intake import Arrival
from gateway.notices import DuplicateSeen, FrameRefused, Heard, LinkState
from gateway.profiles.link import Link
from gateway.profiles.recording import Recorded, read_file
from gateway.transports.inbox import Document, Inbox

PROTOCOL: Final = "file"
INTERVAL: Final = 1.0
_MOST_KEPT: Final = 500  # names remembered until their transmissions are seen to be filed


class Ledger(Journal, Protocol):
    """A journal that remembers which files it holds."""

    async def file_known(self, device: str, peer: str) -> bool: ...


class FolderLink:
    """``run`` looks every ``interval`` seconds until it is cancelled."""

    def __init__(
        self,
        site: Site,
        ledger: Ledger,
        inbox: Inbox,
        link: Link,
        observe: Callable[[LinkState, str], None],
        *,
        interval: float = INTERVAL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._site = site
        self._ledger = ledger
        self._inbox = inbox
        self._link = link
        self._observe = observe
        self._interval = interval
        self._sleep = sleep
        self._kept: set[str] = set()  # committed, perhaps not filed yet
        self._told: tuple[LinkState, str] | None = None

    async def run(self) -> None:
        while True:
            await self.look()
            await self._sleep(self._interval)

    async def look(self) -> int:
        """Takes every file that is ready; how many were moved."""
        try:
            paths = await asyncio.to_thread(self._inbox.ready)
        except OSError as error:
            self._tell(LinkState.RETRYING, f"the folder {(error.strerror or 'is gone').lower()}")
            return 0
        moved = 0
        for path in paths:
            moved += await self._take(path)
        if len(self._kept) > _MOST_KEPT:
            self._kept = {peer for peer in self._kept if not await self._filed(peer)}
        self._say_how_it_is()
        return moved

    async def _take(self, path: Path) -> bool:
        if self._inbox.taken(path):
            await asyncio.to_thread(self._inbox.retry_move, path)
            return False
        if not self._site.journal.accepting:
            return False
        document = await asyncio.to_thread(self._inbox.read, path)
        if document is None or not await self._keep(document):
            return False
        return await asyncio.to_thread(self._inbox.archive, document)

    async def _keep(self, document: Document) -> bool:
        """Whether everything in the file is on disk now."""
        self._site.notices.post(Heard(self._site.name))
        found = await asyncio.to_thread(read_file, document.data, self._link)
        whole = [one for one in found if one.complete]
        try:
            if not whole:
                await self._keep_evidence(document, found)
            for one in whole:
                await self._keep_message(one)
            for one in found if whole else ():
                if not one.complete and one.payload:
                    await self._keep_broken(one.payload, one.reason)
        except StoreError:
            self._site.notices.post(FrameRefused(self._site.name, "not stored"))
            return False
        return True

    async def _keep_message(self, one: Recorded) -> None:
        peer = _named(one.payload)
        if await self._known(peer):
            self._site.notices.post(DuplicateSeen(self._site.name, 0, 0))
            return
        number = await self._commit(one.payload, peer)
        arrival = Arrival(number, self._site.candidates, PROTOCOL, one.payload, one.checked, peer)
        self._site.recipient.complete(arrival)

    async def _keep_evidence(self, document: Document, found: Sequence[Recorded]) -> None:
        """A file without a single whole message."""
        reason = next((one.reason for one in found if one.reason), "no message in the file")
        await self._keep_broken(document.data, reason)

    async def _keep_broken(self, data: bytes, reason: str) -> None:
        peer = _named(data)
        if await self._known(peer):
            return
        self._site.notices.post(FrameRefused(self._site.name, reason))
        number = await self._commit(data, peer, evidence=True)
        arrival = Arrival(number, self._site.candidates, PROTOCOL, data, False, peer)
        self._site.recipient.incomplete(arrival, reason)

    async def _known(self, peer: str) -> bool:
        return peer in self._kept or await self._filed(peer)

    async def _filed(self, peer: str) -> bool:
        return await self._ledger.file_known(self._site.name, peer)

    async def _commit(self, data: bytes, peer: str, *, evidence: bool = False) -> int:
        """The transmission's number once ``data`` is on disk; StoreError when it is not."""
        journal = self._site.journal
        number = journal.open_transmission(self._site.name, PROTOCOL, peer)
        done: asyncio.Future[StoreError | None] = asyncio.get_running_loop().create_future()

        def committed(error: StoreError | None) -> None:
            if not done.done():
                done.set_result(error)

        journal.append(number, data, committed, evidence=evidence)
        if (error := await done) is not None:
            raise error
        self._kept.add(peer)
        return number

    def _say_how_it_is(self) -> None:
        troubles = sorted(self._inbox.troubles.items())
        if troubles:
            text = "; ".join(f"{count} waiting: {why}" for why, count in troubles)
            self._tell(LinkState.RETRYING, text)
        else:
            self._tell(LinkState.UP, "watching the folder")

    def _tell(self, state: LinkState, text: str) -> None:
        if self._told != (state, text):
            self._told = (state, text)
            self._observe(state, text)


def _named(data: bytes) -> str:
    """What the journal knows a file's message by: never its name, which may be a patient's."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
