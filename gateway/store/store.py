"""The store: what survives a power cut.  Opens, closes, reopens; journals what the wires bring.

``append`` never blocks; its ``done(None)`` is called in the loop's thread after the COMMIT that put
the entry on disk, and only then may a device be acknowledged.  ``close_transmission`` files what a
conversation means in one transaction.  After an I/O error nothing is promised any more until
``reopen``; a full disk mends itself when room returns.  Transmissions that could not be closed, and
those a crash left open, wait in ``unfinished``: recover them, then deliver, then listen.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import apsw

from gateway.errors import StoreError
from gateway.notices import DeliveryParked, Notice
from gateway.store import transmission_closing
from gateway.store.audit import Audit
from gateway.store.backup import back_up
from gateway.store.books import Books
from gateway.store.engine import Engine
from gateway.store.filing import Filed
from gateway.store.holds import Holds
from gateway.store.journal import ENTRY, EVIDENCE, NotOpen, OpenTransmission, Transmission
from gateway.store.lifecycle import Condition, Lifecycle
from gateway.store.lock import DirectoryLock, take_directory
from gateway.store.migrate import package_steps
from gateway.store.outbox import Outbox
from gateway.store.pages import Opening
from gateway.store.purge import purge
from gateway.store.reports import Reports
from gateway.store.site import Counters
from gateway.store.space import Space, SpacePolicy
from gateway.store.sweep import Progress, SweepResult, sweep
from gateway.store.transmission_closing import NOTHING, Closing, Filing
from gateway.store.transmissions import Outcome, Transmissions
from gateway.store.writer import Done, nobody_waits

DEFAULT_SPACE = SpacePolicy()


def _unheard(_notice: Notice) -> None:
    """The default for ``post``."""


class Store:
    """Made by ``await Store.open(...)``.  The tables' verbs are on ``outbox``, ``holds``,
    ``reports``, ``transmissions``, ``books``, ``audit`` and ``counters``.

    ``site_key``: 32 secret bytes of this site, for control ids.  ``damaged_pages``: journal pages
    that were not what had been written when the store was opened."""

    def __init__(
        self,
        engine: Engine,
        lifecycle: Lifecycle,
        lock: DirectoryLock | None,
        post: Callable[[Notice], None],
    ) -> None:
        self.engine = engine
        self._lifecycle = lifecycle
        self._lock = lock
        self._post = post
        self._live: dict[int, Transmission] = {}
        self._leaving: set[int] = set()
        self._last = lifecycle.opened.last_transmission
        self.site_key = lifecycle.opened.site_key
        self.damaged_pages = lifecycle.opened.damaged_pages
        self._started_at = engine.clock()
        self.outbox = Outbox(engine, self._parked_as_corrupt)
        self.holds = Holds(engine, self.outbox.announce)
        self.reports = Reports(engine, self.outbox.announce)
        self.transmissions = Transmissions(engine)
        self.books = Books(engine)
        self.audit = Audit(engine)
        self.counters = Counters(engine)

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        clock: Callable[[], datetime],
        read_only: bool = False,
        space: SpacePolicy = DEFAULT_SPACE,
        post: Callable[[Notice], None] = _unheard,
        randomness: Callable[[int], bytes] = os.urandom,
        steps: Sequence[str] | None = None,
    ) -> Store:
        """Locks the directory, migrates, verifies the journal and rebuilds what was open.

        ``read_only`` works beside a running gateway and writes nothing.  ``StoreError`` says what
        is wrong: in use, newer schema, no store yet, no room, disk failing."""
        engine = Engine(directory, clock)
        schema = tuple(steps) if steps is not None else package_steps()
        lifecycle = Lifecycle(engine, Space(directory, space), schema, randomness, post)
        if read_only:
            await lifecycle.start_reading()
            return cls(engine, lifecycle, None, post)
        lock = await asyncio.to_thread(take_directory, directory)
        try:
            await lifecycle.start()
        except BaseException:
            lock.release()
            raise
        return cls(engine, lifecycle, lock, post)

    async def aclose(self) -> None:
        """Writes what is pending and gives the directory free.  Harmless when closed already."""
        try:
            await self._lifecycle.stop()
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    async def reopen(self) -> None:
        """After ``FAILED``: a clean start on the same files.  Raises while the disk still fails.
        Everything that was open is in ``unfinished`` afterwards."""
        self._live.clear()
        self._leaving.clear()
        await self._lifecycle.reopen()
        self._last = max(self._last, self._lifecycle.opened.last_transmission)
        self.damaged_pages = self._lifecycle.opened.damaged_pages

    @property
    def condition(self) -> Condition:
        return self._lifecycle.condition

    @property
    def healthy(self) -> bool:
        """Whether writing works."""
        return self.condition in (Condition.WELL, Condition.LOW)

    @property
    def accepting(self) -> bool:
        """Whether new work may be taken; otherwise refuse enquiries so that devices keep theirs."""
        return self.condition is Condition.WELL

    @property
    def reason(self) -> str:
        """Why the store is not well; empty when it is."""
        return self._lifecycle.reason

    @property
    def in_doubt(self) -> frozenset[int]:
        """After an I/O error: transmissions acknowledged in the 2 s before it, or just then, that
        may not be on disk although SQLite said so."""
        return self._lifecycle.in_doubt

    def open_transmission(self, device: str, protocol: str, peer: str) -> int:
        """A new number; it is on disk with the first entry."""
        self._last += 1
        opening = Opening(device, protocol, peer, self.engine.clock())
        transmission = Transmission(self._last, opening)
        self._lifecycle.journal.open[self._last] = transmission
        self._live[self._last] = transmission
        return self._last

    def append(
        self, transmission: int, entry: bytes, done: Done, *, evidence: bool = False
    ) -> None:
        """``done(None)`` when it is on disk; ``done(StoreError)`` when it must not be acknowledged.
        Always later, in the loop's thread, in the order of the calls.  At most 64 MiB in all.
        ``evidence``: kept beside the accepted entries, not among them."""
        writer, live = self.engine.writer, self._at_hand(transmission)
        if writer is None or live is None:
            self._refuse(done, NotOpen(f"transmission {transmission} is not open"))
        elif len(entry) > live.room:
            self._refuse(done, StoreError(f"transmission {transmission} is too long"))
        else:
            live.room -= len(entry)
            writer.append(transmission, entry, done, EVIDENCE if evidence else ENTRY)

    def _at_hand(self, transmission: int) -> Transmission | None:
        """One that was opened while the store was being reopened stands in a journal of before."""
        live = self._live.get(transmission)
        return live if self._lifecycle.journal.open.get(transmission) is live else None

    def _refuse(self, done: Done, error: StoreError) -> None:
        asyncio.get_running_loop().call_soon(done, error)

    def evidence(self, transmission: int, entry: bytes) -> None:
        """Keeps bytes that were not accepted (a damaged frame, noise); nobody waits for it.  Past
        1 MiB of them no more are kept."""
        writer, live = self.engine.writer, self._at_hand(transmission)
        if writer is not None and live is not None and len(entry) <= live.evidence_room:
            live.evidence_room -= len(entry)
            writer.append(transmission, entry, nobody_waits, EVIDENCE)

    def forget_transmission(self, transmission: int) -> None:
        """Ends one that brought nothing at all (a heartbeat): no row is written."""
        self._live.pop(transmission, None)
        opened = self._lifecycle.journal.open.get(transmission)
        if opened is not None and opened.first_page is None:
            del self._lifecycle.journal.open[transmission]

    async def close_transmission(
        self,
        transmission: int,
        outcome: Outcome,
        reason: str = "",
        filing: Filing | None = None,
        *,
        profile: str = "",
        device: str | None = None,
    ) -> Filed:
        """Its row with all accepted entries, and what ``filing`` brings, in one transaction.
        ``device`` names who it was when that was not known at opening.

        When that fails the transmission is in ``unfinished`` and may be closed later; ``NotOpen``
        means that somebody else has closed it."""
        if transmission in self._leaving:
            raise NotOpen(f"transmission {transmission} is being closed")

        def operation(connection: apsw.Connection) -> Filed:
            closing = self._closing(transmission, outcome, reason, profile, device)
            return transmission_closing.file(
                self.engine, connection, closing, filing or NOTHING, self._started_at
            )

        journal = self._lifecycle.journal
        self._live.pop(transmission, None)
        self._leaving.add(transmission)
        return await self.engine.write(
            operation,
            after=lambda filed: self.outbox.announce(filed.destinations, filed.ready),
            always=lambda: self._leaving.discard(transmission),
            committed=lambda: journal.filed(transmission),
        )

    async def file_known(self, device: str, peer: str) -> bool:
        """Whether a message from a folder, known by ``peer``, has been filed for the device."""
        return await self.transmissions.file_known(device, peer)

    def unfinished(self) -> Sequence[OpenTransmission]:
        """On disk and closed by nobody, the oldest first; they no longer change."""
        opened = sorted(self._lifecycle.journal.open.values(), key=_number)
        busy = self._live.keys() | self._leaving
        return [t.snapshot() for t in opened if t.id not in busy and t.first_page is not None]

    async def sweep(self, progress: Progress | None = None) -> SweepResult:
        """Compares everything stored with its hashes; takes as long as reading the whole file."""
        report = self._in_loop(progress)
        return await asyncio.to_thread(sweep, self.engine.database, self._lifecycle.steps, report)

    async def back_up(self, target: Path, progress: Progress | None = None) -> SweepResult:
        """A verified copy of everything in the new file ``target``, made while the store runs."""
        report = self._in_loop(progress)
        return await asyncio.to_thread(
            back_up, self.engine.database, target, self._lifecycle.steps, report
        )

    async def purge(self, before: datetime, *, actor: str) -> int:
        """Forgets transmissions closed before then; never what is undelivered or held."""
        return await purge(self.engine, before, actor)

    def _in_loop(self, progress: Progress | None) -> Progress:
        """``progress`` called in the loop's thread, whichever thread reports."""
        loop = asyncio.get_running_loop()
        report = progress or _unwatched

        def from_thread(done: int, total: int) -> None:
            loop.call_soon_threadsafe(report, done, total)

        return from_thread

    def _closing(
        self, number: int, outcome: Outcome, reason: str, profile: str, device: str | None
    ) -> Closing:
        transmission = self._lifecycle.journal.open.get(number)
        if transmission is None:
            raise NotOpen(f"transmission {number} is not open")
        ended = transmission.snapshot()
        name = device or ended.device
        return Closing(ended, name, profile, outcome, reason, self.engine.clock())

    def _parked_as_corrupt(self, entry: int, destination: str) -> None:
        self._post(DeliveryParked(destination, entry, "", "stored message is damaged"))


def _unwatched(_done: int, _total: int) -> None:
    """The default for ``progress``."""


def _number(transmission: Transmission) -> int:
    return transmission.id
